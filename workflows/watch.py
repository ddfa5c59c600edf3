"""Looking at past leavers again, for audits and follow-ups: reads systems, writes verdicts and findings."""

from collections.abc import Sequence

from sqlmodel import Session, select

from connectors.contract import Account as Found
from connectors.contract import AccountId, Accounts, Observation, Verdict
from connectors.errors import ConnectorError
from workflows.findings import Findings, Sighting
from workflows.model import Account, Case
from workflows.notes import Note, seal
from workflows.vault import Vault
from workflows.work import say


def observe(accounts: Accounts, ids: Sequence[AccountId], batch: int) -> dict[AccountId, Observation]:
    """Read many accounts, `batch` a call. An account that the answer leaves out is unknown, never assumed locked."""
    seen: dict[AccountId, Observation] = {}
    for start in range(0, len(ids), batch):
        page = ids[start : start + batch]
        answer = accounts.observe(page)
        for one in page:
            seen[one] = answer.get(
                one, Observation(Verdict.UNKNOWN, "bulk read", "the system's answer left this account out")
            )
    return seen


def record(session: Session, vault: Vault, findings: Findings, row: Account, seen: Observation, by: str) -> None:
    """Write what a fresh read showed; open or close the findings that follow from it."""
    key = session.get_one(Case, row.case_id).wrapped_key
    row.verdict = seen.verdict
    row.note = seal(vault, key, f"account:{row.id}", Note(seen.reason, seen.how))
    session.add(row)
    why = seen.reason or "the account is enabled again"
    opened = Sighting("open again", row.case_id, row.system, row.account_id, why)
    unread = Sighting("not verified", row.case_id, row.system, row.account_id, seen.reason)
    if seen.verdict is Verdict.OPEN:
        findings.see(session, opened, by)
    elif seen.verdict is Verdict.UNKNOWN:
        findings.see(session, unread, by)
    else:
        findings.clear(session, opened)
    if seen.verdict is not Verdict.UNKNOWN:
        findings.clear(session, unread)


def known(session: Session, access_id: str) -> list[Account]:
    """Return the account rows of one system of one case."""
    return list(session.exec(select(Account).where(Account.access_id == access_id).order_by(Account.id)))


def newcomers(found: Sequence[Found], rows: Sequence[Account]) -> list[Found]:
    """Return accounts that a lookup shows and the case does not know, unless they are locked."""
    ids = {row.account_id for row in rows}
    return [account for account in found if account.id not in ids and account.verdict is not Verdict.LOCKED]


def see_newcomer(session: Session, findings: Findings, case_id: str, system: str, account: Found, by: str) -> None:
    """Open the finding for an account that was made, or given the leaver's address, after the lock-out."""
    detail = f"made or renamed since; matches by {account.matched_by}"
    findings.see(session, Sighting("new account", case_id, system, account.id, detail), by)


def see_stranger(session: Session, findings: Findings, case_id: str, system: str, account: Found, by: str) -> None:
    """Open the finding for an account that has the leaver's address and is not theirs as far as the directory knows.

    It is never called theirs, and never locked for this case: a person must look.
    """
    detail = f"the address belongs to an account of somebody else by now; matches by {account.matched_by}"
    findings.see(session, Sighting("address reused", case_id, system, account.id, detail), by)


def unreadable(system: str, title: str, error: ConnectorError) -> str:
    """Return the sentence for a system that an audit could not read."""
    return f"{title} ({system}): {say(error)}"
