"""Results of a lock-out where no account could be locked for sure: a person must choose."""

from collections.abc import Collection, Mapping

from config.text import _, join, ngettext
from connectors.contract import Account, AccountId, Lookup, Verdict
from workflows.access.account_lockout import LockoutResult
from workflows.access.account_state import GOOD
from workflows.access.links import Match
from workflows.access.lockout_start import SystemLockout
from workflows.storage.rows.watch import FindingKind


def gone_before_lock(job: SystemLockout, gone: Collection[str]) -> list[LockoutResult]:
    """Return the result for accounts that an earlier attempt found, that no read showed locked, and that are gone."""
    never = [AccountId(row.account_id) for row in job.known if row.account_id in gone and row.verdict not in GOOD]
    return missing(job, {one: one for one in never} if job.access.locked_at is None else {})


def missing(job: SystemLockout, gone: Mapping[AccountId, str]) -> list[LockoutResult]:
    """Return the result for accounts that were seen and are gone: account id to log-in.

    A person's word settles it: there is no account, or it is another one than the account that is gone.
    """
    chosen = job.own_links.accounts
    logins = [login for account, login in gone.items() if account in chosen or not chosen]
    if not logins or job.nobody:
        return []
    reason = _("CHOOSE THE ACCOUNT: {logins} was there at notice and is gone").format(logins=", ".join(logins))
    return [
        LockoutResult(
            Verdict.UNKNOWN, reason, _("read by id"), complete=False, finding=FindingKind.NOT_LINKED, choose=True
        )
    ]


def choose(match: Match, lookup: Lookup, beside: int) -> LockoutResult:
    """Return the result where a person must choose. `beside`: accounts that are known, and were locked."""
    if beside:
        reason = ngettext(
            "CHOOSE THE ACCOUNT: {count} more account matches and was not touched",
            "CHOOSE THE ACCOUNT: {count} more accounts match and were not touched",
            match.ambiguous,
        )
    else:
        reason = ngettext(
            "CHOOSE THE ACCOUNT: {count} account matches and none was touched",
            "CHOOSE THE ACCOUNT: {count} accounts match and none was touched",
            match.ambiguous,
        )
    said = join("; ", (reason.format(count=match.ambiguous), match.note))
    return LockoutResult(Verdict.UNKNOWN, said, lookup.how, complete=False, choose=True)


def of_another(account: Account, owner: str) -> LockoutResult:
    """Return the result for an account whose address belongs to somebody else in the directory."""
    reason = _("CHOOSE THE ACCOUNT: {login} has the address of {owner} in the directory, so it was not touched")
    said = reason.format(login=account.login, owner=owner)
    return LockoutResult(Verdict.UNKNOWN, said, account.matched_by, complete=False, choose=True)


def remade(lookup: Lookup) -> LockoutResult:
    """Return the result where the known account is gone, and another one has its names."""
    reason = _("CHOOSE THE ACCOUNT: the known account is gone, and another one has its address or log-in")
    return LockoutResult(Verdict.UNKNOWN, reason, lookup.how, complete=False, choose=True)
