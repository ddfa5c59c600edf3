"""Giving access back where HR was wrong: account, groups and attributes as the before-images have them, read back.

One `Restoration` row is one system of one case. It can be killed at any point and run again: a restoration that was
done answers `already`, and what people are told comes from the last read. Sessions and tokens cannot come back, and
clients are not moved back: both are said. A lock-out under way while HR undoes the case is restored once it ends.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from config.text import N_, _
from connectors.contract import AccountId, Accounts, Before, GroupId, Groups, Verdict
from connectors.errors import ConnectorError, Missing, OutcomeUnknown
from workflows import restriction
from workflows.cases import UNWATCHED, read_case, show
from workflows.findings import Findings
from workflows.handover import Handover
from workflows.journal import HANDOVER, Journal
from workflows.lockout import ENDED, TOKEN, AccountData
from workflows.model import Access, Account, Case, CaseState, Leave, Restoration, WorkState
from workflows.ports import Clock
from workflows.refusals import Code, Refused
from workflows.stopping import stop
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault
from workflows.views import Actor
from workflows.work import again, finish, retry_at, say

Start = Callable[[str, str, int], None]
GONE = N_("this system is no longer in the configuration")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a read showed of one account after it was given back."""

    login: str
    back: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    problem: str = ""
    """What is still to do, or empty."""

    @classmethod
    def load(cls, data: dict[str, Any]) -> "Restored":
        """Read what `asdict` made."""
        return cls(**{**data, "back": tuple(data["back"]), "cannot": tuple(data["cannot"])})


class Undo:
    """Begins undoing a case, and carries out `Restoration` rows."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        journal: Journal,
        systems: Systems,
        handover: Handover,
        clock: Clock,
        start: Start,
        *,
        days: int,
        retry: timedelta = timedelta(minutes=5),
    ) -> None:
        """`days`: how long after the lock-out a case can be undone. `retry`: the longest time between two tries."""
        self._store, self._vault, self._journal, self._systems = store, vault, journal, systems
        self._handover, self._clock, self._start = handover, clock, start
        self._days, self._retry = timedelta(days=days), retry
        self._findings = Findings(vault, journal, clock)

    def begin(self, case_id: str, by: Actor) -> None:
        """Undo a case; again on an undone one only tries at once what is still to do.

        Raises `Refused`: NOT_OPEN, NOTHING_LOCKED, TOO_LATE, LATER_CASE.
        """
        now = self._clock.now()
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            session.refresh(case, with_for_update=True)
            if case.state != CaseState.UNDONE:
                self._refuse(session, case)
                self._lay_out(session, case, by)
            rows = session.exec(
                select(Restoration).where(Restoration.case_id == case_id, Restoration.state == WorkState.DUE)
            ).all()
            for row in rows:
                if row.due_at > now:
                    again(session, row, now)
            due = [(row.id, row.attempt) for row in rows]
            show(session, case_id)
        for row_id, attempt in due:
            self._start("undo", row_id, attempt)

    def _refuse(self, session: Session, case: Case) -> None:
        if case.state not in (CaseState.RUNNING, CaseState.WATCHED):
            raise Refused(Code.NOT_OPEN, case=case.id, state=case.state)
        if session.exec(select(Account.id).where(Account.case_id == case.id)).first() is None:
            raise Refused(Code.NOTHING_LOCKED, case=case.id)
        on_leave = session.get(Leave, case.id) is not None  # whoever was to come back does, however late
        if not on_leave and self._clock.now() > case.effective_at + self._days:
            raise Refused(Code.TOO_LATE, case=case.id, days=str(self._days.days))
        later = select(Case.id).where(
            Case.leaver_key == case.leaver_key,
            col(Case.opened_at) > case.opened_at,
            col(Case.state).not_in(UNWATCHED),
            col(Case.effective_at) <= self._clock.now(),
        )
        if other := session.exec(later).first():
            raise Refused(Code.LATER_CASE, case=other)

    def _lay_out(self, session: Session, case: Case, by: Actor) -> None:
        """Stop the case and wish for a restoration wherever anything was found."""
        restriction.lift(session, case.id, self._clock.now())
        stop(session, self._handover, case.id, by)
        case.state = CaseState.UNDONE
        session.add(case)
        for access in session.exec(select(Access).where(Access.case_id == case.id)).all():
            session.add(Restoration(id=access.id, case_id=case.id, system=access.system, due_at=self._clock.now()))
        self._findings.clear_case(session, case.id, by.id)
        self._journal.write(session, actor=by, action="case.undone", case_id=case.id)
        session.flush()

    def run(self, row_id: str) -> None:
        """Give one system back, read it, record. A row that is not due is left alone: a doubled call does nothing."""
        with self._store.read() as session:
            row = session.get_one(Restoration, row_id)
            key = session.get_one(Case, row.case_id).wrapped_key
            accounts = session.exec(select(Account).where(Account.access_id == row_id).order_by(Account.id)).all()
        if row.state != WorkState.DUE or row.due_at > self._clock.now():
            return
        system = self._systems.get(row.system)
        told: list[Restored] = []
        failed: ConnectorError | None = None
        for account in accounts:
            data = AccountData.load(self._vault.open(key, account.sealed, f"account:{account.id}"))
            try:
                told.append(self._restore(system, account, data))
            except ConnectorError as error:
                failed = error
                told.append(Restored(data.login, problem=say(error)))
        self._settle(row_id, told, failed)

    def _restore(self, system: System | None, account: Account, data: AccountData) -> Restored:
        accounts = system.having(Accounts) if system else None
        if system is None or accounts is None:
            return Restored(data.login, problem=_(GONE))
        before = Before(AccountId(account.account_id), data.before)
        try:
            accounts.unlock(before)
        except OutcomeUnknown:
            pass  # the read below shows whether it was done
        except Missing as error:
            said = _("the account: it was deleted meanwhile ({error})").format(error=error)
            return Restored(data.login, cannot=(said,))
        back, cannot, trouble = self._regroup(system, before.account, data)
        seen = accounts.observe([before.account])[before.account]
        if seen.verdict is Verdict.LOCKED and data.was == Verdict.LOCKED:
            back.insert(0, _("was locked before the case, and is so again"))
        elif seen.verdict is Verdict.OPEN:
            back.insert(0, _("the account is open again"))
        elif seen.verdict is Verdict.ABSENT:
            return Restored(data.login, cannot=(_("the account: it is not there any more"),))
        else:
            shown = _("a read shows it {verdict}").format(verdict=seen.verdict)
            trouble.insert(0, f"{shown} ({seen.reason})" if seen.reason else shown)
        return Restored(data.login, tuple(back), (*accounts.lost(before), *ended(data), *cannot), "; ".join(trouble))

    def _regroup(self, system: System, account: AccountId, data: AccountData) -> tuple[list[str], list[str], list[str]]:
        """Restore memberships; return what is back, what cannot come back, and what is still to do."""
        groups = system.having(Groups)
        if groups is None or not data.groups:
            return [], [], []
        cannot, trouble = {}, []
        for group, name in data.groups.items():
            try:
                groups.restore(account, GroupId(group))
            except Missing:
                cannot[group] = _("group {name}: it is not there any more").format(name=name)
            except ConnectorError as error:
                trouble.append(_("group {name}: {why}").format(name=name, why=say(error)))
        present = {str(group.id) for group in groups.groups(account)}
        back = [_("in group {name}").format(name=name) for group, name in data.groups.items() if group in present]
        left = [name for group, name in data.groups.items() if group not in present and group not in cannot]
        if left and not trouble:
            trouble.append(_("not in group {groups} yet").format(groups=", ".join(left)))
        return back, list(cannot.values()), trouble

    def _settle(self, row_id: str, told: list[Restored], failed: ConnectorError | None) -> None:
        now = self._clock.now()
        complete = not any(one.problem for one in told)
        with self._store.write() as session:
            row = session.get_one(Restoration, row_id)
            key = session.get_one(Case, row.case_id).wrapped_key
            row.sealed = self._vault.seal(key, [asdict(one) for one in told], f"restoration:{row_id}")
            if complete:
                row.done_at = now
                finish(session, row)
            else:
                again(session, row, retry_at(row, failed, now, self._retry))
            self._journal.write(
                session,
                actor=HANDOVER,
                action="access.restored" if complete else "access.restore_tried",
                case_id=row.case_id,
                data={"system": row.system, "accounts": len(told), "complete": complete},
                sealed=row.sealed,
            )
            show(session, row.case_id)


def ended(data: AccountData) -> tuple[str, ...]:
    """Return what the lock-out ended for good, as sentences. Pure.

    Rows from before `marks` have only words, which were English then.
    """
    cannot = []
    if ENDED in data.marks or any("session" in words and "ended" in words for words in data.done):
        cannot.append(_("the sessions that were ended: sign in again"))
    of_old = sum(words.startswith("token ") for words in data.done)
    tokens = max(of_old, sum(mark.startswith(f"{TOKEN} ") for mark in data.marks))
    if tokens:
        cannot.append(_("{count} personal token(s) that were revoked: make new ones").format(count=tokens))
    return tuple(cannot)


def redo(session: Session, access_id: str, clock: Clock) -> None:
    """Restore a system once more, in the caller's transaction: a lock-out was under way when HR undid the case."""
    row = session.get(Restoration, access_id)
    if row is not None:
        again(session, row, clock.now())
