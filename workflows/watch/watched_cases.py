"""Watched cases that an audit reads: those whose time has come, their lines, and lock-outs that no read confirmed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.identifiers import origins
from config.text import _, ngettext
from connectors.contract import Account, Verdict
from workflows.context import Context
from workflows.storage.case import UNWATCHED, mail_key, name_key, number_key
from workflows.storage.findings import FindingReport, still_open
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case, CaseName, CaseState
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.vault import Vault

WATCHED = tuple(state for state in CaseState if state not in UNWATCHED)
"""States listed one by one, so that the index over states and times answers and no row is read."""

TIME_TO_READ = timedelta(hours=1)
"""Time after a lock-out was due from which a missing successful read is a finding."""
OVER = (CaseState.CANCELLED, CaseState.UNDONE, CaseState.CLOSED, CaseState.ON_LEAVE, CaseState.EARLIER)
"""States of cases that explain no account: such a case locks nobody out, now or later."""


def past_cases(now: datetime) -> SelectOfScalar[str]:
    """Return the query for every case whose time has come, oldest first."""
    return select(Case.id).where(*_past(now)).order_by(col(Case.effective_at))


def past_case_pages(store: Store, now: datetime, size: int) -> Iterator[list[str]]:
    """Yield the ids of every case whose time has come, page by page, in the order of opening."""
    query = select(Case.id).where(*_past(now)).order_by(col(Case.id)).limit(size)
    after = ""
    while True:
        with store.read() as session:
            page = list(session.exec(query.where(col(Case.id) > after)))
        if not page:
            return
        yield page
        after = page[-1]


def count(session: Session, now: datetime) -> int:
    """Return the number of past cases."""
    return session.exec(select(sa.func.count()).select_from(Case).where(*_past(now))).one()


def unwatched_case_ids(session: Session, now: datetime) -> set[str]:
    """Return the few cases that have accounts and are not watched: cancelled, undone, or not begun."""
    with_accounts = select(Case.id).where(select(LeaverAccount.id).where(LeaverAccount.case_id == Case.id).exists())
    unwatched = with_accounts.where(col(Case.state).in_(UNWATCHED))
    ahead = with_accounts.where(col(Case.state).in_(WATCHED), col(Case.effective_at) > now)
    return {*session.exec(unwatched), *session.exec(ahead)}


def _past(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return col(Case.state).in_(WATCHED), col(Case.effective_at) <= now


def without_accounts(system: str) -> SelectOfScalar[Access]:
    """Return the query for lines of watched cases without a known account in a system.

    The query includes lines that were settled once and are not now, for example because a person must choose among
    accounts.
    """
    settled = col(Access.state) == WorkState.DONE
    in_doubt = sa.and_(col(Access.locked_at).is_not(None), col(Access.state) != WorkState.CANCELLED)
    return (
        select(Access)
        .join(Case, col(Access.case_id) == col(Case.id))
        .where(
            Access.system == system,
            col(Access.verdict).in_((Verdict.ABSENT, Verdict.OPEN, Verdict.UNKNOWN)),
            sa.or_(settled, in_doubt),
            col(Case.state).not_in(UNWATCHED),
            ~select(LeaverAccount.id).where(LeaverAccount.access_id == Access.id).exists(),
            ~has_open_finding(FindingKind.PROTECTED),  # left alone on purpose, with a finding: no new account
        )
    )


def having_accounts(system: str) -> SelectOfScalar[str]:
    """Return the query for lines of watched cases with accounts in a system, where another account would be new.

    Lines with an open finding are left out: a person must choose, or left an account alone on purpose.
    """
    return (
        select(Access.id)
        .join(Case, col(Access.case_id) == col(Case.id))
        .where(
            Access.system == system,
            Access.state != WorkState.CANCELLED,
            sa.or_(col(Access.verdict) != Verdict.UNKNOWN, col(Access.locked_at).is_not(None)),
            col(Case.state).not_in(UNWATCHED),
            select(LeaverAccount.id).where(LeaverAccount.access_id == Access.id).exists(),
            ~has_open_finding(FindingKind.PROTECTED, FindingKind.NOT_LINKED),
        )
    )


def in_cases(session: Session, vault: Vault, system: str, accounts: Sequence[Account]) -> set[str]:
    """Return the accounts of a case, by their id or one of the person's addresses.

    A log-in tells it only of an account without an address. A case that is over does not count.
    """
    keys = _by_name(vault, {one.id: (one, addresses(one) or logins(one)) for one in accounts}.values())
    here = (
        select(LeaverAccount.account_id)
        .join(Case, col(LeaverAccount.case_id) == col(Case.id))
        .where(
            LeaverAccount.system == system,
            col(LeaverAccount.account_id).in_([str(one.id) for one in accounts]),
            col(Case.state).not_in(OVER),
        )
    )
    found = _found(session, keys, col(Case.state).not_in(OVER))
    return {*session.exec(here), *(str(one.id) for _case_id, one in found)}


def in_open_cases(session: Session, vault: Vault, accounts: Sequence[Account]) -> dict[str, set[str]]:
    """Return the cases by account that are about it by an address. A case that is over does not count.

    A log-in tells it only of an account without an address.
    """
    keys = _by_name(vault, [(one, addresses(one) or logins(one)) for one in accounts])
    found = defaultdict[str, set[str]](set)
    states = [state for state in OVER if state != CaseState.ON_LEAVE]
    for case_id, account in _found(session, keys, col(Case.state).not_in(states)):
        found[account.id].add(case_id)
    return found


def in_watched_cases(
    session: Session, vault: Vault, accounts: Sequence[Account], now: datetime
) -> list[tuple[str, Account]]:
    """Return the accounts with an address or log-in of a past case's leaver, each with the case."""
    return _found(session, _by_name(vault, [(one, [*addresses(one), *logins(one)]) for one in accounts]), *_past(now))


def related_in_watched_cases(
    session: Session, vault: Vault, accounts: Sequence[Account], now: datetime
) -> list[tuple[str, Account]]:
    """Return the accounts that may be another one of a past case's leaver, by name or number, each with the case."""
    keys = _by_name(vault, [(one, origins((*addresses(one), *logins(one)))) for one in accounts])
    for one in accounts:
        if one.employee_number:
            keys[number_key(vault, one.employee_number)].append(one)
    return _found(session, keys, *_past(now))


def addresses(account: Account) -> list[str]:
    """Return the addresses of an account."""
    return [one for one in (account.email, *account.also) if one]


def logins(account: Account) -> list[str]:
    """Return the log-ins of an account."""
    return [one for one in (account.login, *account.logins) if one]


def _by_name(vault: Vault, named: Iterable[tuple[Account, Sequence[str]]]) -> dict[str, list[Account]]:
    """Return the accounts by the keys under which a case may be found: those of now, and of earlier versions."""
    keys = defaultdict[str, list[Account]](list)
    for account, names in named:
        for name in names:
            keys[name_key(vault, name)].append(account)
            keys[mail_key(vault, name)].append(account)
    return keys


def _found(
    session: Session, keys: Mapping[str, Sequence[Account]], *which: sa.ColumnElement[bool]
) -> list[tuple[str, Account]]:
    if not keys:
        return []
    # The keys first: joined to the cases, SQLite would read every past case to find a few names.
    named = session.exec(select(CaseName.case_id, CaseName.key).where(col(CaseName.key).in_(list(keys)))).all()
    opened = session.exec(select(Case.id, Case.mail_key).where(col(Case.mail_key).in_(list(keys)))).all()
    ids = {case_id for case_id, _key in (*named, *opened)}
    cases = {*session.exec(select(Case.id).where(col(Case.id).in_(ids), *which))}
    every = ((case_id, one) for case_id, key in (*named, *opened) if case_id in cases for one in keys[key])
    return list({(case_id, one.id): (case_id, one) for case_id, one in every}.values())


def has_open_finding(*kinds: FindingKind) -> sa.Exists:
    """Return the condition that an open finding of one of these kinds is about the whole line."""
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


def unconfigured_systems(context: Context) -> Iterator[tuple[str, int]]:
    """Return a sentence and the number of leavers for each system that is no longer configured."""
    names = [""]  # by steps through the index: reading all lines would take long
    with context.store.read() as session:
        while name := session.exec(select(sa.func.min(Access.system)).where(col(Access.system) > names[-1])).one():
            names.append(name)
    gone = [name for name in names[1:] if name not in context.systems]
    if not gone:
        return
    query = (
        sa.select(Access.system, sa.func.count())  # type: ignore[call-overload]
        .where(col(Access.system).in_(gone), Access.state != WorkState.CANCELLED)
        .where(col(Access.case_id).in_(past_cases(context.clock.now()).order_by(None)))
        .group_by(Access.system)
    )
    with context.store.read() as session:
        rows = session.connection().execute(query).all()
    for system, number in rows:
        words = ngettext(
            "{system}: no longer in the configuration; {count} leaver is not watched there",
            "{system}: no longer in the configuration; {count} leavers are not watched there",
            number,
        )
        yield words.format(system=system, count=number), number


def never_verified(context: Context, by: str) -> int:
    """Open a finding for every lock-out that no read confirmed, and close the others.

    Return how many of them no sweep counts, because no account is known there. Lines with an open finding are left out:
    not linked, or left alone on purpose.
    """
    query = (
        select(Access)
        .join(Case, col(Access.case_id) == col(Case.id))
        .where(
            Access.verdict == Verdict.UNKNOWN,
            col(Access.locked_at).is_(None),
            Access.state != WorkState.CANCELLED,
            col(Access.system).in_(list(context.systems)),
            col(Case.state).not_in(UNWATCHED),
            col(Case.effective_at) <= context.clock.now() - TIME_TO_READ,
            ~has_open_finding(FindingKind.PROTECTED, FindingKind.NOT_LINKED),
        )
    )
    findings = context.findings
    with context.store.read() as session:
        rows = {row.id: row for row in session.exec(query)}
        counted = set(session.exec(select(LeaverAccount.access_id).where(col(LeaverAccount.access_id).in_(list(rows)))))
        old = [row for name in context.systems for row in still_open(session, name, [FindingKind.NEVER_VERIFIED])]
    settled = [row for row in old if f"{row.case_id}:{row.system}" not in rows]
    if rows or settled:
        with context.store.write() as session:
            for row in settled:
                report = FindingReport(FindingKind.NEVER_VERIFIED, row.case_id or "", row.system)
                findings.close_resolved(session, report)  # unless it was closed meanwhile
            for access in rows.values():
                report = FindingReport(
                    FindingKind.NEVER_VERIFIED,
                    access.case_id,
                    access.system,
                    "",
                    _("no read has ever shown this leaver locked out here"),
                )
                findings.report(session, report, by)
    return len(rows) - len(counted)
