"""The form that opens a case: the plan's summary, the fields, the plan's details.

Over 250 lines because fields and the parsing of their values must agree one by one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot.slack.forms.fields import (
    field,
    file_field,
    modal,
    picked,
    picked_all,
    picked_day,
    picked_file,
    refuse,
    text_area,
    typed,
)
from bot.slack.messages.blocks import (
    VIEW_BLOCKS,
    Block,
    actions,
    button,
    divider,
    fit,
    given,
    option,
    pack,
    section,
    unpack,
)
from bot.text import N_, _, ngettext
from config.client_book import ClientSettings
from config.settings import Company, Settings
from workflows.cases.views import Plan
from workflows.people import Leaver
from workflows.storage.rows.case import Reason, Strategy

CALLBACK = "offboard"
WHEN, DAY, REASON, APPROVER, STRATEGY, SUCCESSORS, NOTE = (
    "when",
    "day",
    "reason",
    "approver",
    "strategy",
    "successors",
    "note",
)
NOW, LAST_DAY = "now", "last_day"
PREVIEW = "preview_split"
NOTE_LIMIT = 1000
MOST_IN_METADATA = 1200
"""Characters of each list in the form's metadata, of which Slack takes 3,000."""
CAREFUL = "careful"
RETURN, ACCESS, KEEP = "return", "access", "keep"

REASONS = {
    Reason.RESIGNATION: N_("Resignation"),
    Reason.DISMISSAL: N_("Dismissal"),
    Reason.END_OF_CONTRACT: N_("End of contract"),
    Reason.RETIREMENT: N_("Retirement"),
    Reason.SUSPECTED_THEFT: N_("Suspected theft"),
    Reason.LEAVE: N_("Leave, for a time"),
    Reason.OTHER: N_("Other"),
}
STRATEGIES = {
    Strategy.SINGLE: N_("All to one successor"),
    Strategy.ROUND_ROBIN: N_("In turn"),
    Strategy.BALANCED: N_("Balanced by value"),
    Strategy.AFFINITY: N_("By closeness: co-owner, team, language, region"),
    Strategy.RULES: N_("By the company's rules"),
}


@dataclass(frozen=True, slots=True)
class OffboardingInput:
    """Values that HR submitted."""

    day: date | None
    """Last working day; None for a lock-out now."""
    reason: Reason
    approver: str
    strategy: Strategy
    successors: tuple[str, ...]
    note: str
    file: str = ""
    """Slack's id of the assignment file."""
    back: date | None = None
    """The day of return from a leave."""
    keep_access: bool = False


def build(
    plan: Plan,
    settings: Settings,
    summary: Sequence[Block],
    details: Sequence[Block],
    *,
    zone: str,
    approver: str = "",
    clients: bool = False,
) -> dict[str, Any]:
    """Return the form between the plan's summary and details. Details that do not fit are cut.

    `clients`: True if a system holds clients. The form then needs a successor.
    """
    asked = [
        *summary,
        *_when(plan, settings.company, zone),
        *_who(settings.clients, approver),
        *(_split() if clients else ()),
        field(NOTE, _("Note for the record"), text_area(NOTE_LIMIT), optional=True),
        *_leave(),
        divider(),
    ]
    metadata = pack(
        leaver=plan.leaver.slack_id,
        directory=plan.leaver.directory_id,
        logins=_lines(plan.leaver.logins),
        addresses=_lines(plan.leaver.addresses),
        number=plan.leaver.employee_number,
        clients=int(clients),
    )
    blocks = [*asked, *fit(list(details), VIEW_BLOCKS - len(asked))]
    return modal(CALLBACK, _("Offboard someone"), _("Start Offboarding"), blocks, metadata)


def _when(plan: Plan, company: Company, zone: str) -> list[Block]:
    later = sum(bool(system.problem or system.by_hand) for system in plan.systems)
    now = len(plan.systems) - later
    danger = ngettext(
        "*Now* takes effect when you press Start Offboarding. Accounts in {count} system are locked within seconds. "
        "Open sessions end, and group memberships are removed.",
        "*Now* takes effect when you press Start Offboarding. Accounts in {count} systems are locked within seconds. "
        "Open sessions end, and group memberships are removed.",
        now,
    ).format(count=now)
    if later:
        danger += " " + ngettext(
            "{count} more system follows when it answers, or when its manual step is done.",
            "{count} more systems follow when they answer, or when their manual steps are done.",
            later,
        ).format(count=later)
    danger += " " + _("Clients always wait for the approver.")
    when = {
        "type": "radio_buttons",
        "options": [
            option(_("At the end of the last working day"), LAST_DAY),
            option(_("Now, at once"), NOW, _("Access ends as soon as you submit")),
        ],
    }
    hint = _(
        "Needed for “At the end of the last working day”. Takes effect at {time} in {zone}, the leaver's own time zone."
    ).format(time=f"{company.end_of_day:%H:%M}", zone=zone)
    if company.friday_end:
        hint += " " + _("On a Friday at {time}.").format(time=f"{company.friday_end:%H:%M}")
    reasons = [option(_(label), reason.value) for reason, label in REASONS.items()]
    return [
        section(danger),
        field(WHEN, _("When"), when),
        {**field(DAY, _("Last working day"), {"type": "datepicker"}, hint, optional=True), "dispatch_action": True},
        field(REASON, _("Reason"), {"type": "static_select", "options": reasons}),
    ]


def _who(settings: ClientSettings, approver: str) -> list[Block]:
    strategies = [
        option(_(label), strategy.value)
        for strategy, label in STRATEGIES.items()
        if settings.rules or strategy is not Strategy.RULES
    ]
    default = Strategy(settings.default_strategy)
    initial = option(_(STRATEGIES[default]), default.value)
    return [
        field(
            APPROVER,
            _("Approver of the clients' new owners"),
            {"type": "users_select", **given(initial_user=approver)},
            _("Usually the line manager, never the leaver."),
        ),
        field(
            SUCCESSORS,
            _("Colleagues who receive the clients"),
            {"type": "multi_users_select"},
            _(
                "Colleagues with an account in the system that holds the clients. "
                "Nothing moves until the approver agrees to every record. "
                "Leave this empty if a CSV file or the company's rules name everybody."
            ),
            optional=True,  # checked together with the file and the rules
        ),
        field(
            STRATEGY,
            _("How the clients are split"),
            {"type": "static_select", "options": strategies, "initial_option": initial},
        ),
    ]


def _leave() -> list[Block]:
    keep = option(_("Keep access: no lock-out"), KEEP, _("Only the clients are handed over until the return"))
    return [
        field(
            RETURN,
            _("Day of return"),
            {"type": "datepicker"},
            _("Only for a leave. Handover then asks whether the clients go back."),
            optional=True,
        ),
        field(ACCESS, _("Access during a leave"), {"type": "checkboxes", "options": [keep]}, optional=True),
    ]


def _split() -> list[Block]:
    hint = _(
        "A CSV file with the columns “client id” (or “client”) and “address”. Its clients go to the colleague "
        "with that e-mail address. All others go as chosen above."
    )
    return [file_field(hint, optional=True), actions(PREVIEW, button(_("Preview Split"), PREVIEW))]


def parse(view: dict[str, Any], leaver: str, today: date, objections: dict[str, str]) -> OffboardingInput:
    """Return the submitted values. Raises `InvalidForm` with all faults by field.

    `today`: the date in the leaver's time zone. `objections`: faults of the chosen people.
    """
    when, day = picked(view, WHEN), picked_day(view, DAY)
    reason, strategy = picked(view, REASON), picked(view, STRATEGY)
    approver, successors = picked(view, APPROVER), picked_all(view, SUCCESSORS)
    note, file = typed(view, NOTE), picked_file(view)
    faults = objections | _people(leaver, approver, successors)
    if when not in (NOW, LAST_DAY):
        faults[WHEN] = _("Choose when access ends.")
    if when == LAST_DAY and day is None:
        faults[DAY] = _("Choose the last working day.")
    if when == LAST_DAY and day is not None and day < today:
        faults[DAY] = _("That day has passed. Choose today or a later day, or choose to lock now.")
    if reason not in set(Reason):
        faults[REASON] = _("Choose a reason.")
    holds_clients = unpack(str(view.get("private_metadata", ""))).get("clients")
    if not successors and not file and strategy != Strategy.RULES and holds_clients:
        faults[SUCCESSORS] = _("Choose at least one colleague to receive the clients. It may be the manager.")
    if len(note) > NOTE_LIMIT:
        text = _("The note has {count} characters. Shorten it to {limit}.")
        faults[NOTE] = text.format(count=len(note), limit=NOTE_LIMIT)
    if strategy not in set(Strategy):
        faults[STRATEGY] = _("Choose how the clients are split.")
    elif strategy == Strategy.SINGLE and len(successors) > 1:
        faults[STRATEGY] = _("This way takes one successor, but several are named. Choose another way, or name one.")
    last = day if when == LAST_DAY else None
    back, keep = picked_day(view, RETURN), KEEP in picked_all(view, ACCESS)
    refuse(faults | _return_faults(back, max(today, last or today), keep=keep))
    return OffboardingInput(
        last, Reason(reason), approver, Strategy(strategy), successors, note, file, back, keep_access=keep
    )


def _return_faults(back: date | None, begins: date, *, keep: bool) -> dict[str, str]:
    if back is not None and back <= begins:
        return {RETURN: _("Choose a day after the leave has begun.")}
    if keep and back is None:
        return {RETURN: _("Keeping access needs a day of return: choose it.")}
    return {}


def _people(leaver: str, approver: str, successors: tuple[str, ...]) -> dict[str, str]:
    faults = {}
    if not approver:
        faults[APPROVER] = _("Choose who approves.")
    if approver == leaver:
        faults[APPROVER] = _("This is the person who leaves. Choose a colleague who stays.")
    if leaver in successors:
        faults[SUCCESSORS] = _("This is the person who leaves. Choose colleagues who stay.")
    return faults


def warned(view: dict[str, Any], text: str) -> dict[str, Any]:
    """Return an open form with a warning under the day, or without one. Filled-in values stay."""
    keep = ("type", "callback_id", "title", "submit", "close", "private_metadata")
    blocks = [dict(block) for block in view["blocks"] if block.get("block_id") != CAREFUL]
    if text:
        place = next(number for number, block in enumerate(blocks) if block.get("block_id") == DAY)
        blocks.insert(place + 1, section(text, block_id=CAREFUL))
    return {**{key: view[key] for key in keep if key in view}, "blocks": blocks}


def _lines(values: Sequence[str]) -> str:
    """Return as many values as the metadata has room for. The directory gives the others at execution.

    They are not joined by spaces, which a log-in may contain.
    """
    room, kept = MOST_IN_METADATA, []
    for value in values:
        room -= len(json.dumps(value)) + 1
        if room < 0:
            break
        kept.append(value)
    return "\n".join(kept)


def known_leaver(leaver: Leaver, metadata: dict[str, Any]) -> Leaver:
    """Return the leaver with the identifiers that the plan found. The form's metadata stores them."""
    addresses, logins = (str(metadata.get(key, "")).split("\n") for key in ("addresses", "logins"))
    known = replace(leaver, directory_id=str(metadata.get("directory", "")), logins=())
    return known.knowing(addresses, logins, str(metadata.get("number", "")))
