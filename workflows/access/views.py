from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.contract import Act, Duty, Licence, Verdict
from workflows.people import Leaver
from workflows.storage.rows.work_state import WorkState


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account in a plan or a case."""

    system: str
    account_id: str
    login: str
    matched_by: str
    verdict: Verdict
    reason: str = ""
    how: str = ""
    read_at: datetime | None = None
    groups: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    """Steps that were done, in words: `locked`, `3 sessions ended`, `taken out of group sales`."""
    residual: str = ""
    """Access that may outlive the lock, as a noun for people: `tickets`. Empty once it has ended."""
    residual_until: datetime | None = None
    login_refused: bool = False
    """True if a log-in was tried at each lock of Handover, and refused."""
    last_good: Verdict | None = None
    """Last good verdict that was read before the present one, which is not good; None if none is known."""
    last_good_at: datetime | None = None
    unread: tuple[str, ...] = ()
    """Lists that cannot be read after the lock, as sentences, and those that were kept before it."""


@dataclass(frozen=True, slots=True)
class BookLine:
    """Number of the leaver's records in one system, or why that is not known."""

    system: str
    counts: Mapping[str, int]
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DutyLine:
    """Duties of the leaver in one system, or why they are not known."""

    system: str
    title: str
    duties: tuple[Duty, ...] = ()
    """Worst first."""
    unknown: tuple[str, ...] = ()
    """Sentences on duties that may not be seen. Without any, the list is whole."""
    read_at: datetime | None = None
    """The time of the reading; None if there was none."""
    no_account: bool = False
    """True if the leaver has no account there, as far as was read."""


@dataclass(frozen=True, slots=True)
class SeatLine:
    """One licence of a leaver in a case."""

    licence: Licence
    state: str
    """A `staged_account.SeatState`: `held`, `taken`, `given`, `gone`."""
    problem: str = ""
    """Reason for which it was not taken, or is not back."""


@dataclass(frozen=True, slots=True)
class LicenceLine:
    """Licences of the leaver in one system, or why they are not known."""

    system: str
    title: str
    login: str = ""
    """Empty in a plan, which names the account beside it."""
    seats: tuple[SeatLine, ...] = ()
    unknown: str = ""
    """Reason for which the newest reading failed; `seats` are those of an earlier one then."""
    read_at: datetime | None = None
    """Time of the last reading; None if there was none."""
    reclaimed_at: datetime | None = None
    """Time of the reading that showed all of them gone, after a stage took some."""
    stage: str = ""
    """The stage that reclaims them, in words: `day 30`; empty if none does, or if it is over."""
    deactivated_at: datetime | None = None
    """Time of the reading that showed the account deactivated by a stage; None if it is not, or not any more."""


@dataclass(frozen=True, slots=True)
class DutyComparison:
    """The duties in one system now, beside those at notice."""

    system: str
    title: str
    now: DutyLine
    at_notice: DutyLine | None
    """None if nothing was read at notice."""


@dataclass(frozen=True, slots=True)
class EffectLine:
    """A list that an act destroys, or after which it cannot be read."""

    what: str
    act: Act
    destroys: bool
    words: str
    """The effect as a sentence, with the vendor's rule."""


@dataclass(frozen=True, slots=True)
class BlockerLine:
    """A refusal by the vendor that lies ahead, for one account of the plan."""

    login: str
    act: Act
    why: str
    remedy: str
    """The act that ends it, as a sentence; empty if nobody can."""


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """Accounts and actions of a planned case in one system. `problem` is set if the lookup failed."""

    system: str
    title: str
    accounts: tuple[AccountLine, ...]
    how: str
    does: tuple[str, ...]
    """Planned actions, in words."""
    cannot: tuple[str, ...]
    book: BookLine | None = None
    problem: str = ""
    by_hand: bool = False
    """True if a person is asked to do the work: there is nothing to look up."""
    duties: DutyLine | None = None
    """None where the system lists no duties, or where no account was found."""
    effects: tuple[EffectLine, ...] = ()
    """Lists of the accounts that acts destroy or blind, worst first."""
    blockers: tuple[BlockerLine, ...] = ()
    """Refusals by the vendor that lie ahead, the lock's first."""
    licences: LicenceLine | None = None
    """None where the system lists no licences, or has none for the account that was found."""

    @property
    def unproven(self) -> bool:
        """Return whether the system was read and showed no account, which is no proof of absence."""
        return bool(self.problem and self.how and not self.accounts)


@dataclass(frozen=True, slots=True)
class RestrictionLine:
    """Groups taken from a leaver in one system before the lock-out."""

    system: str
    title: str
    state: WorkState
    lifted: bool
    """True if the groups are being restored, or were."""
    due_at: datetime
    done_at: datetime | None
    taken: tuple[str, ...]
    """Log-in and groups: `dana: Exporters`."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """Manual step in a system without an API, with the answer. It is never a reading."""

    id: str
    case_id: str
    leaver: Leaver
    system: str
    title: str
    instructions: str
    needs_file: bool
    assignee: str
    """Slack id of a person or of a user group; empty if the step is no longer in the configuration."""
    escalate_to: str
    state: WorkState
    asked_at: datetime | None
    deadline: datetime | None
    escalated_at: datetime | None
    round: int
    waiting: bool
    """True if somebody was asked and nobody has answered."""
    confirmed_by: str
    """Name of the person who confirmed the step; empty if nobody has."""
    confirmed_at: datetime | None
    note: str
    proof: str
    """Name of the file, or a link to it."""
    proof_sha256: str
    problem: str
    """Reason why the step could not be done, or why nobody can be asked."""

    @property
    def confirmed(self) -> bool:
        """True if a person has ever confirmed the step."""
        return self.confirmed_at is not None


@dataclass(frozen=True, slots=True)
class SystemLine:
    """Verdict on one system of a case. `next_try_at` is set while work waits for another try."""

    system: str
    title: str
    verdict: Verdict
    reason: str
    how: str
    read_at: datetime | None
    working: bool
    next_try_at: datetime | None
    attempt: int
    accounts: tuple[AccountLine, ...]
    cannot: tuple[str, ...]
    step: StepView | None = None
    """Set if a person does the work and nothing can be read: the verdict is then always `unknown`."""
    late: str = ""
    """Delay of the work, and its reason, if it was more than minutes."""
    choose: bool = False
    """True if a person must choose the leaver's account."""
    locked_at: datetime | None = None
    """Time of the first read that showed the lock-out complete."""
    word: str = ""
    """Person whose word an absence rests on, and until when; empty if it was read."""
    last_good: Verdict | None = None
    """Last good verdict that was read before the present one, which is not good; None if none is known."""
    last_good_at: datetime | None = None

    @property
    def open_again(self) -> bool:
        """True if a read showed every open account of the line locked before."""
        opened = [one for one in self.accounts if one.verdict is Verdict.OPEN]
        return bool(opened) and all(one.last_good is Verdict.LOCKED for one in opened)

    @property
    def login_refused(self) -> bool:
        """True if the read of the lock itself is the newest, and a log-in was refused then for every account."""
        at_lock = self.locked_at is not None and self.read_at == self.locked_at
        return at_lock and bool(self.accounts) and all(one.login_refused for one in self.accounts)


@dataclass(frozen=True, slots=True)
class RestoredLine:
    """Restored access in one system of an undone case. `problem` is set while something is still to do."""

    system: str
    title: str
    login: str
    back: tuple[str, ...]
    cannot: tuple[str, ...]
    problem: str
    done: bool
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Account that may be the leaver's, for a person to choose. `reason`: why it cannot be chosen."""

    account_id: str
    login: str
    name: str
    email: str
    verdict: Verdict
    matched_by: str
    linked: bool = False
    reason: str = ""
