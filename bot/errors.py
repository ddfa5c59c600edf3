"""Every refusal and every trouble as a sentence for a person, with what to do next; no stack trace reaches people."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import overload

from slack_sdk.errors import SlackApiError

from bot.text import N_, _, moment, mrkdwn, plain
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, OutcomeUnknown, Unavailable
from workflows.refusals import Code, Refused
from workflows.storage.store import StorageFailed

REFUSALS: Mapping[Code, str] = {
    Code.PROTECTED: N_(
        "This account is protected (a service, break-glass or last administrator account) and no case ever locks it. "
        "If it really must go, ask an administrator to take it off `policy.protected` first."
    ),
    Code.ONESELF: N_("You cannot offboard yourself. Ask a colleague in HR to do it."),
    Code.OPEN_CASE: N_(
        "There is already an open case ({case}) for this person. See it with `/offboard status @person`; "
        "cancel it there first if it is wrong."
    ),
    Code.UNKNOWN_CASE: N_("There is no such case. `/offboard list` shows all of them."),
    Code.NOT_OPEN: N_("This case can no longer be changed that way. `/offboard status @person` shows where it stands."),
    Code.STALE_PROPOSAL: N_(
        "The proposal has changed since this was shown ({by}, {at}), so nothing was done. What changed: {changed}. "
        "Look at the newest message and decide there."
    ),
    Code.ALREADY_SETTLED: N_("This proposal was already settled by {by} ({at}). Nothing was changed by your click."),
    Code.NOT_APPROVER: N_("Only {approver} can decide this. Ask them, or ask HR to name another approver."),
    Code.LEAVER_DECIDES: N_(
        "The person who leaves cannot decide where their clients go. Ask HR to name another approver."
    ),
    Code.ALREADY_DECIDED: N_("You have decided this already. Nothing was changed by your click."),
    Code.UNKNOWN_PROPOSAL: N_(
        "This proposal does not exist any more. `/offboard status @person` shows where the case stands."
    ),
    Code.UNKNOWN_RECORD: N_(
        "One of the chosen records is not part of this proposal. Open the form again and choose anew."
    ),
    Code.UNKNOWN_SUCCESSOR: N_(
        "That colleague is not one of the successors of this case. Choose one of those in the list."
    ),
    Code.NO_SUCCESSOR: N_("Nobody is named to receive the clients. Choose at least one successor."),
    Code.PAST_TIME: N_("That time has passed already. Choose a later day, or choose to lock now."),
    Code.FAR_TIME: N_("That day lies more than two years ahead, in {year}. Is the year right? Choose an earlier day."),
    Code.CLOSED_FINDING: N_("This finding was closed by {by} ({at}). Nothing was changed by your click."),
    Code.UNKNOWN_FINDING: N_("This finding does not exist any more. `/offboard audit` shows the open ones."),
    Code.UNKNOWN_SNAPSHOT: N_(
        "This export snapshot does not exist any more. `/offboard status @person` shows the case."
    ),
    Code.NEEDS_REASON: N_("A reason is needed, since it goes on record. Write one and try again."),
    Code.NOTHING_CHANGED: N_(
        "These records go to that colleague already, so nothing was changed. Choose another successor."
    ),
    Code.BAD_PERSON: N_(
        "This person cannot be used here: no usable address is known. Check profile and directory, then try again."
    ),
    Code.UNKNOWN_STEP: N_("This step does not exist any more. `/offboard status @person` shows where the case stands."),
    Code.ALREADY_CONFIRMED: N_("This was confirmed by {by} already ({at}). Nothing was changed by your click."),
    Code.NOT_CONFIRMED: N_("Nobody has confirmed this, so there is nothing to take back."),
    Code.LEAVER_CONFIRMS: N_("The person who leaves cannot answer for this. Ask a colleague or security to do it."),
    Code.NEEDS_PROOF: N_("A file that shows it, or a link to one, is needed here. Add it and try again."),
    Code.NOTHING_LOCKED: N_("Nobody was locked out by this case, so there is nothing to undo."),
    Code.TOO_LATE: N_(
        "A lock-out can be undone for {days} days, and they are over. Give access back in each system itself."
    ),
    Code.SECOND_PERSON: N_(
        "This needs a second person: neither who opened the case ({by}) nor whom it is about can release it."
    ),
    Code.UNKNOWN_SYSTEM: N_("There is no system {system} with accounts here. Known are: {known}."),
    Code.UNKNOWN_ACCOUNT: N_(
        "{account} is not exactly one account there, so nothing was linked. Give its exact log-in or address."
    ),
    Code.EMPTY_PROPOSAL: N_(
        "Then no client would be left to decide on, so nothing was changed. Decline the proposal instead, with the "
        "reason."
    ),
    Code.LATER_CASE: N_(
        "A later case ({case}) has locked this person out again, so this one cannot be undone. Undo the later one."
    ),
    Code.TOO_FAR: N_(
        "That is too far ahead: a finding can be accepted for at most {days} days. Choose an earlier day."
    ),
    Code.NOT_CHECKED: N_(
        "Slack does not say just now who may decide, so nothing was done ({why}). Try again in a moment."
    ),
    Code.CANNOT_DECIDE: N_(
        "{name} cannot decide: {why}. Only a full, active member of this workspace can. "
        "Ask HR to name another approver."
    ),
    Code.WHICH_APPROVER: N_("Several people are asked ({known}). Say whose answer this is with --for ADDRESS."),
    Code.BAD_DELEGATE: N_("This person cannot stand in: {why}. Choose somebody else."),
    Code.UNKNOWN_DELEGATION: N_("There is no such delegation of yours any more. `handover delegate` lists them."),
    Code.BAD_PERIOD: N_("That period is over, or ends before it begins. Choose other days."),
    Code.NOTHING_MOVES: N_(
        "No clients of this case are being moved, or are paused. `/offboard status @person` shows where it stands."
    ),
    Code.ALREADY_HALTED: N_("The moves were {what} by {by} already ({at}). Nothing was changed by your click."),
    Code.NEEDS_RETURN: N_("Whoever keeps access comes back: choose the day of return, after the first day of leave."),
    Code.NOBODY_RETURNS: N_("This case has no day of return, so there is nothing to answer or to move."),
    Code.ALREADY_ANSWERED: N_("{by} has answered this already ({at}). Nothing was changed by your click."),
    Code.STILL_MOVING: N_("Clients of this case are still being moved. Pause or stop the moves first."),
    Code.NOTHING_TO_PUT_BACK: N_(
        "None of these records can be put back: others have them now, or they never moved. Look at the list again."
    ),
    Code.ALREADY_PUT_BACK: N_("These records are put back, or are just being put back. Your click changed nothing."),
    Code.NOTHING_HANDED_OVER: N_("No clients of this case were handed over yet, so there is nothing to tell."),
}

CONNECTOR_ERROR_MESSAGES: Mapping[type[ConnectorError], str] = {
    Unavailable: N_("A system does not answer just now ({detail}). Nothing happened; try again in a few minutes."),
    OutcomeUnknown: N_(
        "A system did not answer after the request had left ({detail}). It is not known whether it was done: "
        "look at the case before you try again."
    ),
    BadCredential: N_(
        "A system refused Handover's own credential ({detail}). Ask an administrator to renew it, then try again."
    ),
    Forbidden: N_(
        "Handover lacks a permission in a system ({detail}). Ask an administrator to grant it, then try again."
    ),
    Missing: N_("Something named here is not there any more ({detail}). Look at the case and plan again."),
    Conflict: N_(
        "Something changed in a system meanwhile ({detail}). Nothing was overwritten; look again and decide anew."
    ),
}


class UserFacingError(Exception):
    """Something stops here, and the sentence for the person is ready (already escaped)."""


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {
            "by": _("somebody"),
            "at": _("at a time not on record"),
            "case": _("see `/offboard list`"),
            "approver": _("the approver named in the case"),
            "changed": _("see the newest message"),
        }.get(key, _("not known"))


@overload
def user_message(error: Refused | ConnectorError | SlackApiError | UserFacingError, *, markup: bool = False) -> str: ...
@overload
def user_message(error: Exception, *, markup: bool = False) -> str | None: ...
def user_message(error: Exception, *, markup: bool = False) -> str | None:
    """Return what to tell a person, or None where it is a fault of ours that only a log can explain.

    With `markup` for Slack: what came from outside is escaped and moments are date tokens. Else plain text.
    """
    if isinstance(error, UserFacingError):
        return str(error)
    if isinstance(error, Refused):
        facts = _Facts({name: _fact(name, value, markup) for name, value in error.facts.items() if value})
        return _(REFUSALS[error.code]).format_map(facts)
    if isinstance(error, ConnectorError):
        text = next(
            (text for kind, text in CONNECTOR_ERROR_MESSAGES.items() if isinstance(error, kind)),
            CONNECTOR_ERROR_MESSAGES[Unavailable],
        )
        return _(text).format(detail=_data(str(error), markup))
    if isinstance(error, StorageFailed):
        return _("Handover cannot write its data now, so nothing was done. Tell an administrator, then try again.")
    if isinstance(error, SlackApiError):
        return _("Slack refused a step ({detail}). Try again; if it stays, tell an administrator.").format(
            detail=_data(slack_error_code(error), markup)
        )
    return None


def _data(text: str, markup: bool) -> str:
    return mrkdwn(text, 300) if markup else plain(text, 300)


def _fact(name: str, value: str, markup: bool) -> str:
    if name == "at" and markup:
        try:
            return moment(datetime.fromisoformat(value))
        except ValueError:
            return mrkdwn(value)
    return _data(value, markup)


def slack_error_code(error: SlackApiError) -> str:
    """Return Slack's own word for what went wrong: `not_in_channel`, `ratelimited`."""
    response: object = error.response
    get = getattr(response, "get", None)
    return str(get("error", "")) if callable(get) and get("error", "") else "no answer"


def reference() -> str:
    """Return a short word that a person can quote and an operator can find in the log."""
    return secrets.token_hex(4)


def internal_error_message(token: str) -> str:
    """Return what to say when only the log knows more."""
    return _(
        "Something went wrong, and not by you. Try again; if it stays, tell an administrator the reference: `{token}`."
    ).format(token=token)
