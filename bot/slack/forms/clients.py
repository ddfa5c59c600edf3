"""The second form of an offboarding: who decides on the clients, and who receives them."""

from dataclasses import dataclass
from typing import Any

from bot.slack.forms import offboard
from bot.slack.forms.fields import field, file_field, modal, picked, picked_all, picked_file, refuse, typed
from bot.slack.messages.blocks import actions, button, given, option, pack, section
from bot.text import N_, _
from config.client_book import ClientSettings
from workflows.storage.rows.case import Strategy

CALLBACK = "offboard_clients"
APPROVER, STRATEGY, SUCCESSORS = "approver", "strategy", "successors"
PREVIEW = "preview_split"
STRATEGIES = {
    Strategy.SINGLE: N_("All to one successor"),
    Strategy.ROUND_ROBIN: N_("In turn"),
    Strategy.BALANCED: N_("Balanced by value"),
    Strategy.AFFINITY: N_("By closeness: co-owner, team, language, region"),
    Strategy.RULES: N_("By the company's rules"),
}


@dataclass(frozen=True, slots=True)
class ClientInput:
    """Values of the form, proposed or submitted."""

    approver: str
    strategy: Strategy
    successors: tuple[str, ...]
    note: str = ""
    file: str = ""
    """Slack's id of the assignment file."""


def build(
    settings: ClientSettings, facts: dict[str, Any], leaving: offboard.Departure, point: str, proposed: ClientInput
) -> dict[str, Any]:
    """Return the form. `facts`: those of the first form. `point`: who leaves and when, in Slack's markup."""
    strategies = {
        strategy: option(_(label), strategy.value)
        for strategy, label in STRATEGIES.items()
        if settings.rules or strategy is not Strategy.RULES
    }
    hint = _(
        "A CSV file with the columns “client id” (or “client”) and “address”. Its clients go to the colleague "
        "with that e-mail address. All others go as chosen above."
    )
    blocks = [
        section(point),
        *offboard.danger(facts, now=leaving.at is None),
        field(
            APPROVER,
            _("Approver of the clients' new owners"),
            {"type": "users_select", **given(initial_user=proposed.approver)},
            _("Usually the line manager, never the leaver."),
        ),
        field(
            SUCCESSORS,
            _("Colleagues who receive the clients"),
            {"type": "multi_users_select", **given(initial_users=list(proposed.successors))},
            _("Nothing moves until the approver agrees. Empty only if a file or the company's rules name everybody."),
            optional=True,  # checked together with the file and the rules
        ),
        field(
            STRATEGY,
            _("How the clients are split"),
            {
                "type": "static_select",
                "options": list(strategies.values()),
                "initial_option": strategies[proposed.strategy],
            },
        ),
        file_field(hint, optional=True),
        actions(PREVIEW, button(_("Preview Split"), PREVIEW)),
        offboard.note(),
    ]
    metadata = pack(**{**facts, **leaving.facts()})
    return modal(CALLBACK, _("Offboard someone"), _("Start Offboarding"), blocks, metadata)


def parse(view: dict[str, Any], leaver: str, objections: dict[str, str]) -> ClientInput:
    """Return the submitted values. Raises `InvalidForm` with all faults by field.

    `objections`: faults of the chosen people.
    """
    approver, strategy, successors = picked(view, APPROVER), picked(view, STRATEGY), picked_all(view, SUCCESSORS)
    note, file = typed(view, offboard.NOTE), picked_file(view)
    faults = objections | _people(leaver, approver, successors) | offboard.note_faults(note)
    if not successors and not file and strategy != Strategy.RULES:
        faults[SUCCESSORS] = _("Choose at least one colleague to receive the clients. It may be the manager.")
    if strategy not in set(Strategy):
        faults[STRATEGY] = _("Choose how the clients are split.")
    elif strategy == Strategy.SINGLE and len(successors) > 1:
        faults[STRATEGY] = _("This way takes one successor, but several are named. Choose another way, or name one.")
    refuse(faults)
    return ClientInput(approver, Strategy(strategy), successors, note, file)


def _people(leaver: str, approver: str, successors: tuple[str, ...]) -> dict[str, str]:
    faults = {}
    if not approver:
        faults[APPROVER] = _("Choose who approves.")
    elif approver == leaver:
        faults[APPROVER] = _("This is the person who leaves. Choose a colleague who stays.")
    if leaver in successors:
        faults[SUCCESSORS] = _("This is the person who leaves. Choose colleagues who stay.")
    return faults
