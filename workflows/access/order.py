"""Order of acts: what must come before an act, by the effects that a connector declares.

A case takes its inventory, locks, hands over, deactivates and reclaims. The lock waits for nothing: `kept_lists` reads
what it hides right before it. Every other act waits until the lists that it destroys or blinds are kept. It also waits
until the records and duties that it destroys are in other hands.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import _, ngettext, punctuated, shown
from connectors.contract import AccountId, Act, ClientBook, Duties, Effect, Subject, Verdict
from connectors.errors import ConnectorError
from workflows.access import kept_lists
from workflows.access.account_state import GOOD, AccountData
from workflows.access.kept_lists import KeptList, load
from workflows.context import Context
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Access, Inventory, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import say
from workflows.systems.accounts import PreconditionFailed, kept_accounts, leaver_accounts
from workflows.systems.effects import BEGUN, SUBJECT_WORDS, blinded, effects_of, sentence, why_unread
from workflows.systems.registry import System

ELSEWHERE = (AssignmentState.MOVED, AssignmentState.TAKEN, AssignmentState.GONE)
"""States of records that are not with the leaver."""
AFTER_LOCK = (Act.DEACTIVATE, Act.RECLAIM_LICENCES)
"""Acts that need a lock that a read has shown."""


def comes_first(context: Context, case_id: str, system: System, act: Act) -> Sequence[str]:
    """Return, as sentences, what the case must do or keep before this act in this system; empty: the act may begin.

    Lists that the act destroys or blinds are read and kept here, if they were not before. If the act may begin, that
    is journalled, and from then on these lists are not believed. Raises `Refused(UNKNOWN_CASE)`.
    """
    if act is Act.LOCK:
        return ()
    declared = effects_of(system, {act})
    with context.store.read() as session:
        case, data = read_case(session, context.vault, case_id)
        first = list(_before_it(session, case, system, act, declared))
        begun = declared and _has_begun(context, session, case_id, system, act)
    subjects = [one.subject for one in declared]
    if not declared or first or begun:  # an act that has begun is finished
        return tuple(first)
    try:
        accounts = leaver_accounts(context.store, context.vault, case_id, data.leaver, system)
        first += _records(context, case_id, system, accounts, declared)
        first += _duties(context, case_id, system, accounts, declared)
        first += _keep(context, case, system, accounts, subjects)
    except PreconditionFailed as error:
        first.append(error.sentence.words)
    except ConnectorError as error:
        first.append(say(error))
    if not first:
        _begin(context, case_id, system, act)
    return tuple(first)


def _before_it(session: Session, case: Case, system: System, act: Act, declared: Sequence[Effect]) -> Iterator[str]:
    """Yield what the rows say must come first: the lock, and the handover of records."""
    row_id = f"{case.id}:{system.name}"
    if act in AFTER_LOCK:
        access = session.get(Access, row_id)
        if access is None or access.verdict not in GOOD:
            yield _("The lock-out comes first: no read has shown it complete.")
    records = next((one for one in declared if one.subject is Subject.RECORDS), None)
    if records is None:
        return
    book = session.get(BookHandover, row_id)
    if book is None or book.state != WorkState.DONE:
        yield _("The handover of clients comes first. {why}").format(why=sentence(records).words)
    elif records.destroys and (left := session.exec(_left(case.id, system.name)).one()):
        text = ngettext(
            "{count} record stays with the leaver and would be gone for good. {why}",
            "{count} records stay with the leaver and would be gone for good. {why}",
            left,
        )
        yield text.format(count=left, why=sentence(records).words)


def _left(case_id: str, system: str) -> SelectOfScalar[int]:
    """Return the query for the number of records that were listed and are in no other hands."""
    return select(sa.func.count()).where(
        Assignment.case_id == case_id, Assignment.system == system, col(Assignment.state).not_in(ELSEWHERE)
    )


def _records(
    context: Context, case_id: str, system: System, accounts: Collection[AccountId], declared: Sequence[Effect]
) -> Iterator[str]:
    """Yield why nothing proves that the records which the act destroys were all handed over."""
    if not system.has(ClientBook) or not any(one.destroys and one.subject is Subject.RECORDS for one in declared):
        return
    if why := why_unread(context.store, context.vault, case_id, system, Subject.RECORDS, accounts):
        yield _("No count proves that all clients were handed over. {why}").format(why=why.words)


def _duties(
    context: Context, case_id: str, system: System, accounts: Collection[AccountId], declared: Sequence[Effect]
) -> Iterator[str]:
    """Yield the duties that the act would destroy while they are in the leaver's name."""
    connector = system.having(Duties)
    if connector is None or not any(one.destroys and one.subject is Subject.DUTIES for one in declared):
        return
    if why := why_unread(context.store, context.vault, case_id, system, Subject.DUTIES, accounts):
        yield _("Duties come first, and they cannot be read. {why}").format(why=why.words)
        return
    titles = [one.title for account in accounts for one in connector.duties(account)]
    if titles:
        text = ngettext(
            "{count} duty would be gone for good; give it to somebody else first: {names}",
            "{count} duties would be gone for good; give them to somebody else first: {names}",
            len(titles),
        )
        yield text.format(count=len(titles), names=punctuated(", ").join(titles[:5]))


def _keep(
    context: Context, case: Case, system: System, accounts: Collection[AccountId], subjects: Sequence[Subject]
) -> Iterator[str]:
    """Read and keep the lists of each account that were not kept; yield what could not be read."""
    for account in sorted(accounts):
        lists = kept(context, case, system, account)
        missing = [one for one in kept_lists.offered(system, subjects) if not ((of := load(lists, one)) and of.at)]
        hidden = {one: why_unread(context.store, context.vault, case.id, system, one, [account]) for one in missing}
        wanted = [one for one in missing if not hidden[one]]
        gone = _("{what} were never kept, and cannot be read any more. A person must decide. {why}")
        yield from (gone.format(what=_(SUBJECT_WORDS[one]), why=why.words) for one, why in hidden.items() if why)
        found = kept_lists.read(system, account, wanted, context.clock.now()) if wanted else {}
        if found:
            _store(context, case, system, account, found)
        for one in wanted:
            if (of := load(found, one)) and not of.at:
                text = _("{what} must be read and kept first: {why}")
                yield text.format(what=_(SUBJECT_WORDS[one]), why=shown(of.unread))


def kept(context: Context, case: Case, system: System, account: AccountId) -> dict[str, dict[str, object]]:
    """Return the lists of an account that were kept: at notice, before the lock-out, or before a later act."""
    row_id = f"{case.id}:{system.name}"
    with context.store.read() as session:
        inventory, row = session.get(Inventory, row_id), session.get(LeaverAccount, f"{row_id}:{account}")
        lists: dict[str, dict[str, object]] = {}
        if inventory:
            noticed = kept_accounts(context.vault, case.wrapped_key, inventory.id, inventory.sealed)
            lists = dict(noticed.lists.get(account, {}))
            if noticed.duties:
                lists[Subject.DUTIES] = {"at": noticed.duties["at"], "count": len(noticed.duties["duties"])}
        if row:
            data = AccountData(**context.vault.open(case.wrapped_key, row.sealed, f"account:{row.id}"))
            lists = kept_lists.newer({account: lists}, {account: data.lists})[account]
    return lists


def _store(
    context: Context, case: Case, system: System, account: AccountId, found: dict[str, dict[str, object]]
) -> None:
    """Keep lists with the account; with the inventory if the access track does not know the account."""
    row_id = f"{case.id}:{system.name}"
    with context.store.write(case.id) as session:
        row = session.get(LeaverAccount, f"{row_id}:{account}", with_for_update=True)
        if row:
            data = AccountData(**context.vault.open(case.wrapped_key, row.sealed, f"account:{row.id}"))
            lists = kept_lists.newer({account: data.lists}, {account: found})[account]
            row.sealed = context.vault.seal(case.wrapped_key, replace(data, lists=lists), f"account:{row.id}")
            session.add(row)
        context.journal.write(
            session,
            actor=HANDOVER,
            action="access.lists_kept",
            case_id=case.id,
            data={"system": system.name, "lists": sorted(found)},
            sealed=context.vault.seal(case.wrapped_key, found, f"lists:{row_id}:{account}"),
        )


def _begin(context: Context, case_id: str, system: System, act: Act) -> None:
    """Journal that an act with effects begins, once."""
    with context.store.write(case_id) as session:
        if not _has_begun(context, session, case_id, system, act):
            said = {"system": system.name, "act": str(act)}
            context.journal.write(session, actor=HANDOVER, action=BEGUN, case_id=case_id, data=said)


def _has_begun(context: Context, session: Session, case_id: str, system: System, act: Act) -> bool:
    entries = [json.loads(entry.data) for entry, ours in context.journal.entries(session, case_id, BEGUN) if ours]
    return any(one == {"system": system.name, "act": str(act)} for one in entries)


def unread(system: System | None, data: AccountData, verdict: Verdict) -> tuple[str, ...]:
    """Return, for a case, the lists that the lock hides, and what was kept of each before it. Pure but for words."""
    if system is None or not (data.locked or verdict is Verdict.LOCKED):
        return ()
    said = []
    for subject in Subject:
        hides, of = blinded(system, subject, {Act.LOCK}), load(data.lists, subject) or KeptList()
        why = hides.words if hides else shown(of.hidden)
        if why and of.at:
            at = datetime.fromisoformat(of.at)
            text = _("{why} Before it, on {day}, there were {count}.")
            said.append(text.format(why=why, day=f"{at:%Y-%m-%d %H:%M} UTC", count=of.count))
        elif why:
            said.append(punctuated(" ").join(filter(None, (why, shown(of.unread)))) if of.unread else why)
    return tuple(said)
