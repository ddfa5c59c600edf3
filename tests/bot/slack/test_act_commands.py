"""Every button and form of Slack beside the command that does the same at the terminal."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import typer

from bot.cli.app import make_app
from bot.slack.forms import case as case_form
from bot.slack.forms import clients, enrolment, offboard, people, reasons
from bot.slack.forms import duties as duties_form
from bot.slack.forms import earlier as earlier_form
from bot.slack.forms import proposal as proposal_form
from bot.slack.forms import stages as stages_form
from bot.slack.forms import stayed as stayed_form
from bot.slack.listeners import register_listeners
from bot.slack.listeners.plan import AGAIN
from bot.slack.messages import (
    access,
    audit,
    case,
    details,
    duties,
    earlier,
    exports,
    guide,
    home,
    language,
    leave,
    manual,
    moves,
    note,
    proposal,
    requests,
    split,
    stages,
    stayed,
    systems,
)
from bot.slack.messages import enrolment as codes
from bot.slack.messages.blocks import MENU

ACTS: Mapping[str, str] = {
    guide.CHOOSE: "plan",
    people.LEAVER: "plan",
    AGAIN: "plan",
    offboard.DETAILS: "plan",
    clients.PREVIEW: "plan --successor --strategy --clients",
    offboard.CALLBACK: "offboard --at --reason --keep-access --return-on --profile",
    clients.CALLBACK: "offboard --approver --successor --strategy --clients --note",
    systems.RETRY: "retry",
    details.DETAILS: "status --why",
    case.CANCEL: "cancel",
    reasons.CANCEL: "cancel --reason",
    access.UNDO: "undo",
    reasons.UNDO: "undo --reason",
    access.CLOSE: "close",
    reasons.REHIRED: "close --rehired",
    access.RELEASE: "release",
    access.REJECT: "release --reject",
    access.RESCHEDULE: "reschedule",
    case_form.RESCHEDULE: "reschedule --at",
    access.CHOOSE: "link --search",
    case_form.LINK: "link --account --login --none --until --reason --deny",
    moves.PAUSE: "moves --pause",
    moves.RESUME: "moves --resume",
    moves.STOP: "moves --stop",
    moves.PUT_BACK: "putback --dry-run",
    case_form.PUT_BACK: "putback --clients",
    moves.KEEP_THERE: "putback --cancel",
    leave.STAY: "returning --stay",
    note.SEND: "introductions --send --successor",
    proposal.APPROVE: "decide --approve",
    proposal.DECLINE: "decide --decline",
    proposal_form.DECLINE: "decide --reason",
    proposal.PAGE: "proposal --page",
    proposal.CSV: "proposal --csv",
    requests.ASK: "decide --ask --rule",
    people.APPOINT: "decide --ask",
    proposal.FIND: "proposal --search",
    proposal_form.BROWSE: "proposal --search",
    proposal_form.TURN: "proposal --page",
    split.SUCCESSORS: "proposal",
    proposal.CHANGE: "proposal",
    proposal_form.CHANGE: "proposal --client --all-of --to",
    proposal.KEEP: "proposal",
    proposal_form.KEEP: "proposal --client --keep",
    proposal.UPLOAD: "proposal",
    proposal_form.UPLOAD: "proposal --upload",
    note.MARK: "clients --search",
    stayed_form.OWN: "clients --search",
    stayed_form.TURN_OWN: "clients --page",
    stayed_form.ANSWER: "clients --mark",
    stayed.SHOW: "clients --silent --lost",
    stayed_form.SILENT: "clients --search",
    stayed_form.TURN_SILENT: "clients --page",
    stayed.CSV: "clients --csv",
    audit.LOCK_AGAIN: "findings --lock-again",
    audit.TAKE: "findings --take",
    audit.ACCEPT: "findings --accept",
    reasons.ACCEPT: "findings --accept --until --reason",
    audit.CSV: "findings --csv",
    exports.REVEAL: "reveal",
    reasons.REVEAL: "reveal --reason",
    manual.DONE: "confirm",
    reasons.DONE: "confirm --note --proof",
    manual.CANNOT: "confirm --cannot",
    reasons.CANNOT: "confirm --cannot --note",
    manual.TAKE_BACK: "confirm --take-back",
    reasons.TAKE_BACK: "confirm --take-back --note",
    duties.DECIDE: "duties",
    duties_form.CALLBACK: "duties --give --to --keep --stop --all-kind",
    duties_form.TURN: "duties --page --search",
    duties.CSV: "duties --csv",
    home.NAME_DELEGATE: "delegate",
    people.DELEGATE: "delegate --to --from --until",
    home.END_DELEGATION: "delegate --end",
    home.FIND: "status",
    language.CHOOSE: "language",
    earlier.LIST: "orphaned",
    earlier_form.LIST: "orphaned --search",
    earlier_form.TURN: "orphaned --page",
    earlier_form.CSV: "orphaned --csv",
    earlier_form.ASK: "orphaned --hand-over --dry-run",
    earlier_form.HAND_OVER: "orphaned --hand-over --owner --to --approver --strategy --note",
    codes.ENROL: "enrol",
    stages.CHANGE: "stages",
    stages_form.CHANGE: "stages --move --to --run --skip --reason",
    stages.HOLD: "stages --hold",
    stages_form.HOLD: "stages --hold --reason",
    stages.END_HOLD: "stages --end-hold",
    stages_form.END_HOLD: "stages --end-hold --reason",
    enrolment.CALLBACK: "enrol",
}
"""The command and its options for each act. A new act is found by the first test."""


class Noted:
    """A Bolt app, and anything that listeners take from their context, which only notes what is registered."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return self

    def action(self, wanted: Any, **_more: Any) -> Any:
        if isinstance(wanted, str | re.Pattern):  # a field that redraws its own form is no act
            self.ids.add(wanted if isinstance(wanted, str) else wanted.pattern.strip("^:"))
        return lambda listener: listener

    view = action

    def __call__(self, *_some: Any, **_more: Any) -> Any:
        return lambda listener: listener


def test_every_act_of_slack_has_a_command() -> None:
    app: Any = Noted()
    register_listeners(app, app)
    assert app.ids - {MENU} == set(ACTS)


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(make_app())
    return {name: command.load() for name, command in group.commands.items()}


@pytest.mark.parametrize("told", sorted(set(ACTS.values())))
def test_the_command_has_these_options(told: str) -> None:
    name, *options = told.split()
    known = {option for param in commands()[name].params for option in (*param.opts, *param.secondary_opts)}
    assert known >= set(options)
