"""Restriction before the lock-out: the leaver loses sensitive groups early, such as groups with export rights.

One `Restriction` row is one system of one scheduled case. The groups are stored, sealed, before the first removal. A
cancel or an undo restores exactly these groups, and so does the undo of a later lock-out. The work can be killed at any
point and run again. People read the result of the last read.

Over 250 lines because removing and restoring share the row and the stored groups.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from sqlmodel import Session, select

from config.text import Sentence, _, join, loaded, ngettext, shown, stored
from connectors.contract import Account, AccountId, Accounts, Group, GroupId, Groups
from connectors.errors import ConnectorError, Missing, OthersTouched
from workflows.access import lost_members
from workflows.access.account_state import UNCONFIGURED
from workflows.access.links import all_links, match_accounts
from workflows.access.lockout_messages import refresh_failures, tell_restriction
from workflows.access.protected import ProtectedAccounts
from workflows.access.views import RestrictionLine
from workflows.context import Context
from workflows.storage.case import UNWATCHED, CaseData, person, read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Inventory, Restriction, RestrictionPhase
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.accounts import kept_accounts
from workflows.systems.registry import System, Systems
from workflows.tampering import Tampered, report, require_lifted


@dataclass(frozen=True, slots=True)
class RestrictionData:
    """Sealed data of a restriction's row."""

    logins: Mapping[str, str] = field(default_factory=dict)
    """Account id to log-in."""
    taken: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Account id to the groups that were taken, id to name."""
    problem: str = ""
    """Work still to do, the reason why nothing was done, or empty."""

    @classmethod
    def of(cls, vault: Vault, key: bytes, row: Restriction) -> "RestrictionData":
        """Decrypt a row's data; return empty data for a fresh row."""
        return cls(**vault.open(key, row.sealed, f"restriction:{row.id}")) if row.sealed else cls()

    def seal(self, vault: Vault, key: bytes, row_id: str) -> bytes:
        """Encrypt the data for the row."""
        return vault.seal(key, asdict(replace(self, problem=stored(self.problem))), f"restriction:{row_id}")

    def adding(self, account: Account, groups: Mapping[str, str]) -> "RestrictionData":
        """Return the data with groups that an account is about to lose."""
        before = self.taken.get(account.id, {})
        return replace(
            self,
            logins={**self.logins, account.id: account.login},
            taken={**self.taken, account.id: {**groups, **before}},
        )


class Restrictions:
    """Carries out `Restriction` rows."""

    def __init__(self, context: Context, guards: ProtectedAccounts) -> None:
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock, self._retry = context.systems, context.clock, context.retry
        self._guards, self._context = guards, context

    def run(self, row_id: str) -> None:
        """Take or restore groups, read, record. A row that is not due is left alone, so a doubled call does nothing."""
        with self._store.write() as session:
            row = session.get_one(Restriction, row_id, with_for_update=True)
            case, people = read_case(session, self._vault, row.case_id)
            if row.state != WorkState.DUE or row.due_at > self._clock.now() or not self._is_due(session, row, case):
                return
            data, phase = RestrictionData.of(self._vault, case.wrapped_key, row), row.phase
        if phase == RestrictionPhase.LIFT and not self._may_lift(row):
            return
        system = self._systems.get(row.system)
        failed: ConnectorError | None = None
        groups = system.having(Groups) if system else None
        try:
            if system is None or groups is None:
                data = replace(data, problem=_(UNCONFIGURED))
            elif refused := lost_members.refusal(self._context, row.system):
                data = replace(data, problem=refused)
            elif phase == RestrictionPhase.LIFT:
                data = _lift_groups(groups, data)
            else:
                data = self._restrict(system, groups, row, case, people, data)
        except OthersTouched as error:
            problem = lost_members.report(self._context, row.case_id, row.system, AccountId(""), "", error)
            failed, data = error, replace(self._data(row_id), problem=problem)
        except ConnectorError as error:
            failed, data = error, replace(self._data(row_id), problem=say(error))
        self._settle(row_id, phase, data, failed)

    def _may_lift(self, row: Restriction) -> bool:
        """Return whether somebody ended the case, so that groups are given back; else tell people."""
        try:
            with self._store.read() as session:
                require_lifted(self._context, session, row.case_id)
        except Tampered as tampered:
            report(self._context, row.case_id, row.system, tampered.sentence, "restriction")
            with self._store.write() as session:
                again(session, session.get_one(Restriction, row.id), self._clock.now() + self._retry)
            return False
        return True

    def _is_due(self, session: Session, row: Restriction, case: Case) -> bool:
        """Return whether the row is still to be done. The row follows a held, ended or locked-out case."""
        if row.phase == RestrictionPhase.LIFT:
            return True
        if case.state == CaseState.HELD:
            row.state = WorkState.PLANNED
        elif case.state in UNWATCHED:
            row.state = WorkState.CANCELLED
        elif case.effective_at <= self._clock.now():
            row.state = WorkState.DONE  # the lock-out itself removes every group
        session.add(row)
        return row.state == WorkState.DUE

    def _restrict(
        self, system: System, groups: Groups, row: Restriction, case: Case, people: CaseData, data: RestrictionData
    ) -> RestrictionData:
        accounts = system.having(Accounts)
        with self._store.read() as session:
            links = all_links(session, self._vault, case.leaver_key)[system.name]
            inventory = session.get(Inventory, row.id)
            kept = kept_accounts(self._vault, case.wrapped_key, row.id, inventory.sealed if inventory else b"")
        present = tuple(accounts.read(list(kept.logins)).values()) if accounts and kept.chosen else ()
        found = present or (accounts.find(person(people.leaver)).accounts if accounts else ())
        match = match_accounts(found, links.accounts, known={one.id for one in present}, denied=links.denied)
        if match.ambiguous:
            problem = _("{count} accounts match and none was touched: a person must choose").format(
                count=match.ambiguous
            )
            return replace(data, problem=problem)
        problems: list[str] = []
        for account in match.own:
            if why := self._guards.protection_reason(system, *account.names):
                problems.append(Sentence("{login}: {why}", {"login": account.login, "why": loaded(stored(why))}).words)
                continue
            wanted = [group for group in groups.groups(account.id) if _is_named(group, system.restrict_groups)]
            data = self._store_data(row.id, data.adding(account, {str(group.id): group.name for group in wanted}))
            for group in wanted:
                groups.remove(account.id, group.id)
            problems += _remaining_groups(account, groups.groups(account.id), system.restrict_groups)
        return replace(data, problem=join("; ", problems))

    def _store_data(self, row_id: str, data: RestrictionData) -> RestrictionData:
        """Store the groups before they are removed: a kill in between must lose nothing."""
        with self._store.write() as session:
            row = session.get_one(Restriction, row_id, with_for_update=True)
            row.sealed = data.seal(self._vault, session.get_one(Case, row.case_id).wrapped_key, row_id)
            session.add(row)
        return data

    def _data(self, row_id: str) -> RestrictionData:
        with self._store.read() as session:
            row = session.get_one(Restriction, row_id)
            return RestrictionData.of(self._vault, session.get_one(Case, row.case_id).wrapped_key, row)

    def _settle(self, row_id: str, phase: str, data: RestrictionData, failed: ConnectorError | None) -> None:
        now = self._clock.now()
        with self._store.write() as session:
            row = session.get_one(Restriction, row_id, with_for_update=True)
            case = session.get_one(Case, row.case_id)
            row.sealed = data.seal(self._vault, case.wrapped_key, row_id)
            if data.problem:
                tell_restriction(session, row.id, read_case(session, self._vault, case.id)[1])
            if row.phase != phase:  # cancelled meanwhile: groups that were taken after all are restored too
                again(session, row, now)
            elif failed is not None or (data.problem and phase == RestrictionPhase.LIFT):
                again(session, row, retry_at(row, failed, now, self._retry))
            elif data.problem:
                again(session, row, max(retry_at(row, None, now, self._retry), now + self._retry))
            else:
                row.done_at = now
                finish(session, row)
                refresh_failures(session, row.case_id)
            action = "access.restricted" if phase == RestrictionPhase.RESTRICT else "access.unrestricted"
            groups = sum(len(groups) for groups in data.taken.values())
            self._journal.write(
                session,
                actor=HANDOVER,
                action=action,
                case_id=row.case_id,
                data={"system": row.system, "groups": groups, "complete": not data.problem},
                sealed=row.sealed,
            )
            refresh_case_message(session, row.case_id)


def create_restriction(session: Session, system: System, case: Case, now: datetime) -> None:
    """Add the restriction of a new scheduled case, if the system has one. The caller adds the case."""
    if system.restrict_before and not case.immediate and system.has(Groups) and case.effective_at > now:
        session.add(
            Restriction(
                id=f"{case.id}:{system.name}",
                case_id=case.id,
                system=system.name,
                state=WorkState.DUE,
                due_at=max(now, case.effective_at - system.restrict_before),
            )
        )


def reschedule(session: Session, systems: Systems, case: Case, now: datetime) -> None:
    """Move open restrictions to the case's new day. Groups that were taken stay taken."""
    for row in _rows(session, case.id):
        system = systems.get(row.system)
        if row.done_at is None and row.phase == RestrictionPhase.RESTRICT and system and system.restrict_before:
            row.due_at = max(now, case.effective_at - system.restrict_before)
            session.add(row)


def lift(session: Session, case_id: str, now: datetime) -> None:
    """Restore the taken groups, in the caller's transaction: the case was cancelled or undone."""
    for row in _rows(session, case_id):
        if row.phase == RestrictionPhase.LIFT:
            continue
        if row.sealed or (row.state == WorkState.DUE and row.due_at <= now):
            row.phase, row.done_at = RestrictionPhase.LIFT, None
            again(session, row, now)
        else:
            row.state = WorkState.CANCELLED
            session.add(row)


def taken(session: Session, vault: Vault, key: bytes, access_id: str, account: AccountId) -> dict[str, str]:
    """Return the groups that an account has lost already, for the lock-out's own before-image."""
    row = session.get(Restriction, access_id)
    return dict(RestrictionData.of(vault, key, row).taken.get(account, {})) if row else {}


def lines(session: Session, vault: Vault, systems: Systems, case: Case) -> Iterator[RestrictionLine]:
    """Yield a case's lines for its restrictions."""
    for row in _rows(session, case.id):
        data = RestrictionData.of(vault, case.wrapped_key, row)
        system = systems.get(row.system)
        names = tuple(
            f"{data.logins.get(account, account)}: {', '.join(groups.values())}"
            for account, groups in data.taken.items()
            if groups
        )
        yield RestrictionLine(
            row.system,
            system.manifest.title if system else row.system,
            WorkState(row.state),
            row.phase == RestrictionPhase.LIFT,
            row.due_at,
            row.done_at,
            names,
            shown(stored(data.problem)),
        )


def promise(system: System) -> tuple[str, ...]:
    """Return the plan's sentences for the restriction before the lock-out."""
    if system.restrict_before is None or not system.has(Groups):
        return ()
    hours = int(system.restrict_before.total_seconds()) // 3600
    before = (
        ngettext("{count} day", "{count} days", hours // 24).format(count=hours // 24)
        if hours % 24 == 0
        else ngettext("{count} hour", "{count} hours", hours).format(count=hours)
    )
    return (
        _("{before} before the day of a scheduled case: leave {groups}").format(
            before=before, groups=", ".join(system.restrict_groups)
        ),
    )


def _lift_groups(groups: Groups, data: RestrictionData) -> RestrictionData:
    problems = []
    for account, names in data.taken.items():
        lost = []
        for group in names:
            try:
                groups.restore(AccountId(account), GroupId(group))
            except Missing:
                lost.append(group)  # the account or the group is gone: nothing to restore
        try:
            present = {str(group.id) for group in groups.groups(AccountId(account))}
        except Missing:
            continue
        login = data.logins.get(account, account)
        problems += [
            _("{login} is not back in {group}").format(login=login, group=name)
            for group, name in names.items()
            if group not in present and group not in lost
        ]
    return replace(data, problem=join("; ", problems))


def _is_named(group: Group, names: tuple[str, ...]) -> bool:
    return {group.id.casefold(), group.name.casefold()} & {name.casefold() for name in names} != set()


def _remaining_groups(account: Account, present: Sequence[Group], names: tuple[str, ...]) -> list[str]:
    """Return a sentence for each named group that an account is still in, directly or through another group."""
    wanted = {name.casefold() for name in names}
    sentences = []
    for group in present:
        if _is_named(group, names):
            sentences.append(_("{login} is still in {group}").format(login=account.login, group=group.name))
        sentences += [
            _("{login} is still in {group}, through {other}: name that group, too").format(
                login=account.login, group=above, other=group.name
            )
            for above in group.parent_groups
            if above.casefold() in wanted
        ]
    return sentences


def _rows(session: Session, case_id: str) -> list[Restriction]:
    return list(session.exec(select(Restriction).where(Restriction.case_id == case_id).order_by(Restriction.id)))
