"""Effects of acts on lists: which of them hold, and whether a list of a leaver can still be read.

An act blinds or destroys the lists that its connector declares. Such a list is unknown afterwards, whatever the system
answers. A list that got shorter at the lock, without a declaration, is unknown too: `HIDDEN` has the sentence.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from config.text import N_, Sentence, gettext_lazy, loaded
from connectors.contract import Account, AccountId, Accounts, Act, Effect, Subject, Verdict
from connectors.errors import ConnectorError
from workflows.storage.rows.access import LeaverAccount, Restoration
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.vault import Vault
from workflows.systems.registry import System

LOCKED = "locked"
"""Mark of a lock by Handover in the sealed data of an account."""
BEGUN = "act.begun"
"""Journal action of an act with effects, written before the act. Lists are not believed from then on."""
HIDDEN = "hidden"
"""Key of a kept list with the stored sentence for which its successor is not believed."""
ACTS, SUBJECTS = tuple(Act), tuple(Subject)
SUBJECT_WORDS: Mapping[Subject, str] = {
    Subject.SESSIONS: N_("sessions"),
    Subject.TOKENS: N_("personal tokens"),
    Subject.GROUPS: N_("groups"),
    Subject.DUTIES: N_("duties"),
    Subject.RECORDS: N_("client records"),
    Subject.ACTIVITIES: N_("activities with clients"),
    Subject.EXPORTS: N_("exports"),
    Subject.LICENCES: N_("licences"),
}
BLINDS: Mapping[Act, str] = {
    Act.LOCK: N_("{what}: cannot be read after the lock-out. {why}"),
    Act.REVOKE_TOKENS: N_("{what}: cannot be read after tokens are revoked. {why}"),
    Act.LEAVE_GROUPS: N_("{what}: cannot be read after the groups are left. {why}"),
    Act.CHANGE_DUTIES: N_("{what}: cannot be read after duties are changed. {why}"),
    Act.MOVE_RECORDS: N_("{what}: cannot be read after the records are moved. {why}"),
    Act.DEACTIVATE: N_("{what}: cannot be read after the account is deactivated. {why}"),
    Act.RECLAIM_LICENCES: N_("{what}: cannot be read after licences are reclaimed. {why}"),
}
DESTROYS: Mapping[Act, str] = {
    Act.LOCK: N_("{what}: gone for good after the lock-out. {why}"),
    Act.REVOKE_TOKENS: N_("{what}: gone for good after tokens are revoked. {why}"),
    Act.LEAVE_GROUPS: N_("{what}: gone for good after the groups are left. {why}"),
    Act.CHANGE_DUTIES: N_("{what}: gone for good after duties are changed. {why}"),
    Act.MOVE_RECORDS: N_("{what}: gone for good after the records are moved. {why}"),
    Act.DEACTIVATE: N_("{what}: gone for good after the account is deactivated. {why}"),
    Act.RECLAIM_LICENCES: N_("{what}: gone for good after licences are reclaimed. {why}"),
}


def effects_of(system: System, acts: Collection[Act] = ACTS) -> tuple[Effect, ...]:
    """Return the effects that hold for a system: what is gone for good first, then in the order of the acts.

    An effect holds if the connector cannot say that it does not.
    """
    found = [one for one in system.manifest.effects if one.act in acts and _holds(system, one)]
    return tuple(sorted(found, key=lambda one: (not one.destroys, ACTS.index(one.act), SUBJECTS.index(one.subject))))


def _holds(system: System, effect: Effect) -> bool:
    try:
        return system.connector.has_effect(effect)
    except ConnectorError:
        return True


def sentence(effect: Effect) -> Sentence:
    """Return an effect as a sentence for the plan, and for a list that is not read because of it."""
    words = (DESTROYS if effect.destroys else BLINDS)[effect.act]
    return gettext_lazy(words, what=gettext_lazy(SUBJECT_WORDS[effect.subject]), why=gettext_lazy(effect.why))


def blinded(system: System, subject: Subject, done: Collection[Act]) -> Sentence | None:
    """Return why a list cannot be read after these acts, as its connector declares; None if it can. Asks nobody."""
    return next((sentence(one) for one in effects_of(system, done) if one.subject is subject), None)


def blinded_accounts(system: System, subject: Subject, accounts: Sequence[Account]) -> Sentence | None:
    """Return why a list of accounts from a lookup cannot be read; whoever locked them, the lock has its effects."""
    locked = any(one.verdict is Verdict.LOCKED for one in accounts)
    return blinded(system, subject, {Act.LOCK}) if locked else None


def why_unread(
    store: Store, vault: Vault, case_id: str, system: System, subject: Subject, accounts: Collection[AccountId]
) -> Sentence | None:
    """Return why a list of a case's leaver cannot be read now; None if it can.

    Every reader of such a list asks here first, and takes the list for unknown where there is a reason. A declared
    effect of the lock counts whoever locked, so the accounts are read. Raises `ConnectorError`.
    """
    declared = [one for one in effects_of(system) if one.subject is subject]
    with store.read() as session:
        case = session.get_one(Case, case_id)
        if _restored(session, case, system):
            return None
        done, hidden = _state(session, vault, case, system, subject)
    why = next((sentence(one) for one in declared if one.act in done), hidden)
    return why or blinded_now(system, subject, accounts)


def blinded_now(system: System, subject: Subject, accounts: Collection[AccountId]) -> Sentence | None:
    """Return why a list cannot be read, as a fresh read of the accounts shows. Raises `ConnectorError`.

    A system without effects of the lock on the list is not asked.
    """
    why, reader = blinded(system, subject, {Act.LOCK}), system.having(Accounts)
    if why is None or reader is None or not accounts:
        return None
    seen = reader.observe(sorted(accounts))
    return why if any(one.verdict is not Verdict.OPEN for one in seen.values()) else None


def _restored(session: Session, case: Case, system: System) -> bool:
    row = session.get(Restoration, f"{case.id}:{system.name}")
    return case.state == CaseState.UNDONE and row is not None and row.state == WorkState.DONE


def _state(
    session: Session, vault: Vault, case: Case, system: System, subject: Subject
) -> tuple[set[Act], Sentence | None]:
    """Return the acts that were done or may have been, and the sentence of a list that got shorter at the lock."""
    begun = select(JournalEntry.data).where(JournalEntry.case_id == case.id, JournalEntry.action == BEGUN)
    facts = [json.loads(data) for data in session.exec(begun)]
    done = {Act(one["act"]) for one in facts if one["system"] == system.name}
    hidden = None
    rows = select(LeaverAccount).where(col(LeaverAccount.access_id) == f"{case.id}:{system.name}")
    for row in session.exec(rows):
        data: dict[str, Any] = vault.open(case.wrapped_key, row.sealed, f"account:{row.id}")
        # A row stands before the first write. Without a read that shows the account open, the lock may have been made.
        if LOCKED in data.get("marks", ()) or row.verdict != Verdict.OPEN:
            done.add(Act.LOCK)
        if said := data.get("lists", {}).get(subject, {}).get(HIDDEN):
            hidden = loaded(said)
    return done, hidden
