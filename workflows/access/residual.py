"""Access that outlives a lock, such as open connections: until when it may work, and the reads that end the time."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from config.text import _, stored
from connectors.contract import AccountId, Accounts, Residual, Verdict
from workflows.access.account_state import AccountData
from workflows.context import Context
from workflows.storage.case import refresh_case_message
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.vault import WrongKey

LONGEST = timedelta(hours=720)
"""Longest time that a system's settings allow."""


def noted(data: AccountData, residual: Residual, now: datetime, *, anew: bool) -> AccountData:
    """Return the data of an account with the time until which its access may work. Pure.

    A lock by somebody else counts from its first read. A read that shows that nothing is left ends the time.
    """
    if not residual.lasts:
        none = _("read after the lock: no open connection of the account is left")
        return replace(data, residual="", residual_until="").plus(none, "")
    if data.residual_until and not anew:
        return data
    return replace(data, residual=stored(residual.what), residual_until=(now + residual.lasts).isoformat())


def look_again(context: Context, system: str, accounts: Accounts) -> None:
    """Read again for every account whose time is not over, and end it where nothing is left."""
    if type(accounts).residual is Accounts.residual:
        return
    now = context.clock.now()
    recent = select(Access.id).where(Access.system == system, col(Access.locked_at) > now - LONGEST)
    query = (
        select(LeaverAccount, Case)
        .join(Case, col(LeaverAccount.case_id) == col(Case.id))
        .where(col(LeaverAccount.access_id).in_(recent), LeaverAccount.verdict == Verdict.LOCKED)
    )
    with context.store.read() as session:
        rows = session.exec(query).all()
    for row, case in rows:
        data = _open(context, case.wrapped_key, row)
        if data is None or not data.residual_until or datetime.fromisoformat(data.residual_until) <= now:
            continue
        residual = accounts.residual(AccountId(row.account_id))
        if residual and not residual.lasts:
            _end(context, row.id, case.id, residual)


def _open(context: Context, key: bytes, row: LeaverAccount) -> AccountData | None:
    try:
        return AccountData(**context.vault.open(key, row.sealed, f"account:{row.id}"))
    except WrongKey:  # the sweep itself says so
        return None


def _end(context: Context, row_id: str, case_id: str, residual: Residual) -> None:
    now = context.clock.now()

    def write(session: Session) -> None:
        row, key = session.get_one(LeaverAccount, row_id), session.get_one(Case, case_id).wrapped_key
        data = _open(context, key, row)
        if data is None:
            return
        row.sealed = context.vault.seal(key, noted(data, residual, now, anew=False), f"account:{row_id}")
        session.add(row)
        refresh_case_message(session, case_id)
        facts = {"system": row.system, "account": Personal(row.account_id)}
        context.journal.write(session, actor=HANDOVER, action="access.residual_ended", case_id=case_id, data=facts)

    context.store.group_write(write, case_id)
