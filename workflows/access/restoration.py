"""Restoration of access after an undo: account, groups and attributes as in the before-images, read back.

One `Restoration` row is one system of one case. It can be killed at any point and run again: a restoration that was
done answers `already`. People read the result of the last read. Sessions and tokens cannot be restored, and clients are
not moved back; the result lists both. A lock-out that is under way while HR undoes the case is restored once it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import select

from config.text import Sentence, _, gettext_lazy, join, loaded, stored
from connectors.contract import AccountId, Accounts, BeforeImage, GroupId, Groups, Verdict
from connectors.errors import ConnectorError, Missing, OthersTouched, OutcomeUnknown
from workflows.access import lost_members, observation
from workflows.access.absence import is_absent
from workflows.access.account_state import ENDED, TOKEN, UNCONFIGURED, AccountData
from workflows.answers import answer
from workflows.context import Context
from workflows.storage.case import read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import LeaverAccount, Restoration
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.registry import System
from workflows.tampering import RESTORING, Tampered, report, require_undone


@dataclass(frozen=True, slots=True)
class RestoredAccount:
    """Result of the read after an account was restored."""

    login: str
    back: Sequence[str] = ()
    cannot: Sequence[str] = ()
    problem: str = ""
    """Work still to do, or empty."""


def _as_stored(result: RestoredAccount) -> dict[str, object]:
    """Return a result as data for its row, with sentences that each reader gets in their own language."""
    back, cannot = [*map(stored, result.back)], [*map(stored, result.cannot)]
    return {"login": result.login, "back": back, "cannot": cannot, "problem": stored(result.problem)}


class Restorations:
    """Carries out `Restoration` rows."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, row_id: str) -> None:
        """Restore one system, read it, record the result.

        A row that is not due is left alone, so a doubled call does nothing.
        """
        with self._context.store.read() as session:
            row = session.get_one(Restoration, row_id)
            key = session.get_one(Case, row.case_id).wrapped_key
            accounts = observation.known(session, row_id)
        if row.state != WorkState.DUE or row.due_at > self._context.clock.now():
            return
        try:
            with self._context.store.read() as session:
                require_undone(self._context, session, row.case_id, row.system)
            unsealed = [(account, self._unsealed(account, key)) for account in accounts]
        except Tampered as tampered:
            self._settle(row_id, [RestoredAccount("", problem=tampered.sentence.words)], None)
            report(self._context, row.case_id, row.system, tampered.sentence, "undo")
            return
        system = self._context.systems.get(row.system)
        results: list[RestoredAccount] = []
        failed: ConnectorError | None = None
        for account, data in unsealed:
            try:
                results.append(self._restore(system, account, data))
            except ConnectorError as error:
                failed = error
                results.append(RestoredAccount(data.login, problem=say(error)))
        self._settle(row_id, results, failed)

    def _unsealed(self, account: LeaverAccount, key: bytes) -> AccountData:
        """Decrypt an account's before-image. Raises `Tampered` where the row is not as we wrote it."""
        try:
            data = AccountData(**self._context.vault.open(key, account.sealed, f"account:{account.id}"))
        except WrongKey:
            data = None
        if data is None or account.id != f"{account.access_id}:{account.account_id}":
            raise Tampered(gettext_lazy("the account {account} is not as we stored it", account=account.account_id))
        return data

    def _restore(self, system: System | None, account: LeaverAccount, data: AccountData) -> RestoredAccount:
        accounts = system.having(Accounts) if system else None
        if system is None or accounts is None:
            return RestoredAccount(data.login, problem=_(UNCONFIGURED))
        before = BeforeImage(AccountId(account.account_id), data.before)
        try:
            accounts.unlock(before)
        except OutcomeUnknown:
            pass  # the read below shows if it was done
        except Missing as error:
            if not is_absent(accounts.observe([before.account])[before.account]):
                raise
            return RestoredAccount(
                data.login, cannot=(_("the account: it was deleted meanwhile ({error})").format(error=error),)
            )
        back, cannot, problems = self._regroup(system, account.case_id, before.account, data)
        seen = accounts.observe([before.account])[before.account]
        if seen.verdict is Verdict.LOCKED and data.was == Verdict.LOCKED:
            back.insert(0, _("was locked before the case, and is so again"))
        elif seen.verdict is Verdict.OPEN:
            back.insert(0, _("the account is open again"))
        elif seen.verdict is Verdict.ABSENT:
            return RestoredAccount(data.login, cannot=(_("the account: it is not there any more"),))
        else:
            problem = gettext_lazy("a read shows it {verdict}", verdict=seen.verdict)
            why = Sentence("{problem} ({why})", {"problem": problem, "why": loaded(stored(seen.reason))})
            problems.insert(0, (why if seen.reason else problem).words)
        return RestoredAccount(
            data.login, tuple(back), (*accounts.lost(before), *ended(data), *cannot), join("; ", problems)
        )

    def _regroup(
        self, system: System, case_id: str, account: AccountId, data: AccountData
    ) -> tuple[list[str], list[str], list[str]]:
        """Restore memberships; return those restored, those lost for good, and those still to do."""
        groups = system.having(Groups)
        if groups is None or not data.groups:
            return [], [], []
        cannot, problems = {}, []
        for group, name in data.groups.items():
            # Asked before each group: a lock-out may have lost members meanwhile.
            if refused := lost_members.refusal(self._context, system.name):
                break
            try:
                groups.restore(account, GroupId(group))
            except OthersTouched as error:
                problems.append(lost_members.report(self._context, case_id, system.name, account, name, error))
                break
            except Missing:
                cannot[group] = _("group {name}: it is not there any more").format(name=name)
            except ConnectorError as error:
                problems.append(_("group {name}: {why}").format(name=name, why=say(error)))
        present = {str(group.id) for group in groups.groups(account)}
        back = [_("in group {name}").format(name=name) for group, name in data.groups.items() if group in present]
        left = [name for group, name in data.groups.items() if group not in present and group not in cannot]
        if left and refused:
            problems.append(refused)
        if not (refused or problems):
            lost_members.settle(self._context, system.name)
        if left and not problems:
            problems.append(_("not in group {groups} yet").format(groups=", ".join(left)))
        return back, list(cannot.values()), problems

    def _settle(self, row_id: str, results: list[RestoredAccount], failed: ConnectorError | None) -> None:
        now = self._context.clock.now()
        complete = not any(result.problem for result in results)
        with self._context.store.write() as session:
            row = session.get_one(Restoration, row_id)
            key = session.get_one(Case, row.case_id).wrapped_key
            row.sealed = self._context.vault.seal(
                key, [_as_stored(result) for result in results], f"restoration:{row_id}"
            )
            if complete:
                row.done_at = now
                finish(session, row)
            else:
                again(session, row, retry_at(row, failed, now, self._context.retry))
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action="access.restored" if complete else "access.restore_tried",
                case_id=row.case_id,
                data={"system": row.system, "accounts": len(results), "complete": complete},
                sealed=row.sealed,
            )
            session.flush()
            waiting = select(Restoration.id).where(
                Restoration.case_id == row.case_id, Restoration.state == WorkState.DUE
            )
            if not complete or session.exec(waiting).first() is None:
                data = read_case(session, self._context.vault, row.case_id)[1]
                answer(self._context, session, row.case_id, data, MessageKind.RESTORED, RESTORING, done=complete)
            refresh_case_message(session, row.case_id)


def ended(data: AccountData) -> tuple[str, ...]:
    """Return what the lock-out ended for good, as sentences. Pure."""
    cannot = []
    if ENDED in data.marks:
        cannot.append(_("the sessions that were ended: sign in again"))
    if tokens := sum(mark.startswith(f"{TOKEN} ") for mark in data.marks):
        cannot.append(_("{count} personal token(s) that were revoked: make new ones").format(count=tokens))
    return tuple(cannot)
