"""Lock-out of one account in one system: lock, end what outlives a lock, read back.

Every step reads, writes, reads again and is recorded at once. A kill between two steps loses nothing: on the next run,
a step that was done answers `already`.

Over 250 lines because the order of the steps matters and is read as a whole.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from config.text import N_, _, join, language, loaded, ngettext, shown, stored
from connectors.contract import (
    AccountId,
    Accounts,
    Act,
    BeforeImage,
    Blockers,
    Change,
    Group,
    GroupId,
    Groups,
    Licences,
    Locked,
    Login,
    Observation,
    Sessions,
    Subject,
    Token,
    Tokens,
    Verdict,
)
from connectors.errors import Conflict, ConnectorError, Forbidden, Missing, OthersTouched, OutcomeUnknown
from workflows.access import kept_lists, lost_members
from workflows.access.account_state import ENDED, GROUP, SEVERITY, TOKEN, AccountData
from workflows.access.kept_lists import hidden_after, load
from workflows.access.licences import StageOf, keep, no_stage
from workflows.access.residual import noted
from workflows.context import Context
from workflows.storage.group_commit import run_later
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import FindingKind
from workflows.storage.work import say
from workflows.systems.effects import LOCKED, blinded, effects_of
from workflows.systems.registry import System

C = TypeVar("C")
LOCKS = {
    (False, False): N_("locked"),
    (False, True): N_("locked; a log-in was tried and refused"),
    (True, False): N_("was locked already"),
    (True, True): N_("was locked already; a log-in was tried and refused"),
}
"""Words of a lock, by two facts: the account was locked already, and a log-in was refused."""
LOST = N_("locked (the answer was lost, a read shows it)")
ACCEPTED = N_("the lock was written, and a log-in was accepted all the same")
LOCK_WORDS = frozenset({*LOCKS.values(), LOST, ACCEPTED})
ACCOUNT = table_of(LeaverAccount)
SEALED = sa.select(ACCOUNT.c.sealed).where(ACCOUNT.c.id == sa.bindparam("row"))
ACCOUNT_SEALED = sa.update(ACCOUNT).where(ACCOUNT.c.id == sa.bindparam("row"))
"""Statements instead of objects: loading objects took most of the processor time of a mass run."""
REFUSED = "refused-group"
"""Mark of a group that was certainly not left by our write."""
TAKEN = N_("taken out of group {name}")
KEPT = N_("still in group {name}: it is a licence, which is reclaimed at {stage}")
UNCOMPARED = N_("the account is out of it, and whether others lost it meanwhile was not seen: compare its members")


@dataclass(frozen=True, slots=True)
class LockoutResult:
    """Result of the last read of an account. `complete` is false while something is still to do."""

    verdict: Verdict
    reason: str
    how: str
    complete: bool = True
    finding: FindingKind | None = None
    """Kind of the finding, if a person must act on the result."""
    choose: bool = False
    """True if linking an account settles this."""
    gone: bool = False
    """True if the verdict rests on an account that the system does not show."""

    @classmethod
    def worst(cls, results: "list[LockoutResult]") -> "LockoutResult":
        """Return the worst result: open before unknown before locked. It is complete only if all of them are."""
        worst = min(results, key=lambda one: (SEVERITY.index(one.verdict), one.complete, one.finding is None))
        return replace(worst, complete=all(result.complete for result in results))


class AccountLockout:
    """Locks one account out of one system."""

    def __init__(
        self,
        context: Context,
        system: System,
        accounts: Accounts,
        key: bytes,
        row: LeaverAccount,
        *,
        immediate: bool = False,
        noticed: Mapping[str, Any] = MappingProxyType({}),
        stage: StageOf = no_stage,
    ) -> None:
        """Take an account `row` that is committed and holds the before-image; `key` decrypts the row.

        `immediate`: the lock comes before everything else. `noticed`: the account's lists at notice. `stage`: returns
        the stage that reclaims licences there; groups that are licences are then left to it.
        """
        self._context = context
        self._immediate, self._noticed = immediate, noticed
        self._system, self._accounts, self._key, self._row = system, accounts, key, row.id
        self._id, self._case = AccountId(row.account_id), row.case_id
        self._stage, self._sealed = stage, row.sealed
        self._running = 0
        self._open: list[str] = []
        self._left: list[str] = []
        self._unread_groups = self._stage_name = ""
        self._lists: Mapping[str, Any] = {}
        self._unseen: list[str] = []
        self._may_live = False
        self._lost = False

    def run(self, fresh: BeforeImage | None = None) -> LockoutResult:
        """Lock first, then end what outlives a lock. A part that fails is noted, and the other parts are still done.

        `fresh` is the state that the lookup has just read; without it, `run` reads the state. The caller stores the
        result.
        """
        self._keep_lists()
        self._run_part(Sessions, self._count_sessions, self._open)
        if not self._immediate:
            self._run_part(Licences, self._keep_licences, [])
        try:
            locked = self._lock(fresh)
        except (Forbidden, Conflict) as error:
            return self._read_refused(error)
        self._compare_lists()
        if self._immediate:
            self._run_part(Licences, self._keep_licences, [])
        self._run_part(Sessions, self._end_sessions, self._open)
        self._run_part(Tokens, self._revoke_tokens, self._open)
        self._run_part(Groups, self._leave_groups, self._left)
        return self._judge(self._accounts.observe([self._id])[self._id], locked)

    def _read_refused(self, error: Forbidden | Conflict) -> LockoutResult:
        """Return the read after a refused lock: an account that stays open is open, not unknown."""
        try:
            seen = self._accounts.observe([self._id])[self._id]
        except ConnectorError:
            raise error from None
        reason, gone = join("; ", (say(error), seen.reason, *self._remedies())), seen.verdict is Verdict.ABSENT
        return LockoutResult(seen.verdict, reason, seen.how, complete=gone, gone=gone or seen.hidden)

    def _remedies(self) -> list[str]:
        """Return what ends the refusal of the lock, as the connector foresees it."""
        connector = self._system.having(Blockers)
        try:
            found = connector.blockers(self._id) if connector else ()
        except ConnectorError:  # the refusal itself is said
            return []
        return list(dict.fromkeys(one.remedy for one in found if one.act is Act.LOCK and one.remedy))

    def _judge(self, seen: Observation, locked: Locked) -> LockoutResult:
        if locked.login is Login.ACCEPTED:
            reason = ": ".join(filter(None, (_("a log-in was accepted after the lock"), locked.detail)))
            return LockoutResult(Verdict.OPEN, reason, seen.how, complete=False)
        if seen.verdict is not Verdict.LOCKED:
            gone = seen.verdict is Verdict.ABSENT
            return LockoutResult(seen.verdict, seen.reason, seen.how, complete=gone, gone=gone)
        if self._open:
            reason = _("locked, but {what}").format(what=join("; ", self._open))
            return LockoutResult(Verdict.OPEN, reason, seen.how, complete=False)
        to_do = [*self._left, *([self._unread_groups] if self._unread_groups and not seen.hidden else [])]
        left = [_("still to do: {what}").format(what=join("; ", to_do))] if to_do else []
        reason = join("; ", (*locked.not_done, *left, *self._unseen))
        declared = {self._blinded(subject) for subject in Subject}  # the plan and the case say these
        verdict, finding = Verdict.LOCKED, FindingKind.LIST_HIDDEN if {*self._unseen} - declared else None
        if self._may_live:
            verdict = Verdict.UNKNOWN
        return LockoutResult(verdict, reason, seen.how, complete=not left, finding=finding, gone=seen.hidden)

    def _lock(self, fresh: BeforeImage | None) -> Locked:
        try:
            locked = self._accounts.lock(fresh or self._accounts.before(self._id))
        except OutcomeUnknown:
            if self._accounts.observe([self._id])[self._id].verdict is not Verdict.LOCKED:
                raise
            self._record_step("lock", Change.MADE, lambda: _(LOST), LOCKED, self._with_residual())
            return Locked(Change.MADE, Login.NOT_TRIED)
        except Missing:  # deleted meanwhile; the read-back shows it
            return Locked(Change.ALREADY, Login.NOT_TRIED)
        already, refused = locked.change is Change.ALREADY, locked.login is Login.REFUSED
        words = ACCEPTED if locked.login is Login.ACCEPTED else LOCKS[already, refused]
        note = self._with_residual(anew=not already)
        self._record_step("lock", locked.change, lambda: _(words), "" if already else LOCKED, note)
        for left in locked.not_done:
            self._record_step("lock", Change.ALREADY, partial(str, left))
        return locked

    def _with_residual(self, *, anew: bool = True) -> Callable[[AccountData], AccountData]:
        """Return the change of the data: the time until which tickets and open connections may work."""
        residual, now = self._accounts.residual(self._id), self._context.clock.now()
        return partial(noted, residual=residual, now=now, anew=anew) if residual else replace

    def _run_part(self, capability: type[C], part: Callable[[C], None], problems: list[str]) -> None:
        connector = self._system.having(capability)
        try:
            if connector is not None:
                part(connector)
        except ConnectorError as error:
            problems.append(say(error))

    def _count_sessions(self, sessions: Sessions) -> None:
        """Count the sessions before the lock: a lock may end them, and people still read how many there were."""
        self._running = sessions.sessions(self._id)

    def _keep_licences(self, licences: Licences) -> None:
        """Keep the seats before the lock, as some systems show none afterwards. A failed read is kept as unknown."""
        del licences
        data = AccountData(**self._context.vault.open(self._key, self._sealed, f"account:{self._row}"))
        keep(self._context, self._system, self._case, self._id, data.login)

    def _end_sessions(self, sessions: Sessions) -> None:
        change = sessions.end(self._id)
        if why := self._blinded(Subject.SESSIONS):
            self._unseen.append(why)
            self._may_live = True
            return
        if left := sessions.sessions(self._id):
            problem = ngettext("{count} session is still open", "{count} sessions are still open", left)
            self._open.append(problem.format(count=left))
            return
        self._record_step("sessions", change, lambda: _sessions(self._running), ENDED if self._running else "")

    def _revoke_tokens(self, tokens: Tokens) -> None:
        why, present, kept = self._blinded(Subject.TOKENS), list[Token](), load(self._lists, Subject.TOKENS)
        if not why:
            present = list(tokens.tokens(self._id))
            why = self._shorter(Subject.TOKENS, {one.id for one in present})
        if why:
            self._unseen.append(why)
            self._may_live = self._may_live or kept is None or not kept.at
            there = {one.id for one in present}
            present += [Token(*one) for one in self._known_names(Subject.TOKENS).items() if one[0] not in there]
        for token in present:
            words = partial(_with_name, N_("token {name} revoked"), token.name)
            try:
                change = tokens.revoke(self._id, token.id)
            except Missing:
                if not why:
                    raise
                change = Change.ALREADY  # a kept one that has ended meanwhile
            self._record_step("token", change, words, f"{TOKEN} {token.id}")
        if self._blinded(Subject.TOKENS):
            return
        if left := tokens.tokens(self._id):
            problem = ngettext(
                "{count} personal token is still live", "{count} personal tokens are still live", len(left)
            )
            self._open.append(problem.format(count=len(left)))

    def _leave_groups(self, groups: Groups) -> None:
        try:
            present = self._present_groups(groups)
        except Missing as error:  # gone with the lock, or deleted meanwhile, if the read-back says so
            self._unread_groups = _("the groups cannot be read: {error}").format(error=say(error))
            return
        seats = self._kept_groups(present)
        unanswered = self._note_groups(present, seats)
        for group in (*present, *unanswered):
            if group.id in seats:
                self._record_step("group", Change.ALREADY, partial(_kept, group.name, self._stage_name))
                continue
            if group.fixed:  # a primary group, for example: nobody can leave it, and it gives a locked account nothing
                self._record_step("group", Change.ALREADY, partial(str, group.fixed))
                continue
            # Asked before each group: another lock-out may have lost members meanwhile.
            if refused := lost_members.refusal(self._context, self._system.name):
                self._left.append(refused)
                return
            if not self._leave_group(groups, group, unanswered=group in unanswered):
                return
        if not self._left:
            lost_members.settle(self._context, self._system.name)

    def _present_groups(self, groups: Groups) -> Sequence[Group]:
        """Return the groups to leave: those that a read shows, and those before the lock if it hides any."""
        why, present = self._blinded(Subject.GROUPS), list[Group]()
        if not why:
            present = list(groups.groups(self._id))
            why = self._shorter(Subject.GROUPS, {str(one.id) for one in present})
        if not why:
            return present
        self._unseen.append(why)
        there = {one.id for one in present}
        hidden = {GroupId(one): name for one, name in self._known_names(Subject.GROUPS).items()}
        return [*present, *(Group(one, name) for one, name in hidden.items() if one not in there)]

    def _leave_group(self, groups: Groups, group: Group, *, unanswered: bool) -> bool:
        """Leave one group, or compare one left by a write without a recorded answer; return whether to go on."""
        mark = f"{GROUP} {group.id}"
        try:
            change = groups.remove(self._id, group.id)
        except OthersTouched as error:
            if self._lost and error.count:  # twice in a row is no coincidence: the system itself does it
                error = OthersTouched(str(error), stop=True, count=error.count)
            self._lost = self._lost or bool(error.count)
            self._record_loss(group.name, error, mark)
            return not error.stop
        except ConnectorError as error:
            if isinstance(error, Missing) and self._blinded(Subject.GROUPS):  # gone with the account, as is said
                return True
            self._left.append(_("group {name}: {why}").format(name=group.name, why=say(error)))
            if not unanswered or isinstance(error, Missing):
                refusal = f"{REFUSED} {group.id}"
                refused = () if isinstance(error, OutcomeUnknown) else (refusal,)
                self._change(lambda data: replace(data, marks=(*(set(data.marks) - {refusal}), *refused)))
            return True
        if unanswered and change is Change.ALREADY:
            self._record_loss(group.name, OthersTouched(_(UNCOMPARED), stop=False, count=0), mark)
        else:
            self._record_step("group", change, partial(_with_name, TAKEN, group.name), mark)
        return True

    def _kept_groups(self, present: Sequence[Group]) -> frozenset[GroupId]:
        """Return the groups that are licences, if a stage of the case reclaims them; it keeps their before-image."""
        seats = frozenset(group.id for group in present if group.licence and not group.fixed)
        self._stage_name = self._stage(self._case, self._system.name) if seats else ""
        return seats if self._stage_name else frozenset()

    def _note_groups(self, present: Sequence[Group], seats: Collection[GroupId]) -> Sequence[Group]:
        """Store the groups of an account; return those that it has left since, without a recorded answer.

        A write whose answer was lost, or after which we were stopped, may have cost others their group. `seats` are
        left to a stage, which gives them back as well.
        """
        now = {str(group.id): group.name for group in present}
        before = {group: name for group, name in now.items() if group not in seats}
        data = self._change(lambda data: replace(data, groups={**before, **data.groups}))
        return [
            Group(GroupId(group), name)
            for group, name in data.groups.items()
            if group not in now
            and not {f"{GROUP} {group}", f"{REFUSED} {group}"} & {*data.marks}
            and stored(_with_name(TAKEN, name)) not in data.done
        ]

    def _keep_lists(self) -> None:
        """Store the lists that the lock hides or may hide, before the lock. An immediate case locks first.

        A list that was read stays. After an attempt that may have locked, nothing is read anew.
        """
        hides = {one.subject for one in effects_of(self._system, {Act.LOCK})}
        wanted = kept_lists.offered(self._system, hides | {*kept_lists.was_there(self._noticed)})
        if not wanted:
            return
        data = self._data()
        missing = [one for one in wanted if not ((kept := load(data.lists, one)) and kept.at)]
        if missing and not self._immediate and not self._maybe_locked(data):
            found = kept_lists.read(self._system, self._id, missing, self._context.clock.now())
        else:
            why = _(kept_lists.FIRST) if self._immediate else _(kept_lists.ALREADY)
            found = kept_lists.never_read((one for one in missing if one in hides and one not in data.lists), why)
        if found:
            data = self._change(lambda now: replace(now, lists={**now.lists, **found}))
        self._lists = data.lists

    def _data(self) -> AccountData:
        with self._context.store.read() as session:
            sealed = session.connection().execute(SEALED, {"row": self._row}).scalar_one()
        return AccountData(**self._context.vault.open(self._key, sealed, f"account:{self._row}"))

    def _maybe_locked(self, data: AccountData) -> bool:
        """Return whether the account may be locked by now: then its lists are not read as those before the lock."""
        if data.locked or data.was == Verdict.LOCKED:
            return True
        if not data.lists:
            return False
        try:
            return self._accounts.observe([self._id])[self._id].verdict is not Verdict.OPEN
        except ConnectorError:  # the lock waits for no list
            return True

    def _compare_lists(self) -> None:
        """Compare the lists that no step of the lock-out reads with those before the lock, once."""
        read = (Subject.RECORDS, Subject.DUTIES, Subject.LICENCES)
        kept = {one: load(self._lists, one) for one in read if not self._blinded(one)}
        wanted = [one for one, was in kept.items() if was and was.at and was.count and not was.compared]
        if not wanted:
            self._unseen += [shown(was.hidden) for was in kept.values() if was and was.hidden]
            return
        found = kept_lists.read(self._system, self._id, wanted, self._context.clock.now())
        said = {
            one: hidden_after(kept[one], one, now.count)
            for one in wanted
            if (now := load(found, one)) and now.at  # an error is no shorter list, and is said by whoever reads next
        }
        self._unseen += filter(None, said.values())
        self._lists = self._change(lambda data: replace(data, lists=kept_lists.compared(data.lists, said))).lists

    def _blinded(self, subject: Subject) -> str:
        """Return why the lock hides a list, as its connector declares; empty if it does not."""
        why = blinded(self._system, subject, {Act.LOCK})
        return why.words if why else ""

    def _known_names(self, subject: Subject) -> Mapping[str, str]:
        """Return what was on a list right before the lock; without such a reading, at notice."""
        kept = load(self._lists, subject)
        kept = kept if kept and kept.at else load(self._noticed, subject)
        return kept.names if kept else {}

    def _shorter(self, subject: Subject, present: Collection[str]) -> str:
        """Return why a list after the lock is not believed: it lacks names that nobody took out. Store the reason."""
        kept = load(self._lists, subject)
        if kept is None or not kept.at or (not kept.hidden and {*kept.names} <= {*present}):
            return ""
        data = self._data()
        marks = {mark.partition(" ")[2] for mark in data.marks}
        explained = len({*kept.names} - {*present} & (marks | {*data.groups}))
        why = hidden_after(kept, subject, len({*kept.names} & {*present}) + explained) or shown(kept.hidden)
        if why and not kept.hidden:
            said = {subject: why}
            self._lists = self._change(lambda now: replace(now, lists=kept_lists.compared(now.lists, said))).lists
        return why

    def _record_loss(self, group: str, error: OthersTouched, mark: str) -> None:
        """Store that others lost a group: a retry finds the leaver outside, and must not erase it."""
        text = lost_members.report(self._context, self._case, self._system.name, self._id, group, error)
        if error.count:
            self._left.append(text)
        with language("en"):
            lost = ngettext("{count} other member is gone", "{count} other members are gone", error.count)
        facts = {"change": str(Change.MADE), "result": Personal(lost.format(count=error.count))}
        self._change(lambda data: data.plus(text, mark), "access.group", facts)

    def _record_step(
        self,
        what: str,
        change: Change,
        words: Callable[[], str],
        mark: str = "",
        note: Callable[[AccountData], AccountData] = replace,
    ) -> None:
        """Store `words` for people, `mark` for programs, and what `note` adds. The journal is always in English."""
        shown = words()
        with language("en"):
            result = words()
        facts = {"change": change, "result": Personal(result)}
        self._change(lambda data: note(data).plus(shown, mark), f"access.{what}", facts)

    def _change(
        self, change: Callable[[AccountData], AccountData], action: str = "", facts: Mapping[str, object] | None = None
    ) -> AccountData:
        context = f"account:{self._row}"

        def write(session: Session) -> AccountData:
            sealed = session.connection().execute(SEALED, {"row": self._row}).scalar_one()
            data = change(AccountData(**self._context.vault.open(self._key, sealed, context)))
            new = self._context.vault.seal(self._key, data, context)
            run_later(session, ACCOUNT_SEALED, {"row": self._row, "sealed": new})
            if action:
                self._context.journal.write(
                    session,
                    actor=HANDOVER,
                    action=action,
                    case_id=self._case,
                    data={"system": self._system.name, "account": Personal(self._id), **(facts or {})},
                )
            return data

        return self._context.store.group_write(write, self._case)


def login_refused(done: Sequence[str]) -> bool:
    """Return whether every lock among stored steps tried a log-in that was refused. Pure."""
    locks = {loaded(one).message for one in done} & LOCK_WORDS
    return bool(locks) and locks <= {LOCKS[already, True] for already in (False, True)}


def _with_name(words: str, name: str) -> str:
    return _(words).format(name=name)


def _kept(name: str, stage: str) -> str:
    return _(KEPT).format(name=name, stage=stage)


def _sessions(number: int) -> str:
    if number == 0:
        return _("no session was open")
    return ngettext("{count} session ended", "{count} sessions ended", number).format(count=number)
