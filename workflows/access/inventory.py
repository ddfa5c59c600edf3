"""Inventory at notice: the accounts that a system shows are kept by their ids, with their duties and licences.

One `Inventory` row is one system of one case that has not begun. Nothing is written outside. At execution the kept
accounts are read first, whatever they are called by then.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from connectors.contract import Account, Accounts, Duties, Licences
from connectors.errors import ConnectorError
from workflows.access import duties, identity, kept_lists, licences
from workflows.access.links import all_links
from workflows.context import Context
from workflows.storage.case import UNWATCHED, person, read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Inventory
from workflows.storage.rows.case import Case
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish, reopen_empty, retry_at
from workflows.systems.accounts import KeptAccounts, kept_accounts
from workflows.systems.effects import blinded_accounts, effects_of
from workflows.systems.registry import System


class Inventories:
    """Carries out `Inventory` rows."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, row_id: str) -> None:
        """Look the leaver up, and keep what is found. A row that is not due is left alone."""
        context, now = self._context, self._context.clock.now()
        with context.store.write() as session:
            row = session.get_one(Inventory, row_id, with_for_update=True)
            case, data = read_case(session, context.vault, row.case_id)
            links = all_links(session, context.vault, case.leaver_key)[row.system]
            if row.state != WorkState.DUE or row.due_at > now:
                return
            system = context.systems.get(row.system)
            accounts = system.having(Accounts) if system else None
            if accounts is None or case.state in UNWATCHED or case.effective_at <= now:
                finish(session, row)  # a lock-out that has begun looks for itself
                return
        present = identity.read_identity(context, data.leaver, late=False)
        try:
            found = accounts.find(person(present.leaver)).accounts
        except ConnectorError as error:
            with context.store.write() as session:
                row = session.get_one(Inventory, row_id, with_for_update=True)
                again(session, row, retry_at(row, error, now, context.retry))
            return
        mine = [one for one in found if one.id in links.accounts] or found
        chosen = len(mine) == 1 or bool(links.accounts)
        kept = KeptAccounts({one.id: one.login for one in mine}, chosen)
        identity.keep(context, case.id, present.leaver)
        line, read = None, list[bool]()
        if system and (system.has(Duties) or system.has(Licences)) and mine and chosen:
            with context.store.write() as session:  # first: a list of duties without end or form costs no account
                self._write(session, row_id, case.wrapped_key, kept, complete=False)
            line = duties.read(system, [*kept.logins], now, duties.blinded(system, mine))
            read = [licences.keep(context, system, case.id, one.id, one.login) for one in mine]
        lists = self._lists(system, mine) if system and chosen else {}
        with context.store.write() as session:
            kept = replace(kept, duties=duties.kept(line), lists=lists)
            row = self._write(session, row_id, case.wrapped_key, kept, complete=not present.doubts)
            unread = any(not one["at"] for of_account in lists.values() for one in of_account.values())
            if present.doubts or unread or (line and line.read_at is None) or not all(read):
                again(session, row, now + context.retry)
            else:
                finish(session, row)

    def _lists(self, system: System, mine: Sequence[Account]) -> dict[str, dict[str, Any]]:
        """Read the lists that the lock alone does not shorten, and those that any act destroys or blinds."""
        declared = {one.subject for one in effects_of(system)}
        read = {}
        for one in mine:
            every = kept_lists.LASTING | declared
            wanted = [subject for subject in every if not blinded_accounts(system, subject, [one])]
            if found := kept_lists.read(system, one.id, wanted, self._context.clock.now()):
                read[str(one.id)] = found
        return read

    def _write(self, session: Session, row_id: str, key: bytes, kept: KeptAccounts, *, complete: bool) -> Inventory:
        """Write what was found to row and journal; return the row. Duties of an earlier reading stay without a new one.

        The journal has each state of the row, since a lock-out compares both.
        """
        context, now = self._context, self._context.clock.now()
        row = session.get_one(Inventory, row_id, with_for_update=True)
        before = kept_accounts(context.vault, key, row.id, row.sealed)
        kept = kept if kept.duties else replace(kept, duties=before.duties)
        kept = replace(kept, lists=kept_lists.newer(before.lists, kept.lists))
        row.sealed, row.done_at = kept.seal(context.vault, key, row_id), now
        session.add(row)
        if kept.chosen and not before.logins:
            reopen_empty(session, row_id, now)
        context.journal.write(
            session,
            actor=HANDOVER,
            action="access.inventoried",
            case_id=row.case_id,
            data={"system": row.system, "accounts": len(kept.logins), "complete": complete},
            sealed=row.sealed,
        )
        return row


def create_inventory(session: Session, system: System, case: Case, now: datetime, state: WorkState) -> None:
    """Add the inventory of a case that lies ahead, in the caller's transaction. A held case waits with it."""
    if system.has(Accounts) and case.effective_at > now:
        session.add(
            Inventory(id=f"{case.id}:{system.name}", case_id=case.id, system=system.name, state=state, due_at=now)
        )
