"""Repeated reads of past leavers' accounts, for audits and follow-ups. Writes verdicts and findings."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from operator import attrgetter

from sqlmodel import Session, select

from config.text import _
from connectors.contract import Account, AccountId, Accounts, Observation, Trace, Verdict
from connectors.errors import Conflict, ConnectorError, Missing
from workflows.access.account_state import SEVERITY, AccountData, VerdictNote, seal, seal_note
from workflows.storage.case import refresh_case_message
from workflows.storage.findings import FindingReport, Findings, open_of
from workflows.storage.journal import HANDOVER, Journal, Personal
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import FindingKind
from workflows.storage.vault import SEALED, Vault, WrongKey
from workflows.storage.work import reopen, say
from workflows.systems.registry import System

LOOK_BACK = timedelta(days=90)
MOST_ASKED = 50
"""Accounts of one page whose last change is asked for one by one. Beyond that, use the system's own log."""


MALFORMED = (Missing, Conflict, ValueError, LookupError, TypeError, AttributeError)
"""Errors of a single bad record. Any other error concerns the whole system, and stops its sweep."""
log = logging.getLogger(__name__)


def observe(accounts: Accounts, ids: Sequence[AccountId], batch: int) -> dict[AccountId, Observation]:
    """Read many accounts, `batch` a call. An account that the answer leaves out is unknown, never assumed locked.

    So is an account whose id in our rows no key opens: that a system does not know such an id proves nothing.
    """
    seen: dict[AccountId, Observation] = {}
    asked = [one for one in ids if not one.startswith(SEALED)]
    for start in range(0, len(asked), batch):
        seen |= _page(accounts, asked[start : start + batch])
    if len(asked) < len(ids):
        lost = Observation(Verdict.UNKNOWN, _("bulk read"), _("the account's id was changed in the database"))
        seen |= dict.fromkeys(set(ids) - set(asked), lost)
    return seen


def _page(accounts: Accounts, ids: Sequence[AccountId]) -> dict[AccountId, Observation]:
    """Read a page. If one record is unreadable, halve the page until only that record is unknown."""
    try:
        answer = accounts.observe(ids)
    except MALFORMED as error:
        if len(ids) > 1:
            middle = len(ids) // 2
            return _page(accounts, ids[:middle]) | _page(accounts, ids[middle:])
        log.warning("account %s cannot be read: %s", ids[0], type(error).__name__)
        return {ids[0]: Observation(Verdict.UNKNOWN, _("bulk read"), malformed(error))}
    left_out = Observation(Verdict.UNKNOWN, _("bulk read"), _("the system's answer left this account out"))
    return {account: answer.get(account, left_out) for account in ids}


def malformed(error: Exception) -> str:
    """Return the sentence for one unreadable record.

    An unexpected error's text may hold personal data, so it is left out.
    """
    if isinstance(error, ConnectorError):
        return say(error)
    return _("the system's record of this account is malformed ({kind})").format(kind=type(error).__name__)


def record(
    session: Session,
    vault: Vault,
    findings: Findings,
    row: LeaverAccount,
    seen: Observation,
    by: str,
    now: datetime,
    changed_by: str = "",
) -> None:
    """Write the result of a fresh read; open or close the findings that follow, and update the case's own line.

    `changed_by`: the last person to change the account, if the system shows that.
    """
    changed = row.verdict != seen.verdict
    row.note = _sealed(session, vault, row, seen)
    row.verdict, row.read_at = seen.verdict, now
    session.add(row)
    was_locked = session.get_one(Access, row.access_id).locked_at is not None
    why = seen.reason or (_("the account is enabled again") if was_locked else _("the account was never locked"))
    opened = FindingReport(FindingKind.OPEN_AGAIN, row.case_id, row.system, row.account_id, why, changed_by=changed_by)
    unread = FindingReport(FindingKind.NOT_VERIFIED, row.case_id, row.system, row.account_id, seen.reason)
    if seen.verdict is Verdict.OPEN:
        findings.report(session, opened, by)
    elif seen.verdict is Verdict.UNKNOWN:
        findings.report(session, unread, by)
    else:
        findings.close_resolved(session, opened)
    if seen.verdict is not Verdict.UNKNOWN:
        findings.close_resolved(session, unread)
    if changed:
        session.flush()
        update_access_verdict(session, vault, findings.journal, row.access_id, seen, now)


def update_access_verdict(
    session: Session,
    vault: Vault,
    journal: Journal,
    access_id: str,
    seen: Observation,
    now: datetime,
    *,
    choose: bool = False,
) -> None:
    """Update the case's own line after a read of one account, so that no message shows an outdated lock.

    `choose`: a person must link the account, or say that there is none.

    The line shows the worst of its accounts. It stays as it is if another account is worse. While an account matches
    that nobody has linked or denied, it never gets better.
    """
    verdicts = [row.verdict for row in known(session, access_id)]
    if any(SEVERITY.index(Verdict(verdict)) < SEVERITY.index(seen.verdict) for verdict in verdicts):
        return
    access = session.get_one(Access, access_id)
    stays = seen.verdict is not Verdict.OPEN and SEVERITY.index(Verdict(access.verdict)) <= SEVERITY.index(seen.verdict)
    open_findings = open_of(session, access.case_id, access.system) if stays else ()
    if any(finding.kind == FindingKind.NEW_ACCOUNT for finding in open_findings):
        return
    said = {"system": access.system, "verdict": seen.verdict}
    journal.write(session, actor=HANDOVER, action="access.observed", case_id=access.case_id, data=said)
    access.note = _sealed(session, vault, access, seen, choose=choose)
    access.verdict, access.read_at = seen.verdict, now
    session.add(access)
    refresh_case_message(session, access.case_id)


def changes(system: System, opened: Sequence[str], now: datetime) -> dict[str, str]:
    """Return who changed the newly opened accounts, if the system shows that. A missing answer stops nothing."""
    trace = system.having(Trace)
    return {account: _changed_by(trace, AccountId(account), now) for account in opened[:MOST_ASKED]} if trace else {}


def _changed_by(trace: Trace, account: AccountId, now: datetime) -> str:
    try:
        return trace.changed_by(account, now - LOOK_BACK)
    except ConnectorError as error:
        return _("not known ({why})").format(why=say(error))


def _sealed(
    session: Session, vault: Vault, row: Access | LeaverAccount, seen: Observation, *, choose: bool = False
) -> bytes:
    """Seal the words of a read. If the case's key does not open, only the verdict is kept."""
    key, note = session.get_one(Case, row.case_id).wrapped_key, VerdictNote(seen.reason, seen.how, choose)
    try:
        return seal_note(session, vault, key, row, seen.verdict, note)
    except WrongKey:
        return b""


def known(session: Session, access_id: str) -> list[LeaverAccount]:
    """Return the account rows of one system of one case."""
    rows = session.exec(select(LeaverAccount).where(LeaverAccount.access_id == access_id))
    return sorted(rows, key=attrgetter("account_id"))


def new_accounts(found: Sequence[Account], rows: Sequence[LeaverAccount]) -> list[Account]:
    """Return the accounts of a lookup that are not in the case and not locked."""
    ids = {row.account_id for row in rows}
    return [account for account in found if account.id not in ids and account.verdict is not Verdict.LOCKED]


def imaged(accounts: Accounts, account: Account) -> Account:
    """Return an account with its before-image if it is locked, as only such an account is adopted."""
    if account.verdict is not Verdict.LOCKED or account.before:
        return account
    return replace(account, before=accounts.before(account.id))


def adopt(
    session: Session,
    vault: Vault,
    journal: Journal,
    case: Case,
    access_id: str,
    account: Account,
    how: str,
    now: datetime,
) -> None:
    """Add the row of an account that a lookup showed locked: audits then notice if it is opened again."""
    row_id, before = f"{access_id}:{account.id}", dict(account.before.state) if account.before else {}
    data = AccountData(account.login, account.matched_by, before, was=account.verdict)
    reopen(session, access_id, account.id, now)
    system = access_id.rpartition(":")[2]
    journal.write(
        session,
        actor=HANDOVER,
        action="account.found",
        case_id=case.id,
        data={"system": system, "account": Personal(account.id), "by": account.matched_by},
    )
    session.add(
        LeaverAccount(
            id=row_id,
            access_id=access_id,
            case_id=case.id,
            system=system,
            account_id=account.id,
            verdict=account.verdict,
            note=seal(vault, case.wrapped_key, f"account:{row_id}", VerdictNote("", how)),
            read_at=now,
            sealed=vault.seal(case.wrapped_key, asdict(data), f"account:{row_id}"),
        )
    )


def report_new_account(
    session: Session, findings: Findings, case_id: str, system: str, account: Account, by: str, *, linked: bool = False
) -> None:
    """Open the finding for an account that was made, or given the leaver's address, after the lock-out.

    `linked`: a person has linked another account, so this one may be older than the lock-out.
    """
    words = (
        _("not the account that a person linked; matches by {by}")
        if linked
        else _("made or renamed since; matches by {by}")
    )
    findings.report(
        session,
        FindingReport(
            FindingKind.NEW_ACCOUNT,
            case_id,
            system,
            account.id,
            words.format(by=account.matched_by),
            login=account.login,
        ),
        by,
    )


def report_candidate(
    session: Session, findings: Findings, case_id: str, system: str, account: Account, by: str = "lock-out"
) -> None:
    """Open the finding for an account that may be the leaver's: a person must say. It is not locked by itself."""
    words = _("may be the leaver's too, by its name or number; it was not touched")
    findings.report(
        session,
        FindingReport(FindingKind.POSSIBLE, case_id, system, account.id, words, account.name, login=account.login),
        by,
    )


def report_reused_address(
    session: Session, findings: Findings, case_id: str, system: str, account: Account, by: str
) -> None:
    """Open the finding for an account with the leaver's address that belongs to another person in the directory.

    The account is never locked for this case: a person must decide.
    """
    detail = _("the address belongs to an account of somebody else by now; matches by {matched_by}").format(
        matched_by=account.matched_by
    )
    findings.report(
        session, FindingReport(FindingKind.ADDRESS_REUSED, case_id, system, account.id, detail, login=account.login), by
    )


def unreadable(system: str, title: str, error: ConnectorError) -> str:
    """Return the sentence for a system that an audit could not read."""
    named = title if title.endswith(f"({system})") else f"{title} ({system})"
    return f"{named}: {say(error)}"
