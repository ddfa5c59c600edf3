"""Duties of a case as people decide on them: the last lists that were read, with the decisions on them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlmodel import Session

from config.text import N_, _, punctuated, shown, stored
from connectors.contract import Duties
from workflows.access import duties
from workflows.access.duty_rows import DecisionData, as_duty, row_id, rows_of
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.access.views import DutyComparison, DutyLine
from workflows.storage.rows.access import Inventory
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.duties import DutyDecision, DutyReview
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.systems.accounts import kept_accounts
from workflows.systems.registry import Systems
from workflows.tampering import Tampered

NOT_READ = N_("not read yet")
GOING_ON = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.WATCHED)
"""States of a case whose duties can be decided on."""


@dataclass(frozen=True, slots=True)
class ReviewData:
    """Sealed data of a `DutyReview` row."""

    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The last list of each system, as `duties.kept` made it."""
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Reasons for which the last read of a system is not whole, in the form of `stored`."""
    absent: Sequence[str] = ()
    """Systems in which the leaver has no account, as far as was read."""
    asked: Sequence[str] = ()
    """Ids of the decisions that people were asked for."""

    def seal(self, vault: Vault, key: bytes, case_id: str) -> bytes:
        """Encrypt the data for the row."""
        return vault.seal(key, asdict(self), f"duty_review:{case_id}")

    @classmethod
    def of(cls, vault: Vault, key: bytes, row: DutyReview | None) -> "ReviewData":
        """Decrypt a row's data; empty data without any."""
        return cls(**vault.open(key, row.sealed, f"duty_review:{row.id}")) if row and row.sealed else cls()

    def with_reading(self, found: Sequence[DutyComparison]) -> "ReviewData":
        """Return the data with a fresh reading. A list that could not be read stays as it was, and is not known."""
        lists = {**self.lists, **{one.system: duties.kept(one.now) for one in found if one.now.read_at}}
        unknown = {one.system: [stored(words) for words in one.now.unknown] for one in found}
        absent = [one.system for one in found if one.now.no_account]
        return ReviewData(lists, {name: words for name, words in unknown.items() if words}, absent, self.asked)


def last_lists(session: Session, vault: Vault, systems: Systems, case: Case, data: ReviewData) -> dict[str, DutyLine]:
    """Return the last list of each system that lists duties: the newest, or the one of the notice."""
    found = {}
    for system, _connector in systems.with_capability(Duties):
        kept: Mapping[str, Any] = data.lists.get(system.name, {})
        row = session.get(Inventory, f"{case.id}:{system.name}")
        if not kept and row is not None:
            kept = kept_accounts(vault, case.wrapped_key, row.id, row.sealed).duties
        if line := duties.kept_line(system, kept):
            found[system.name] = line
    return found


def view(session: Session, vault: Vault, systems: Systems, case: Case) -> DutiesView:
    """Return every duty that is known, with its decision, worst first."""
    data = ReviewData.of(vault, case.wrapped_key, session.get(DutyReview, case.id))
    lines = last_lists(session, vault, systems, case, data)
    rows = {row.id: row for row in rows_of(session, case.id)}
    items: dict[str, DutyItem] = {}
    for line in lines.values():
        for duty in line.duties:
            key = row_id(vault, case.id, line.system, duty.id)
            items[key] = _decided(vault, case, DutyItem(key, line.system, line.title, duty, listed=True), rows.get(key))
    for key, row in rows.items():
        if key not in items and (item := _of_row(vault, case, systems, row)):
            items[key] = item
    order = {duty: place for place, duty in enumerate(duties.worst_first(one.duty for one in items.values()))}
    times = [line.read_at for line in lines.values() if line.read_at]
    return DutiesView(
        tuple(sorted(items.values(), key=lambda one: order[one.duty])),
        tuple(_unknown(systems, data, lines)),
        min(times, default=None),
        case.state in GOING_ON,
        {
            system.name: shown(next(iter(data.unknown.get(system.name, ())), "")) or _(NOT_READ)
            for system, _connector in systems.with_capability(Duties)
            if system.name not in lines and system.name not in data.absent
        },
    )


def _unknown(systems: Systems, data: ReviewData, lines: Mapping[str, DutyLine]) -> list[str]:
    """Return what is not known, a sentence each with its system."""
    said = []
    for system, _connector in systems.with_capability(Duties):
        fresh = [shown(words) for words in data.unknown.get(system.name, ())]
        line = lines.get(system.name)
        if line is None and not fresh:
            fresh = [_(NOT_READ)]
        kept = line.unknown if line and system.name not in data.lists else ()
        title = system.manifest.title
        said += [punctuated("{title}: {words}").format(title=title, words=words) for words in fresh or kept]
    return said


def _of_row(vault: Vault, case: Case, systems: Systems, row: DutyDecision) -> DutyItem | None:
    """Return a decision on a duty that no list has any more."""
    system = systems.get(row.system)
    try:
        data = DecisionData.of(vault, case.wrapped_key, row)
    except Tampered:
        return None  # the work reports it
    title = system.manifest.title if system else row.system
    return _decided(vault, case, DutyItem(row.id, row.system, title, as_duty(data.duty), listed=False), row)


def _decided(vault: Vault, case: Case, item: DutyItem, row: DutyDecision | None) -> DutyItem:
    if row is None:
        return item
    try:
        data = DecisionData.of(vault, case.wrapped_key, row)
    except Tampered:
        return item
    return DutyItem(
        item.id,
        item.system,
        item.title,
        item.duty,
        item.listed,
        data.choice,
        data.to.name or data.to.email,
        data.by,
        data.reason,
        row.decided_at,
        row.state == WorkState.DONE,
        row.done_at,
        shown(data.result),
        shown(data.problem),
        data.by_hand,
    )
