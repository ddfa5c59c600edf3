"""Errors in words for people in Slack, with what to do next; no stack trace reaches people."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import overload

from slack_sdk.errors import SlackApiError

from bot.text import N_, _, moment, mrkdwn, plain, punctuated
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, OutcomeUnknown, Unavailable
from workflows.refusals import Next, Refused
from workflows.storage.store import StorageFailed

NEXT: Mapping[Next, str] = {
    Next.NOTHING_CHANGED: N_("Your click changed nothing."),
    Next.SHOW_CASE: N_("`/offboard status @person` shows where the case stands."),
    Next.CANCEL_CASE: N_("See it with `/offboard status @person`. Cancel it there first if it is wrong."),
    Next.LIST_CASES: N_("`/offboard list` shows all cases."),
    Next.LIST_FINDINGS: N_("`/offboard audit` shows the open ones."),
    Next.LIST_DELEGATIONS: N_("The app's Home lists yours."),
    Next.LIST_DUTIES: N_("*Decide on Duties* lists them."),
    Next.DECIDE_NEWEST: N_("Look at the newest message and decide there."),
    Next.CHOOSE_AGAIN: N_("Open the form again and choose anew."),
    Next.CHOOSE_SUCCESSOR: N_("Choose at least one successor."),
    Next.CHOOSE_TIME: N_("Choose a later day, or choose to lock now."),
    Next.CHOOSE_RETURN: N_("Choose the day of return, after the first day of leave."),
    Next.CHOOSE_PERIOD: N_("Choose other days."),
    Next.GIVE_PROOF: N_("Add it and try again."),
    Next.SAY_WHOSE: N_("Decide with the buttons of your own request."),
    Next.ENROL: N_("Press Set Up Codes on the Home tab."),
    Next.RESET_CODES: N_("Your click changed nothing. Ask an enrolled colleague in security."),
}
"""Next steps in Slack. `bot.cli.explanations` has those at a terminal."""

CONNECTOR_ERROR_MESSAGES: Mapping[type[ConnectorError], str] = {
    Unavailable: N_("A system does not answer now ({detail}). Nothing happened. Try again in a few minutes."),
    OutcomeUnknown: N_(
        "A system received a request and did not answer ({detail}). It may have been done. "
        "Look at the case before you try again."
    ),
    BadCredential: N_(
        "A system refused Handover's own credential ({detail}). Ask an administrator to renew it, then try again."
    ),
    Forbidden: N_(
        "Handover lacks a permission in a system ({detail}). Ask an administrator to grant it, then try again."
    ),
    Missing: N_("Something named here no longer exists ({detail}). Look at the case and plan again."),
    Conflict: N_(
        "Something changed in a system meanwhile ({detail}). Nothing was overwritten. Look again and decide anew."
    ),
}


class UserFacingError(Exception):
    """Something stops here, and the sentence for the person is ready (already escaped)."""


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
        return refusal(error, NEXT, markup=markup)
    if isinstance(error, ConnectorError):
        text = next(
            (text for kind, text in CONNECTOR_ERROR_MESSAGES.items() if isinstance(error, kind)),
            CONNECTOR_ERROR_MESSAGES[Unavailable],
        )
        return _(text).format(detail=_data(str(error), markup))
    if isinstance(error, StorageFailed):
        return _("Handover cannot write its data now, so nothing was done. Tell an administrator, then try again.")
    if isinstance(error, SlackApiError):
        return _("Slack refused a step ({detail}). Try again. If it happens again, tell an administrator.").format(
            detail=_data(slack_error_code(error), markup)
        )
    return None


def refusal(error: Refused, following: Mapping[Next, str], *, markup: bool = False) -> str:
    """Return the sentence of a refusal, and what to do next in the words of one place."""
    said = error.code.words({name: _fact(name, value, markup) for name, value in error.facts.items()})
    return punctuated(" ").join((said, _(following[error.code.next]))) if error.code.next else said


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
    return str(get("error", "")) if callable(get) and get("error", "") else _("no answer")


def reference() -> str:
    """Return a short word that a person can quote and an operator can find in the log."""
    return secrets.token_hex(4)


def internal_error_message(token: str) -> str:
    """Return what to say when only the log knows more."""
    return _(
        "Something went wrong, and not by you. Try again. "
        "If it happens again, tell an administrator the reference: `{token}`."
    ).format(token=token)
