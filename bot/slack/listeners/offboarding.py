"""The `/offboard` command: acknowledge, parse, call one service, show the result."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slack_sdk import WebClient

from bot import workdays
from bot.errors import UserFacingError
from bot.slack.forms import clients, fields, notice, offboard, people
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.acts import ACTS, cases_of, names, tell_act, tell_week
from bot.slack.listeners.answers import Listeners, Pushed, View, fill
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.error_handler import explain
from bot.slack.listeners.opening import submit, submit_clients
from bot.slack.listeners.plan import AGAIN, show_details, show_fresh, show_plan, show_plan_by_address, show_preview
from bot.slack.messages import acts, guide
from bot.slack.messages import case as case_message
from bot.slack.messages.audit import build as build_audit
from bot.text import _, mrkdwn
from config.identifiers import address_or_nothing, plain, visible
from workflows.authorization import Right
from workflows.storage.case import is_about

COMMAND = "/offboard"
PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
CASE = re.compile(r"HO-[0-9]{6}-[0-9A-F]{6}", re.IGNORECASE | re.ASCII)
EMAIL = re.compile(r"(?:<mailto:)?([^\s<>@|]+@[^\s<>@|]+\.[^\s<>@|]+)(?:\|[^>]*>)?")


class Verb(StrEnum):
    """Action of a command."""

    START = "start"
    CHOOSE = "choose"
    STATUS = "status"
    CANCEL = "cancel"
    UNDO = "undo"
    RESCHEDULE = "reschedule"
    WEEK = "week"
    LIST = "list"
    AUDIT = "audit"
    HELP = "help"
    NAME = "name"
    UNKNOWN = "unknown"


ABOUT = (Verb.STATUS, Verb.CANCEL, Verb.UNDO, Verb.RESCHEDULE, Verb.WEEK)
"""Commands about a person, who is named after them."""


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command. `user`, `email` or `case`: the person, if named unambiguously. `words`: text not understood."""

    verb: Verb
    user: str = ""
    email: str = ""
    words: str = ""
    case: str = ""

    @property
    def who(self) -> str:
        """The person as the user named them, in Slack's markup; empty if the command names nobody."""
        return f"<@{self.user}>" if self.user else mrkdwn(self.email or self.case)


def parse(text: str) -> ParsedCommand:
    """Parse the text after the command. A bare name never names a person."""
    text = text.strip()
    word, _space, rest = text.partition(" ")
    word = word.lower()
    if not text:
        return ParsedCommand(Verb.CHOOSE)
    if word in (Verb.LIST, Verb.AUDIT, Verb.HELP) and not rest.strip():
        return ParsedCommand(Verb(word))
    if word in ABOUT:
        return _about(Verb(word), rest.strip())
    return _about(Verb.START, text)


def _about(verb: Verb, text: str) -> ParsedCommand:
    if not text:
        return ParsedCommand(verb)
    if mention := PERSON.fullmatch(text):
        return ParsedCommand(verb, user=mention[1])
    if (link := EMAIL.fullmatch(visible(text))) and (email := address_or_nothing(link[1])):
        return ParsedCommand(verb, email=plain(email))
    if CASE.fullmatch(text):
        named = f"{text[:3].upper()}{text[3:].lower()}"
        return ParsedCommand(Verb.STATUS if verb is Verb.START else verb, case=named)
    # Slack escapes typed text. It is unescaped here, because the message escapes it again.
    words = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if verb in ABOUT and verb is not Verb.STATUS:
        return ParsedCommand(verb, words=words)
    return ParsedCommand(Verb.NAME if verb is Verb.STATUS or text.startswith("@") else Verb.UNKNOWN, words=words)


def register(on: Listeners) -> None:
    """Listen."""
    ctx = on.ctx

    @on.app.command(COMMAND, middleware=[acknowledge])
    def command(body: dict[str, Any], client: WebClient) -> None:
        answer(on, Call(body, client), parse(body.get("text") or ""))

    @on.button(guide.CHOOSE, Right.OPEN)
    def choose_person(call: Call) -> None:
        call.open(people.leaver())

    @on.form(people.LEAVER, notice.loading)
    def chosen(call: Call, view: View) -> View:
        user, email = people.parse_leaver(view)
        ctx.allow(call, Right.OPEN)
        return plan_asked(ctx, call, ParsedCommand(Verb.START, user, email))

    _register_form(on, ctx)


def _register_form(on: Listeners, ctx: ListenerContext) -> None:
    @on.button({"block_id": re.compile(f"^({offboard.WHEN}|{offboard.DAY})$"), "action_id": fields.FIELD})
    def chosen_in_form(call: Call) -> None:
        view = call.body.get("view") or {}
        if view.get("callback_id") == offboard.CALLBACK:
            reshape(ctx, call, view)

    @on.button(AGAIN, Right.OPEN)
    def again(call: Call) -> None:
        view = str(call.body["view"]["id"])
        call.show(view, notice.loading())
        ctx.later.submit(fill, call, view, lambda: show_fresh(ctx, call))

    @on.button(offboard.DETAILS, Right.OPEN)
    def details(call: Call) -> None:
        on.load(call, lambda: show_details(ctx, call), above=True)

    @on.button(clients.PREVIEW, Right.OPEN)
    def show(call: Call) -> None:
        on.load(call, lambda: show_preview(ctx, call, call.body["view"]), above=True)

    @on.form(offboard.CALLBACK)
    def submitted(call: Call, view: View) -> View | Pushed:
        return submit(ctx, call, view)

    @on.form(clients.CALLBACK)
    def submitted_clients(call: Call, view: View) -> View:
        return submit_clients(ctx, call, view)


def reshape(ctx: ListenerContext, call: Call, view: View) -> None:
    """Show the fields of the chosen kind of case, and a warning if the chosen day is no working day."""
    settings, day = ctx.services.settings, fields.picked_day(view, offboard.DAY)
    text = workdays.last_day_warning(workdays.of(settings, call.fact("zone")), day) if day else ""
    warning = _("⚠ Careful: {text}").format(text=mrkdwn(text)) if text else ""
    shaped = offboard.reshaped(view, settings, warning)
    before, after = ([block.get("block_id") for block in one["blocks"]] for one in (view, shaped))
    if text or before != after:
        call.show(str(view["id"]), shaped)


def answer(on: Listeners, call: Call, asked: ParsedCommand) -> None:
    """Do what the command asks."""
    ctx = on.ctx
    match asked.verb:
        case Verb.HELP:
            call.tell(_("What you can type"), guide.guide())
        case Verb.UNKNOWN:
            call.tell(_("Unknown command"), guide.unknown(asked.words))
        case Verb.NAME:
            call.tell(_("Names are not unique"), guide.bare_name(asked.words))
        case Verb.CHOOSE:
            ctx.allow(call, Right.OPEN, fresh=False)
            call.open(people.leaver())
        case Verb.START:
            ctx.allow(call, Right.OPEN, fresh=False)
            on.load(call, lambda: plan_asked(ctx, call, asked))
        case Verb.STATUS | Verb.LIST:
            ctx.allow(call, Right.SEE, fresh=False)
            tell_status(ctx, call, asked)
        case Verb.WEEK:
            tell_week(ctx, call, asked.words, asked.who, names(ctx, asked.user, asked.email, asked.case))
        case Verb.CANCEL | Verb.UNDO | Verb.RESCHEDULE:
            known = names(ctx, asked.user, asked.email, asked.case)
            tell_act(on, call, ACTS[asked.verb], asked.words, asked.who, known)
        case Verb.AUDIT:
            ctx.allow(call, Right.AUDIT)
            call.tell(_("Checking every past leaver in every system. The result follows here."))
            ctx.later.submit(audit_now, ctx, call)


def plan_asked(ctx: ListenerContext, call: Call, asked: ParsedCommand) -> View:
    """Return the form for the person that the command names, by mention or by exact address."""
    if asked.user:
        return show_plan(ctx, call, asked.user)
    try:
        found = ctx.people.by_email(asked.email)
    except UserFacingError as error:
        return people.leaver(str(error))
    return show_plan(ctx, call, found.id) if found else show_plan_by_address(ctx, call, asked.email)


def audit_now(ctx: ListenerContext, call: Call) -> None:
    """Run an audit now, and send the result to the user."""
    try:
        shown = build_audit(ctx.services.audits.run_now(ctx.actor(call)))
        call.tell(shown.text, list(shown.blocks))
    except Exception as error:  # noqa: BLE001 - in a pool thread nothing else reports the error
        call.tell(explain(error))


def tell_status(ctx: ListenerContext, call: Call, asked: ParsedCommand) -> None:
    """Answer `status` and `list`."""
    offboarding = ctx.services.offboarding
    if not asked.who:
        only = True if asked.verb is Verb.STATUS else None
        newest, by = offboarding.briefs(guide.MOST, only), ctx.actor(call)
        views = [view for view in newest if not is_about(view.leaver, by)]
        call.tell(_("Cases"), guide.cases(views, offboarding.count(only) - len(newest) + len(views)))
        return
    found = cases_of(ctx, call, names(ctx, asked.user, asked.email, asked.case))
    if not found:
        call.tell(_("No case"), acts.nobody(asked.who))
        return
    shown = case_message.build(found[0], ctx.services.clock.now())
    call.tell(shown.text, list(shown.blocks))
