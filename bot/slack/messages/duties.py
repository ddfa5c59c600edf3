"""Duties of a leaver as people read them: what each is, what becomes of it, and the message to decide on them."""

from collections.abc import Iterable, Iterator, Sequence

from bot.slack.messages.blocks import Block, Message, actions, button, context, header, message, pack, paragraphs
from bot.slack.messages.phrases import listing, short
from bot.text import N_, _, moment, mrkdwn, ngettext, plain, punctuated
from connectors.contract import Duty, DutyKind
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.access.views import DutyLine
from workflows.cases.views import CaseView
from workflows.csv_cells import csv_lines
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.duties import DutyChoice

DECIDE, CSV = "duties_decide", "duties_csv"
KINDS = {
    DutyKind.RUNS: N_("runs with their rights"),
    DutyKind.ROUTES: N_("sends work to them"),
    DutyKind.OWNED: N_("is owned by them"),
    DutyKind.NAMED: N_("names them"),
}
SHOWN, NAMES = 15, 3
"""Duties of one system in the details, and in the summary of all."""


def words(duty: Duty) -> str:
    """Return one duty: name, type, relation, and what becomes of it."""
    title = " ".join(duty.title.split())
    text = _("{title} ({what}): {relation}").format(title=title, what=duty.what, relation=_(KINDS[duty.kind]))
    if not duty.active:
        text = _("{duty}; switched off now").format(duty=text)
    elif duty.kind in (DutyKind.RUNS, DutyKind.ROUTES):
        fate = {
            True: _("{duty}; stops with the lock"),
            False: _("{duty}; goes on after the lock"),
            None: _("{duty}; whether the lock stops it is not known"),
        }
        text = fate[duty.stops].format(duty=text)
    return punctuated("; ").join((text, duty.fixed)) if duty.fixed else text


def summary(lines: Iterable[DutyLine]) -> list[str]:
    """Return at most two sentences on all systems: what was found, worst first, and where it is not known."""
    lines = list(lines)
    found = sorted((one for line in lines for one in line.duties), key=lambda one: (not one.active, _rank(one)))
    dark = [line.title for line in lines if line.unknown]
    said = []
    if found:
        text = ngettext(
            "{count} thing runs in their name or points to them: {names}",
            "{count} things run in their name or point to them: {names}",
            len(found),
        )
        said.append(text.format(count=len(found), names=listing((one.title for one in found), NAMES)))
    if dark:
        text = _("What runs in their name is not fully known: {systems}")
        said.append(text.format(systems=listing(dark, NAMES)))
    return said


def bullets(line: DutyLine) -> list[str]:
    """Return the duties of one system, a line each, and what is not known."""
    every = [f"• {mrkdwn(words(one), 400)}" for one in line.duties[:SHOWN]]
    if left := len(line.duties) - SHOWN:
        every += [_("… and {count} more").format(count=left)] if left > 0 else []
    return [*every, *(f"• {mrkdwn(text, 400)}" for text in unknown(line))]


def unknown(line: DutyLine) -> Sequence[str]:
    """Return, as sentences, what is not known."""
    return [_("What runs in their name is not fully known: {why}").format(why=why) for why in line.unknown]


def _rank(duty: Duty) -> int:
    return list(DutyKind).index(duty.kind)


def decision(item: DutyItem) -> str:
    """Return what was decided on one duty, and how far that is, in plain text; empty without a decision."""
    if not item.choice:
        return ""
    text = {
        DutyChoice.GIVE: _("given to {name}").format(name=item.to),
        DutyChoice.KEEP: _("kept"),
        DutyChoice.STOP: _("stopped"),
    }[DutyChoice(item.choice)]
    if not item.done and not item.problem:
        text = {
            DutyChoice.GIVE: _("goes to {name}").format(name=item.to),
            DutyChoice.KEEP: _("to be kept"),
            DutyChoice.STOP: _("to be stopped"),
        }[DutyChoice(item.choice)]
    if item.problem:
        text = {
            DutyChoice.GIVE: _("to do: give it to {name}").format(name=item.to),
            DutyChoice.KEEP: _("to do: keep it"),
            DutyChoice.STOP: _("to do: stop it"),
        }[DutyChoice(item.choice)]
    why = item.problem or (item.result if item.choice != DutyChoice.KEEP else "")
    text = punctuated("{text} ({why})").format(text=text, why=why) if why else text
    return _("{decision}, by {name}").format(decision=text, name=item.by) if item.by else text


def headline(view: DutiesView, name: str) -> str:
    """Return how many duties there are, and how many were decided, in plain text."""
    there = [one for one in view.items if one.listed or one.choice]
    text = ngettext(
        "{count} thing runs or routes in the name of {name}: {decided} decided",
        "{count} things run or route in the name of {name}: {decided} decided",
        len(there),
    )
    decided = sum(1 for one in there if one.choice)
    return text.format(count=len(there), name=plain(name, 80), decided=decided)


def build(case: CaseView, view: DutiesView) -> Message:
    """Return the message to who decides."""
    point = headline(view, case.leaver.name)
    when = _("What you decide is done at {when}, and read back.").format(when=moment(case.effective_at))
    lines = [when] if case.state is CaseState.SCHEDULED else []
    small = context(_("Case {case}").format(case=mrkdwn(case.id)))
    return message(
        mrkdwn(point, 400), [header(point), *paragraphs([*lines, *_lines(view)]), *_buttons(case, view), small]
    )


def in_proposal(case_id: str, view: DutiesView, name: str) -> list[Block]:
    """Return the part of a proposal's message in which its reader decides on duties; nothing without any."""
    if not view.items or not view.decidable:
        return []
    point = _("*Duties* {what}").format(what=mrkdwn(headline(view, name)))
    return [*paragraphs([point, *_lines(view, NAMES)]), actions(f"duties_{case_id}", *_choices(case_id))]


def case_line(view: DutiesView) -> str:
    """Return the case message's line; empty without duties."""
    if not view.items:
        return ""
    parts = [
        text.format(count=count)
        for text, count in (
            (_("{count} undecided"), len(view.undecided)),
            (_("{count} to do by hand"), sum(1 for one in view.to_do if one.by_hand)),
            (_("{count} still to do"), sum(1 for one in view.to_do if not one.by_hand)),
        )
        if count
    ]
    said = punctuated(", ").join(parts) or _("all decided")
    return _("*Duties* {count} in their name: {what}").format(count=len(view.items), what=said)


def case_buttons(case: CaseView) -> list[Block]:
    """Return the case message's button to decide, while something waits for a decision."""
    return _choices(case.id)[:1] if case.duties.decidable and case.duties.undecided else []


def details(view: DutiesView, most: int) -> list[str]:
    """Return the lines of a case's details, worst first."""
    lines = [f"• {_line(one)}" for one in view.items[:most]]
    if (more := len(view.items) - most) > 0:
        lines.append(_("… and {count} more").format(count=more))
    lines += [f"• {mrkdwn(text, 400)}" for text in view.unknown[:most]]
    return [_("*Duties*"), *lines] if lines else []


def csv(view: DutiesView) -> Iterator[str]:
    """Yield every duty with its decision as lines of a CSV file."""
    columns = ("id", "system", "kind", "what", "title", "place", "listed", "decision", "to", "by", "state", "reason")
    rows = (
        (
            one.key,
            one.title,
            one.duty.kind,
            one.duty.what,
            one.duty.title,
            one.duty.place,
            "yes" if one.listed else "no",
            one.choice,
            one.to,
            one.by,
            one.problem or one.result,
            one.reason,
        )
        for one in view.items
    )
    return csv_lines([columns], rows)


def _line(item: DutyItem) -> str:
    said = decision(item) or _("not decided")
    text = punctuated("{system}: {duty} – {decision}")
    return mrkdwn(text.format(system=item.title, duty=words(item.duty), decision=said), 500)


def _lines(view: DutiesView, most: int = SHOWN) -> list[str]:
    waiting = view.undecided
    lines = [f"• {mrkdwn(item.title)} – {mrkdwn(words(item.duty), 300)}" for item in waiting[:most]]
    if (more := len(waiting) - most) > 0:
        lines.append(_("… and {count} more").format(count=more))
    return lines + [short(_("Not fully known: {what}").format(what=text)) for text in view.unknown[:NAMES]]


def _buttons(case: CaseView, view: DutiesView) -> list[Block]:
    if not view.decidable:
        return []
    style = "primary" if view.undecided else ""
    return [actions(f"duties_{case.id}", *_choices(case.id, style))]


def _choices(case_id: str, style: str = "") -> list[Block]:
    value = pack(case=case_id)
    return [button(_("Decide on Duties"), DECIDE, value, style), button(_("Get CSV"), CSV, value)]
