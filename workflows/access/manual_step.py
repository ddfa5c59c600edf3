"""Values of manual steps: the request, the answer, and the next action.

Nothing here writes. A step's verdict is always `unknown`: a confirmation is a person's statement, shown beside the
verdict, and no reading.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from config.text import N_, _, ngettext, punctuated, shown, stored
from connectors.contract import ByHand, ManualWork, Verdict
from workflows.access.account_state import UNCONFIGURED
from workflows.access.views import StepView, SystemLine, SystemPlan
from workflows.people import Leaver
from workflows.storage.rows.access import ManualStep
from workflows.storage.rows.case import Case
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.systems.registry import System, Systems

LOOK = timedelta(hours=1)
"""Time between two checks that the people asked are still active."""
SOON = timedelta(minutes=1)
"""Time until the next check if the workspace did not answer."""
DAY = timedelta(days=1)
NOBODY = N_("nobody who is asked for it is active in Slack any more")


@dataclass(frozen=True, slots=True)
class StepData:
    """Sealed data of a step: people's words and names."""

    asked: Sequence[str] = ()
    """Slack ids of everybody who was asked in this round, including by escalation."""
    times: int = 0
    """Number of requests in this round."""
    asked_last: str = ""
    """Time of the last request, ISO."""
    stuck: bool = False
    """True if somebody reported in this round that the step cannot be done."""
    problem: str = ""
    name: str = ""
    note: str = ""
    proof: str = ""
    proof_sha256: str = ""

    def seal(self, vault: Vault, key: bytes, step_id: str) -> bytes:
        """Encrypt the data for the step's row."""
        return vault.seal(key, asdict(replace(self, problem=stored(self.problem))), f"manual:{step_id}")

    @classmethod
    def of(cls, vault: Vault, key: bytes, row: ManualStep) -> "StepData":
        """Decrypt a row's data; return empty data for a fresh row."""
        return cls(**vault.open(key, row.sealed, f"manual:{row.id}")) if row.sealed else cls()


@dataclass(frozen=True, slots=True)
class StepActions:
    """Actions due for a step at one moment."""

    begins: bool
    """True if a new round begins: nobody has been asked in it yet."""
    ask: tuple[str, ...]
    """People who get a new message."""
    escalate: bool
    overdue: bool
    next_at: datetime
    reachable: tuple[str, ...] | None = None
    """Active people who can be asked; None if that is not known."""
    problem: str = ""


def work_of(system: System | None) -> ManualWork | None:
    """Return the manual work of this system; None if a program does it or the system is not configured."""
    connector = system.connector if system else None
    return cast("ByHand", connector).work if ByHand in type(connector).__mro__ else None


def answered(row: ManualStep) -> bool:
    """Return whether a person has answered the step's current round."""
    return row.confirmed_at is not None and (row.asked_at is None or row.confirmed_at >= row.asked_at)


def deadline(row: ManualStep, effective_at: datetime, work: ManualWork, now: datetime) -> datetime:
    """Return the deadline of the round. The first round counts from the case's effective time."""
    if row.deadline is not None and not answered(row):
        return row.deadline
    return (effective_at if row.round == 1 and not answered(row) else now) + work.due


def next_step_actions(
    row: ManualStep, data: StepData, work: ManualWork, reach: tuple[str, ...] | None, ends: datetime, now: datetime
) -> StepActions:
    """Decide the actions due now. `reach`: active people, None if not known; `ends`: the deadline."""
    begins = answered(row) or row.asked_at is None
    overdue = now >= ends
    nobody = reach == ()
    spacing = max(work.remind, DAY) if overdue else work.remind
    last = datetime.fromisoformat(data.asked_last) if data.asked_last and not begins else None
    # The members of a group are not known while Slack does not answer.
    likely = (work.assignee,) if work.assignee[:1] in ("U", "W") else ()
    people = likely if reach is None else reach
    ask = people if last is None or now >= last + spacing else ()
    escalate = (overdue or nobody or data.stuck) and (begins or row.escalated_at is None)
    wake = [(now if ask else last or now) + spacing, now + (SOON if reach is None else LOOK)]
    problem = NOBODY if nobody else "" if data.problem in (NOBODY, UNCONFIGURED) else data.problem
    return StepActions(begins, ask, escalate, overdue, min([*wake, *([] if overdue else [ends])]), reach, problem)


def view(row: ManualStep, data: StepData, work: ManualWork | None, case_id: str, leaver: Leaver) -> StepView:
    """Return a step for display."""
    return StepView(
        id=row.id,
        case_id=case_id,
        leaver=leaver,
        system=row.system,
        title=work.title if work else row.system,
        instructions=work.instructions if work else "",
        needs_file=bool(work and work.needs_file),
        assignee=work.assignee if work else "",
        escalate_to=work.escalate_to if work else "",
        state=WorkState(row.state),
        asked_at=row.asked_at,
        deadline=row.deadline,
        escalated_at=row.escalated_at,
        round=row.round,
        waiting=row.state == WorkState.DUE and row.asked_at is not None and not answered(row),
        confirmed_by=data.name if row.confirmed_at else "",
        confirmed_at=row.confirmed_at,
        note=data.note,
        proof=data.proof,
        proof_sha256=data.proof_sha256,
        problem=shown(stored(data.problem)),
    )


def reason(step: StepView) -> str:
    """Return the reason of the verdict `unknown`, as a sentence."""
    if step.confirmed_at:
        sentence = _("confirmed by {name} on {day}, not read back").format(
            name=step.confirmed_by, day=f"{step.confirmed_at:%Y-%m-%d}"
        )
        if step.waiting and step.asked_at:
            sentence = _("{said}; asked again on {day}").format(said=sentence, day=f"{step.asked_at:%Y-%m-%d}")
        return sentence
    sentence = _("a person will be asked to do it")
    if step.asked_at:
        sentence = _("a person was asked and has not confirmed it yet")
    if step.escalated_at:
        sentence = _("{said}, escalated").format(said=sentence)
    return punctuated("{said} ({why})").format(said=sentence, why=step.problem) if step.problem else sentence


def line(vault: Vault, systems: Systems, case: Case, leaver: Leaver, row: ManualStep) -> SystemLine:
    """Return a case's line for a manual step."""
    system = systems.get(row.system)
    data = StepData.of(vault, case.wrapped_key, row)
    step = view(row, data, work_of(system), case.id, leaver)
    return SystemLine(
        row.system,
        step.title,
        Verdict.UNKNOWN,
        reason(step),
        "",
        None,
        False,
        None,
        0,
        (),
        system.cannot if system else (),
        step,
    )


def plan(system: System, work: ManualWork) -> SystemPlan:
    """Return what a plan shows for a system with a manual step."""
    hours = work.due.total_seconds() / 3600
    does = ngettext(
        "someone will be asked to do this by hand, within {hours} hour: {instructions}",
        "someone will be asked to do this by hand, within {hours} hours: {instructions}",
        int(hours),
    ).format(hours=f"{hours:g}", instructions=work.instructions)
    return SystemPlan(system.name, work.title, (), "", (does,), system.cannot, by_hand=True)
