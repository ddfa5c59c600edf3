"""Views of earlier leavers: the list of owners, and the form that opens one handover for several of them."""

from collections.abc import Sequence
from typing import Any

from bot.slack.forms.clients import APPROVER, STRATEGIES, STRATEGY, SUCCESSORS
from bot.slack.forms.fields import field, modal, text_line
from bot.slack.forms.offboard import note
from bot.slack.messages import earlier, split
from bot.slack.messages.blocks import Block, actions, button, context, option, pack, paragraphs, section, words
from bot.slack.messages.phrases import records, short, verdict
from bot.text import _, mrkdwn, ngettext, number, punctuated
from config.client_book import ClientSettings
from workflows.storage.rows.case import Strategy
from workflows.watch.earlier_leavers import EarlierLeavers, OwnerLine, Standing

LIST, HAND_OVER = "earlier_owners", "earlier_form"
SEARCH, TURN, CSV, ASK, OWNERS = "earlier_search", "earlier_page", "earlier_csv", "earlier_ask", "owners"
PER_PAGE = 25
MOST_IN_VALUE = 150
"""Characters of an option's value at most."""
CHOICES = 100
"""The most options that Slack takes in one menu."""


def browse(found: EarlierLeavers, search: str = "", page: int = 0, *, may_open: bool = False) -> dict[str, Any]:
    """Return the view with one page of the owners. `search` stays in the field."""
    element = {**text_line(200, search[:200]), "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}
    hint = _("A name, a log-in or a system. Then press Enter.")
    lines = found.matching(search)
    shown = lines[page * PER_PAGE : (page + 1) * PER_PAGE]
    blocks: list[Block] = [{**field(SEARCH, _("Search"), element, hint, optional=True), "dispatch_action": True}]
    blocks += paragraphs([_("✗ NOT READ: {what}").format(what=short(what)) for what in found.not_looked])
    blocks += paragraphs([_line(one) for one in shown])
    if shown:
        blocks.append(context(split.where(len(shown), len(lines), page * PER_PAGE)))
    elif found.systems:
        blocks.append(section(_("No owner is listed. {count} other owners are active.").format(count=found.active)))
    blocks.append(actions("turn", *_turning(search, page, len(lines)), *_acts(found, search, may_open=may_open)))
    view = modal(LIST, _("Earlier leavers"), _("Search"), blocks, pack(search=search))
    return {**view, "close": words(_("Close"), 24)}


def _turning(search: str, page: int, total: int) -> list[Block]:
    return [
        button(label, f"{TURN}:{way}", pack(page=other, search=search))
        for label, way, other, exists in (
            (_("Previous"), "previous", page - 1, page > 0),
            (_("Next"), "next", page + 1, (page + 1) * PER_PAGE < total),
        )
        if exists
    ]


def _acts(found: EarlierLeavers, search: str, *, may_open: bool) -> list[Block]:
    file = button(_("Get CSV"), CSV, pack(search=search))
    offered = any(one.standing is Standing.OFFERED for one in found.matching(search))
    return [file, button(_("Hand Over Clients"), ASK, pack(search=search))] if may_open and offered else [file]


def _line(one: OwnerLine) -> str:
    kinds = punctuated(", ").join(f"{mrkdwn(kind, 40)} {number(count)}" for kind, count in sorted(one.kinds.items()))
    text = _("• *{name}* in {system}: {verdict}; {kinds} – {standing}")
    return text.format(
        name=earlier.who(one),
        system=mrkdwn(one.system, 40),
        verdict=verdict(one.verdict),
        kinds=kinds,
        standing=mrkdwn(earlier.standing(one), 120),
    )


def hand_over(settings: ClientSettings, owners: Sequence[OwnerLine], search: str) -> dict[str, Any]:
    """Return the form. `owners`: those who are offered and match the search."""
    strategies = {
        strategy: option(_(label), strategy.value)
        for strategy, label in STRATEGIES.items()
        if settings.rules or strategy is not Strategy.RULES
    }
    count = sum(one.records for one in owners)
    point = ngettext(
        "{count} earlier leaver with {records}. No account is changed.",
        "{count} earlier leavers with {records}. No account is changed.",
        len(owners),
    )
    undo = _("An undo gives nothing back to an account that is still locked.")
    initial = strategies[Strategy(settings.default_strategy)]
    strategy = {"type": "static_select", "options": list(strategies.values()), "initial_option": initial}
    options = [option(_choice(one), one.key) for one in owners[:CHOICES] if len(one.key) <= MOST_IN_VALUE]
    chosen = {"type": "multi_static_select", "options": options}
    hint = _("Empty: all of them.")
    if len(owners) > len(options):
        hint = _("Empty: all of them. Search in the list to see the others here.")
    blocks = [
        section(point.format(count=number(len(owners)), records=records(count))),
        *([field(OWNERS, _("Only these owners"), chosen, hint, optional=True)] if options else []),
        field(APPROVER, _("Approver of the clients' new owners"), {"type": "users_select"}),
        field(
            SUCCESSORS,
            _("Colleagues who receive the clients"),
            {"type": "multi_users_select"},
            _("Nothing moves until the approver agrees."),
        ),
        field(STRATEGY, _("How the clients are split"), strategy),
        note(),
        context(undo),
    ]
    return modal(HAND_OVER, _("Earlier leavers"), _("Propose Handover"), blocks, pack(search=search))


def _choice(one: OwnerLine) -> str:
    text = punctuated("{name} ({system}): {records}")
    return text.format(name=one.name or one.login or one.account, system=one.system, records=records(one.records))
