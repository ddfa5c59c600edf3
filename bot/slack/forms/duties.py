"""The form that decides on a leaver's duties, a few to a page.

The metadata has the case, the page, the search, and the version of each decision that the page shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.slack.forms.fields import field, modal, picked, refuse, text_line
from bot.slack.messages import duties
from bot.slack.messages.blocks import Block, actions, button, context, option, pack, section, unpack, words
from bot.text import N_, _, mrkdwn, punctuated
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.storage.rows.duties import DutyChoice

CALLBACK, SEARCH, TURN = "duties_form", "duty_search", "duties_page"
CHOICE, COLLEAGUE = "duty_choice:", "duty_colleague:"
PER_PAGE = 4
LABELS = {
    DutyChoice.GIVE: N_("Give to a colleague"),
    DutyChoice.KEEP: N_("Keep as it is"),
    DutyChoice.STOP: N_("Stop, or take them out"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A submitted decision on one duty."""

    key: str
    choice: DutyChoice
    colleague: str
    """Slack id of who gets the duty; empty if nobody was chosen."""
    seen: str
    """Version of the decision that the page showed, and that decision itself."""
    before: str


def build(case_id: str, view: DutiesView, search: str = "", page: int = 0, said: str = "") -> dict[str, Any]:
    """Return the form with one page of the duties found. `said`: what the last submission did."""
    found = _found(view.items, search)
    page = min(page, max(0, (len(found) - 1) // PER_PAGE))
    shown = found[page * PER_PAGE : (page + 1) * PER_PAGE]
    element = {**text_line(200, search), "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}
    hint = _("A part of a name, a system or a decision. Then press Enter.")
    blocks: list[Block] = [section(said)] if said else []
    blocks.append({**field(SEARCH, _("Search"), element, hint, optional=True), "dispatch_action": True})
    for item in shown:
        blocks += _item(item)
    if not shown:
        blocks.append(section(_("No duty was found. An empty field shows all.")))
    blocks.append(context(_where(len(shown), len(found), page)))
    if turned := _turns(case_id, search, page, len(found)):
        blocks.append(actions("duties_turn", *turned))
    seen = {_key(item): f"{item.version}|{item.choice}" for item in shown}
    metadata = pack(case=case_id, page=page, search=search[:200], seen=pack(**seen))
    form = modal(CALLBACK, _("Decide on duties"), _("Save Decisions"), blocks, metadata)
    return {**form, "close": words(_("Close"), 24)}


def parse(view: dict[str, Any]) -> list[Chosen]:
    """Return the decisions that the page has. Raises `InvalidForm` for a colleague who gets nothing."""
    seen: Mapping[str, str] = unpack(str(unpack(str(view.get("private_metadata", ""))).get("seen", "")))
    chosen, faults = [], {}
    for key, shown in seen.items():
        version, _bar, before = shown.partition("|")
        picked_choice, colleague = picked(view, CHOICE + key), picked(view, colleague_field(key, version))
        if not picked_choice:
            if colleague:
                faults[CHOICE + key] = _("Choose what becomes of it.")
            continue
        choice = DutyChoice(picked_choice)
        if choice is not DutyChoice.GIVE and colleague:
            faults[colleague_field(key, version)] = _("Choose a colleague only to give it.")
        chosen.append(Chosen(key, choice, colleague, version, before))
    refuse(faults)
    return chosen


def colleague_field(key: str, version: str) -> str:
    """Return the id of the colleague's field. It is empty again after each decision: Slack keeps what has one id."""
    return f"{COLLEAGUE}{key}:{version}"


def _key(item: DutyItem) -> str:
    return item.id.rpartition(":")[2]


def _item(item: DutyItem) -> list[Block]:
    key, decided = _key(item), duties.decision(item)
    text = punctuated("{system}: {duty}").format(system=item.title, duty=duties.words(item.duty))
    lines = [f"*{mrkdwn(text, 500)}*", *([mrkdwn(item.duty.place, 300)] if item.duty.place else [])]
    if decided:
        lines.append(mrkdwn(decided, 400))
    options = {choice: option(_(label), choice.value) for choice, label in LABELS.items()}
    select: Block = {"type": "static_select", "options": list(options.values())}
    if item.choice:
        select["initial_option"] = options[DutyChoice(item.choice)]
    return [
        section("\n".join(lines)),
        field(CHOICE + key, _("Decision"), select, optional=True),
        field(colleague_field(key, item.version), _("Colleague who gets it"), {"type": "users_select"}, optional=True),
    ]


def _found(items: Sequence[DutyItem], search: str) -> list[DutyItem]:
    """Return the duties that match every word, those that wait for a decision first."""
    wanted = search.casefold().split()
    texts = {one.id: f"{one.title} {duties.words(one.duty)} {one.duty.place} {duties.decision(one)}" for one in items}
    found = [one for one in items if all(word in texts[one.id].casefold() for word in wanted)]
    return sorted(found, key=lambda one: bool(one.choice))


def _where(shown: int, total: int, page: int) -> str:
    text = _("Duties {first} to {last} of {total}. Save before you turn the page.")
    first = page * PER_PAGE
    return text.format(first=first + 1 if shown else 0, last=first + shown, total=total)


def _turns(case_id: str, search: str, page: int, total: int) -> list[Block]:
    return [
        button(label, f"{TURN}:{way}", pack(case=case_id, page=other, search=search))
        for label, way, other, exists in (
            (_("Previous"), "previous", page - 1, page > 0),
            (_("Next"), "next", page + 1, (page + 1) * PER_PAGE < total),
        )
        if exists
    ]
