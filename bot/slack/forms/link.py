"""The form that links an account to the leaver: a choice of matches, or a search by exact log-in."""

import json
from collections.abc import Sequence
from typing import Any

from bot.slack.forms.fields import field, modal, picked, typed
from bot.slack.messages.blocks import Block, context, fit, option, pack, paragraphs, section, unpack
from bot.slack.messages.phrases import short, verdict
from bot.text import _, mrkdwn
from workflows.access.views import Candidate

CALLBACK = "choose_account"
CHOICE, SEARCH = "choice", "search"
NONE = "none"
MOST = 90
VALUE = 150
"""Slack's limit of an option's value."""


def build(
    case: str, system: str, title: str, found: Sequence[Candidate], search: str = "", problem: str = ""
) -> dict[str, Any]:
    """Return the form. A protected account is shown, but cannot be chosen."""
    free = [one for one in found if not one.reason and len(_value(one)) <= VALUE][:MOST]
    blocks: list[Block] = [section(_("Which account in *{system}* is the leaver's?").format(system=mrkdwn(title)))]
    if problem:
        blocks.append(section(problem))
    blocks += paragraphs([_candidate(one) for one in found[:MOST]]) or [context(_nothing(search))]
    options = [option(f"{one.login} – {one.email or one.name}", _value(one)) for one in free]
    options.append(option(_("They have no account there"), NONE))
    hint = _(
        "The link is kept and goes on record with your name. If the case has begun, the account is locked at once."
    )
    blocks.append(field(CHOICE, _("Account"), {"type": "static_select", "options": options}, hint, optional=True))
    typed_in: Block = {"type": "plain_text_input", "max_length": 200}
    again = _("Or leave the choice empty and search by exact address or log-in, never by name.")
    blocks.append(field(SEARCH, _("Search"), typed_in, again, optional=True))
    return modal(CALLBACK, _("Choose account"), _("Link Account"), fit(blocks, 100), pack(case=case, system=system))


def parse(view: dict[str, Any]) -> tuple[dict[str, str], str, dict[str, str]]:
    """Return the choice (`account` and `login`, or `none`), the text to search for, and faults by field."""
    chosen, search = picked(view, CHOICE), typed(view, SEARCH)
    if chosen:
        return ({NONE: "yes"} if chosen == NONE else {k: str(v) for k, v in unpack(chosen).items()}), "", {}
    if search:
        return {}, search, {}
    return {}, "", {CHOICE: _("Choose an account, or search for one below.")}


def _value(one: Candidate) -> str:
    return json.dumps({"account": one.account_id, "login": one.login}, separators=(",", ":"))


def _candidate(one: Candidate) -> str:
    said = _("• *{login}* {name} {email}, {verdict}, matched by {how}").format(
        login=mrkdwn(one.login, 80),
        name=mrkdwn(one.name, 80),
        email=mrkdwn(one.email, 80),
        verdict=verdict(one.verdict),
        how=mrkdwn(one.matched_by),
    )
    if one.linked:
        said += _(" (linked already)")
    return f"{said}: {short(one.reason)}" if one.reason else said


def _nothing(search: str) -> str:
    if search:
        return _("No account there has exactly the address or log-in {search}.").format(search=mrkdwn(search, 200))
    return _("No account there matches the leaver's addresses and log-ins.")
