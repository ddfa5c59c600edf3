"""Which cases and lines of cases an audit looks at: those whose time has come and that are watched."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from connectors.contract import Account as Found
from connectors.contract import Verdict
from workflows.cases import UNWATCHED
from workflows.model import Access, Account, Case, CaseState, Finding, WorkState
from workflows.vault import Vault

WATCHED = tuple(state for state in CaseState if state not in UNWATCHED)
"""Named one by one, so that the index over states and moments answers, and no row has to be read."""


def past_cases(now: datetime) -> SelectOfScalar[str]:
    """Return the query for every case whose time has come, oldest first."""
    return select(Case.id).where(*_past(now)).order_by(col(Case.effective_at))


def count(session: Session, now: datetime) -> int:
    """Return how many cases are past."""
    return session.exec(select(sa.func.count()).select_from(Case).where(*_past(now))).one()


def apart(session: Session, now: datetime) -> set[str]:
    """Return the few cases that have accounts and are not watched: called off, undone, or not begun."""
    with_accounts = select(Case.id).where(select(Account.id).where(Account.case_id == Case.id).exists())
    unwatched = with_accounts.where(col(Case.state).in_(UNWATCHED))
    ahead = with_accounts.where(col(Case.state).in_(WATCHED), col(Case.effective_at) > now)
    return {*session.exec(unwatched), *session.exec(ahead)}


def systems(session: Session) -> list[str]:
    """Return every system that any case ever knew, by leaps through the index: their lines are very many."""
    names: list[str] = []
    while name := session.exec(
        select(sa.func.min(Access.system)).where(col(Access.system) > (names[-1] if names else ""))
    ).one():
        names.append(name)
    return names


def _past(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return col(Case.state).in_(WATCHED), col(Case.effective_at) <= now


def without_accounts(system: str) -> SelectOfScalar[Access]:
    """Return the query for the lines of watched cases that have no account in a system, as far as is known."""
    return (
        select(Access)
        .join(Case, col(Access.case_id) == col(Case.id))
        .where(
            Access.system == system,
            col(Access.verdict).in_((Verdict.ABSENT, Verdict.OPEN)),
            Access.state == WorkState.DONE,
            col(Case.state).not_in(UNWATCHED),
            ~select(Account.id).where(Account.access_id == Access.id).exists(),
            ~doubted("protected"),  # left alone on purpose, and said so: no newcomer
        )
    )


def never_confirmed(since: datetime) -> SelectOfScalar[Access]:
    """Return the query for the lines of watched cases, in effect `since` at least, that no read ever showed good.

    Left out is what an open finding says already: not linked, or left alone on purpose.
    """
    return (
        select(Access)
        .join(Case, col(Access.case_id) == col(Case.id))
        .where(
            Access.verdict == Verdict.UNKNOWN,
            col(Access.locked_at).is_(None),
            Access.state != WorkState.CANCELLED,
            col(Case.state).not_in(UNWATCHED),
            col(Case.effective_at) <= since,
            ~doubted("protected", "not linked"),
        )
    )


def in_cases(session: Session, vault: Vault, system: str, accounts: Sequence[Found]) -> set[str]:
    """Return which accounts a case is about already: by their id, or by the person's address."""
    keys = {vault.blind("mail:" + one.email.casefold()): str(one.id) for one in accounts if one.email}
    here = select(Account.account_id).where(
        Account.system == system, col(Account.account_id).in_([str(one.id) for one in accounts])
    )
    cases = select(Case.mail_key).where(col(Case.mail_key).in_(list(keys)), col(Case.state).not_in(UNWATCHED))
    return set(session.exec(here)) | {keys[key] for key in session.exec(cases)}


def doubted(*kinds: str) -> sa.Exists:
    """Return the condition that an open finding of one of these kinds is about the line as a whole."""
    return (
        select(Finding.id)
        .where(
            Finding.case_id == Access.case_id,
            Finding.system == Access.system,
            col(Finding.kind).in_(kinds),
            col(Finding.closed_at).is_(None),
        )
        .exists()
    )
