"""Authorization: the one check before every act on a case, for Slack, the terminal and the clock alike."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, select

from config.actors import ActorSettings, Command, table_of
from config.settings import Role, Roles
from config.text import N_, _, listed
from workflows.people import SLACK, Actor, Leaver
from workflows.ports import Clock, DeliveryFailed, WorkspaceDirectory
from workflows.refusals import Code, Refused
from workflows.storage.case import is_about, is_of, read_case, slack_key
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.store import Store
from workflows.storage.vault import Vault


class Right(StrEnum):
    """An act that needs a role."""

    OPEN = "open a case"
    SEE = "see cases"
    CANCEL = "cancel a case"
    RETRY = "retry a system"
    LOCK_AGAIN = "lock again"
    REVEAL = "reveal a name"
    AUDIT = "run an audit"
    CONFIRM = "answer for a manual step"
    UNDO = "undo a case"
    CLOSE = "close a case"
    RESCHEDULE = "reschedule a case"
    RELEASE = "release a held case"
    RELEASE_IMMEDIATE = "release an immediate case"
    REJECT = "reject a held case"
    LINK = "link an account"
    TAKE = "take a finding"
    ACCEPT = "accept a finding"
    HALT = "pause or stop moves"
    PUT_BACK = "undo a handover"
    DUTIES = "decide on duties"
    APPOINT = "name an approver"
    RECORD = "record an answer of somebody else"
    ENROL = "enrol a person for one-time codes"
    ACCEPT_CLOCK = "accept the clock"
    ROTATE_KEY = "rotate the master key"
    TELL = "tell clients"
    ANSWER = "answer for a client"
    STAGE = "move, run or skip a stage"
    HOLD = "set a legal hold"
    END_HOLD = "end a legal hold"


HOLDERS: Mapping[Right, tuple[str, ...]] = {
    Right.OPEN: ("hr",),
    Right.SEE: ("hr", "security", "admin"),
    Right.CANCEL: ("hr",),
    Right.RETRY: ("hr", "security", "admin"),
    Right.LOCK_AGAIN: ("security", "admin"),
    Right.REVEAL: ("security",),
    Right.AUDIT: ("security", "admin"),
    Right.CONFIRM: ("security", "admin"),
    Right.UNDO: ("hr", "security"),
    Right.CLOSE: ("hr",),
    Right.RESCHEDULE: ("hr",),
    Right.RELEASE: ("security",),
    Right.RELEASE_IMMEDIATE: ("security", "hr"),
    Right.REJECT: ("security", "hr"),
    Right.LINK: ("security", "admin"),
    Right.TAKE: ("security", "admin"),
    Right.ACCEPT: ("security",),
    Right.HALT: ("hr", "security", "admin"),
    Right.PUT_BACK: ("hr", "security"),
    Right.DUTIES: ("hr", "security"),
    Right.APPOINT: ("hr",),
    Right.RECORD: ("admin",),
    Right.ENROL: ("security", "admin"),
    Right.ACCEPT_CLOCK: ("security", "admin"),
    Right.ROTATE_KEY: ("security", "admin"),
    Right.TELL: ("hr",),
    Right.ANSWER: ("hr", "security"),
    Right.STAGE: ("hr", "security", "admin"),
    Right.HOLD: ("security",),
    Right.END_HOLD: ("security",),
}
"""Roles that grant a right, named as in `[roles]`."""
ROLE_NAMES: Mapping[str, str] = {
    "hr": N_("HR"),
    "approver": N_("approvers"),
    "security": N_("security"),
    "admin": N_("administrators"),
}
"""Roles as people call them."""
COMMANDS: Mapping[Command, tuple[Right, ...]] = {
    "offboard": (Right.OPEN,),
    "undo": (Right.UNDO,),
    "reschedule": (Right.RESCHEDULE,),
    "close": (Right.CLOSE,),
    "moves": (Right.HALT,),
    "putback": (Right.PUT_BACK,),
    "returning": (Right.PUT_BACK,),
    "audit": (Right.AUDIT,),
    "findings": (Right.TAKE, Right.LOCK_AGAIN),
}
"""Rights of a script by the commands in its table."""
PEOPLE_ONLY = frozenset({Right.RELEASE, Right.RELEASE_IMMEDIATE, Right.CONFIRM, Right.LINK, Right.ACCEPT}) | {
    Right.DUTIES,
    Right.APPOINT,
    Right.RECORD,
    Right.ENROL,
    Right.ACCEPT_CLOCK,
    Right.ROTATE_KEY,
    Right.ANSWER,
    Right.HOLD,
    Right.END_HOLD,
}
"""Rights that no script has, because they need a person's word."""
BY_POLICY = frozenset({Right.RETRY})
"""Rights of the bot itself: policy locks an account again without a person."""
IN_FORCE = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.WATCHED)
"""States in which a case locks its person out from its time on."""


def holders(right: Right) -> str:
    """Return the roles that grant a right, as people call them."""
    return listed(_(ROLE_NAMES[role]) for role in HOLDERS[right])


def granted(table: ActorSettings, right: Right) -> bool:
    """Return whether the table of an actor at the terminal grants a right. Pure."""
    if table.service and right in PEOPLE_ONLY:
        return False
    return not set(HOLDERS[right]).isdisjoint(table.roles) or any(right in COMMANDS[one] for one in table.commands)


@dataclass(frozen=True, slots=True)
class Authorization:
    """Checks right and standing of an actor, live from the workspace, and keeps the leaver out of their own case."""

    store: Store
    vault: Vault
    journal: Journal
    clock: Clock
    members: WorkspaceDirectory
    roles: Roles
    actors: Mapping[str, ActorSettings] = field(default_factory=dict)
    """The tables of people and scripts at the terminal."""

    def require(
        self, right: Right, by: Actor, case_id: str = "", *, leaver: Leaver | None = None, also: Collection[str] = ()
    ) -> Actor:
        """Refuse an act, and put the refusal on record, unless this actor may do it now. Call outside a transaction.

        Return the actor with the address that the workspace has now. Compare that one with others: two ids with one
        address are one human.

        `leaver`: the person of a case that is not open yet. `also`: Slack ids and user groups that were asked for
        exactly this act, and need no role.

        Raises `Refused`: UNKNOWN_CASE, OWN_CASE, NOT_CHECKED, NO_STANDING, NOT_ALLOWED.
        """
        if case_id:
            with self.store.read() as session:
                leaver = read_case(session, self.vault, case_id)[1].leaver
        try:
            return self._checked(right, by, leaver, also)
        except Refused as refused:
            self.journal.note("refused", by, {"what": right, "code": refused.code}, case_id)
            raise

    def _checked(self, right: Right, by: Actor, leaver: Leaver | None, also: Collection[str]) -> Actor:
        if by == HANDOVER and right in BY_POLICY:
            return by
        if leaver and is_about(leaver, by):  # without a question to Slack, which may be down
            raise Refused(Code.OWN_CASE)
        by = self._current(by, leaver)
        if leaver and is_about(leaver, by):
            raise Refused(Code.OWN_CASE)
        if self.is_locked_out(by):
            raise Refused(Code.NO_STANDING, why=_("a case has locked you out"))
        if not (self._is_granted(by, right) or self._holds(by, HOLDERS[right]) or self._is_among(by, also)):
            raise Refused(Code.NOT_ALLOWED, roles=holders(right))
        return by

    def _current(self, by: Actor, leaver: Leaver | None) -> Actor:
        """Return an actor with the address that the workspace has now. Raises `Refused`: NO_STANDING, NOT_CHECKED."""
        if by.id.startswith(SLACK):
            try:
                member = self.members.find(by.slack_id)
            except DeliveryFailed as failed:
                known = by.email or not ((leaver and not leaver.slack_id) or self._begun_without_slack())
                if by.terminal and known:  # who gave a proof acts on the day Slack is down, too
                    return by
                raise Refused(Code.NOT_CHECKED, why=str(failed)) from failed
            if member is None or member.standing:
                raise Refused(Code.NO_STANDING, why=member.standing if member else "")
            return replace(by, email=member.email or by.email, further_email=by.email)
        return by

    def is_locked_out(self, by: Actor) -> bool:
        """Return whether a case locks this person out now, and was neither undone nor closed."""
        found = select(Case.id).where(is_of(self.vault, by.emails, by.slack_id), self._begun()).limit(1)
        with self.store.read() as session:
            return session.exec(found).first() is not None

    def _begun_without_slack(self) -> bool:
        """Return whether somebody is locked out by a case that has no Slack id."""
        query = select(Case.id).where(self._begun(), self._without_slack()).limit(1)
        with self.store.read() as session:
            return session.exec(query).first() is not None

    def _begun(self) -> ColumnElement[bool]:
        return and_(col(Case.state).in_(IN_FORCE), col(Case.effective_at) <= self.clock.now())

    def _without_slack(self) -> ColumnElement[bool]:
        return col(Case.slack_key).in_(("", slack_key(self.vault, "")))

    def _is_granted(self, by: Actor, right: Right) -> bool:
        return (by.terminal or not by.slack_id) and granted(table_of(self.actors, by.id), right)

    def _holds(self, by: Actor, names: Collection[str]) -> bool:
        roles: list[Role] = [getattr(self.roles, name) for name in names]
        return self._is_among(by, [one for role in roles for one in (*role.users, *role.groups)])

    def _is_among(self, by: Actor, named: Collection[str]) -> bool:
        """Return whether somebody is named, or a member of a named user group now. Raises `Refused(NOT_CHECKED)`."""
        if not by.slack_id or by.slack_id in named:
            return bool(by.slack_id)
        try:
            return any(by.slack_id in self.members.group(one) for one in named if one.startswith("S"))
        except DeliveryFailed as failed:
            raise Refused(Code.NOT_CHECKED, why=str(failed)) from failed
