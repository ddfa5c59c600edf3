"""Looking at past leavers again, for audits and follow-ups: reads systems, writes verdicts and findings."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, select

from connectors.contract import Account as Found
from connectors.contract import AccountId, Accounts, Observation, Verdict
from connectors.errors import ConnectorError
from workflows.findings import Sighting, clear, see
from workflows.journal import HANDOVER, Journal
from workflows.model import Account
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


def record(session: Session, journal: Journal, row: Account, seen: Observation, now: datetime, by: str) -> None:
    """Write what a fresh read showed; open or close the findings that follow from it."""
    row.verdict, row.reason, row.how, row.read_at = seen.verdict, seen.reason, seen.how, now
    session.add(row)
    opened = Sighting(
        "open again", row.case_id, row.system, row.account_id, seen.reason or "the account is enabled again"
    )
    unread = Sighting("not verified", row.case_id, row.system, row.account_id, seen.reason)
    if seen.verdict is Verdict.OPEN:
        see(session, journal, opened, now, by)
    elif seen.verdict is Verdict.UNKNOWN:
        see(session, journal, unread, now, by)
    else:
        clear(session, journal, opened, now, HANDOVER)
    if seen.verdict is not Verdict.UNKNOWN:
        clear(session, journal, unread, now, HANDOVER)


def known(session: Session, access_id: str) -> list[Account]:
    """Return the account rows of one system of one case."""
    return list(session.exec(select(Account).where(Account.access_id == access_id).order_by(Account.id)))


def newcomers(found: Sequence[Found], rows: Sequence[Account]) -> list[Found]:
    """Return accounts that a lookup shows and the case does not know, unless they are locked."""
    ids = {row.account_id for row in rows}
    return [account for account in found if account.id not in ids and account.verdict is not Verdict.LOCKED]


def unreadable(system: str, title: str, error: ConnectorError) -> str:
    """Return the sentence for a system that an audit could not read."""
    return f"{title} ({system}): {say(error)}"
