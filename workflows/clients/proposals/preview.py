"""Preview of a split, read now from the systems; nothing is written and nobody is asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from config.text import _, shown
from connectors.contract import ClientBook, Subject
from workflows.clients.context import ClientContext
from workflows.clients.introduction_policy import introduction_plan, plan_note
from workflows.clients.proposals.listing import unowned_notes
from workflows.clients.proposals.receivers import find_receivers, present_loads
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.split.rules import AllocationRequest, FamilyTotals, split
from workflows.clients.split.sealed import ProposalData, ShareTotals, successor_shares
from workflows.clients.views import LineFault, Preview
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy
from workflows.storage.work import say
from workflows.systems.accounts import PreconditionFailed, leaver_accounts
from workflows.systems.effects import blinded_now
from workflows.systems.registry import System

SECONDS = 120.0
"""The longest time for reading the systems; a larger book is first shown as a proposal."""


@dataclass(frozen=True, slots=True)
class _SystemPreview:
    shares: dict[str, ShareTotals]
    staying: int = 0
    notes: tuple[str, ...] = ()
    faults: Sequence[LineFault] = ()
    hits: Collection[int] = ()


def preview(
    context: ClientContext,
    leaver: Leaver,
    successors: Sequence[Successor],
    strategy: Strategy,
    content: bytes,
    at: datetime | None,
) -> Preview:
    """Read every book and split it as a case would at `at`. The faults of the file are in `faults`, by line."""
    on = max(context.clock.now(), at or context.clock.now()).date()
    try:
        rows, unread = assignment_file.read_valid_rows(content) if content else ((), [])
    except InvalidAssignmentFile as unfit:
        return Preview((), 0, 0, 0, (), (), unfit.faults)
    wanted = AllocationRequest(context.allocation_policy, strategy, leaver.email, rows)
    seen: dict[str, _SystemPreview] = {}
    problems = []
    answers = context.systems.ask(lambda system: _look(context, system, leaver, successors, wanted, on), SECONDS)
    for name, answer in answers.items():
        if isinstance(answer, _SystemPreview):
            seen[name] = answer
        elif answer is not None:
            problems.append(f"{name}: {answer if isinstance(answer, str) else say(answer)}")
    faults = [*unread, *(fault for part in seen.values() for fault in part.faults)]
    strangers = assignment_file.strangers(rows, successors)
    if not problems and not strangers:
        hits = {line for part in seen.values() for line in part.hits}
        unmatched = _("names no client of the person who leaves: {name}")
        faults += [LineFault(row.line, unmatched.format(name=row.shown_name)) for row in rows if row.line not in hits]
    data = ProposalData("", shares={name: part.shares for name, part in seen.items()})
    shares = successor_shares(data, successors, {})
    return Preview(
        shares,
        sum(share.records for share in shares),
        sum(share.families for share in shares),
        sum(part.staying for part in seen.values()),
        tuple(shown(note) for part in seen.values() for note in part.notes),
        tuple(problems),
        tuple(sorted({*faults, *strangers}, key=lambda fault: (fault.line, fault.what))),
    )


def _look(
    context: ClientContext,
    system: System,
    leaver: Leaver,
    successors: Sequence[Successor],
    wanted: AllocationRequest,
    on: date,
) -> _SystemPreview | str | None:
    book = system.having(ClientBook)
    if book is None:
        return None
    families, staying = FamilyTotals(wanted.names, wanted.policy.with_stages), 0
    try:
        accounts = leaver_accounts(context.store, context.vault, "", leaver, system)
        if not accounts:
            return _("no account was found there, so its clients are not known")
        if unread := blinded_now(system, Subject.RECORDS, accounts):
            return unread.words
        for account in accounts:
            for record in book.records(account):
                if record.fixed:
                    staying += 1
                else:
                    families.add(record)
        if not families:
            return _SystemPreview({}, staying)
        receivers = find_receivers(context, system, successors, accounts, families.all_pools(), on)
        owned, loads = present_loads(context, system, successors, receivers, wanted)
    except PreconditionFailed as trouble:
        return str(trouble)
    wanted = replace(wanted, owned=owned, today=context.clock.now().date())
    done, faults, hits = split(families, receivers.accounts, receivers.faults, wanted, system.name)
    plan = introduction_plan(context.introduction_policy, system)
    spoken = context.introduction_policy.language
    told = [plan_note(system.name, plan, leaver.name, spoken).stored] if plan else []
    notes = (*receivers.notes, *loads, *unowned_notes(len(families) - len(done.chosen)), *done.notes, *told)
    return _SystemPreview(families.shares(done.chosen), staying, notes, faults, hits)
