"""Preview of a split, read now from the systems; nothing is written and nobody is asked."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from config.text import _, shown
from connectors.contract import ClientBook
from workflows.clients.context import ClientContext
from workflows.clients.proposals.receivers import active_successors
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import AssignmentRow, InvalidAssignmentFile
from workflows.clients.split.families import FamilyTotals
from workflows.clients.split.rules import AllocationRequest, split
from workflows.clients.split.shares import ShareTotals
from workflows.clients.views import LineFault, Preview, Share
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy
from workflows.storage.work import say
from workflows.systems.accounts import PreconditionFailed, leaver_accounts
from workflows.systems.registry import System

SECONDS = 120.0
"""The longest time for reading the systems; a larger book is first shown as a proposal."""


@dataclass(frozen=True, slots=True)
class _SystemPreview:
    shares: dict[str, ShareTotals]
    staying: int = 0
    notes: tuple[str, ...] = ()
    faults: tuple[LineFault, ...] = ()
    hits: frozenset[int] = frozenset()


def preview(
    context: ClientContext, leaver: Leaver, successors: Sequence[Successor], strategy: Strategy, content: bytes = b""
) -> Preview:
    """Read every book and split it as a case would. The faults of the file are in `faults`, by line."""
    try:
        rows, unread = assignment_file.read_valid_rows(content) if content else ((), [])
    except InvalidAssignmentFile as unfit:
        return Preview((), 0, 0, 0, (), (), unfit.faults)
    wanted = AllocationRequest(context.allocation_policy, strategy, leaver.email, rows)
    seen: list[_SystemPreview] = []
    problems = []
    answers = context.systems.ask(lambda system: _look(context, system, leaver, successors, wanted), SECONDS)
    for name, answer in answers.items():
        if isinstance(answer, _SystemPreview):
            seen.append(answer)
        elif answer is not None:
            problems.append(f"{name}: {answer if isinstance(answer, str) else say(answer)}")
    faults = [*unread, *(fault for one in seen for fault in one.faults)]
    faults += _unknown_successors(rows, successors) or ([] if problems else _unmatched(rows, seen))
    totals: dict[str, ShareTotals] = defaultdict(ShareTotals)
    for one in seen:
        for key, tally in one.shares.items():
            totals[key] = totals[key].plus(tally)
    shares = tuple(
        Share(one, t.records, t.families, t.value, 0, t.deals) for one in successors if (t := totals[one.key]).records
    )
    return Preview(
        shares,
        sum(share.records for share in shares),
        sum(share.families for share in shares),
        sum(one.staying for one in seen),
        tuple(shown(note) for one in seen for note in one.notes),
        tuple(problems),
        tuple(sorted(set(faults), key=lambda fault: (fault.line, fault.what))),
    )


def _look(
    context: ClientContext, system: System, leaver: Leaver, successors: Sequence[Successor], wanted: AllocationRequest
) -> _SystemPreview | str | None:
    book = system.having(ClientBook)
    if book is None:
        return None
    families, staying = FamilyTotals(wanted.names), 0
    try:
        accounts = leaver_accounts(context.store, "", leaver, system)
        for account in accounts:
            for record in book.records(account):
                if record.fixed:
                    staying += 1
                else:
                    families.add(record)
        if not families:
            return _SystemPreview({}, staying)
        able = active_successors(system, successors, accounts)
    except PreconditionFailed as trouble:
        return str(trouble)
    done, faults, hits = split(families, able.accounts, wanted, system.name)
    notes = (*able.notes, *done.notes)
    return _SystemPreview(families.shares(done.chosen), staying, notes, tuple(faults), frozenset(hits))


def _unknown_successors(rows: Sequence[AssignmentRow], successors: Sequence[Successor]) -> list[LineFault]:
    known = {one.key for one in successors}
    said = _("{address} is not among those who receive clients")
    return [LineFault(row.line, said.format(address=row.address[:80])) for row in rows if row.address not in known]


def _unmatched(rows: Sequence[AssignmentRow], seen: Sequence[_SystemPreview]) -> list[LineFault]:
    hits = {line for one in seen for line in one.hits}
    said = _("names no client of the person who leaves: {name}")
    return [
        LineFault(row.line, said.format(name=(row.record or row.client_id or row.client)[:80]))
        for row in rows
        if row.line not in hits
    ]
