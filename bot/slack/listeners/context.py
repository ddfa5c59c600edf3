"""The request and the services that every listener works with."""

import logging
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import UserFacingError, slack_error_code
from bot.services import Services
from bot.slack.authorize import Authorizer
from bot.slack.delivery_faults import REFUSED_CONTENT
from bot.slack.languages import Languages
from bot.slack.links import send
from bot.slack.messages.blocks import Block, message, texts, unpack
from bot.slack.people import SlackProfiles
from bot.text import _
from workflows.authorization import Right, holders
from workflows.people import Actor
from workflows.refusals import Code, Refused

log = logging.getLogger(__name__)
LATE = frozenset(
    {"expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged", "invalid_trigger_id"}
)
CLOSED = frozenset({"not_found", "view_not_found"})
TOLD = ("section", "context", "header", "divider")
"""Types of a modal's blocks that a message may have, too."""


@dataclass(frozen=True)
class Call:
    """One command, click or submission, with methods to answer its user."""

    body: dict[str, Any]
    client: WebClient
    bot: str = ""
    """Slack id of the bot's own user."""
    came: float = field(default_factory=time.monotonic)

    @property
    def user(self) -> str:
        """Slack id of the user, from the signed request."""
        return str(self.body.get("user_id") or self.body["user"]["id"])

    @property
    def facts(self) -> dict[str, Any]:
        """Values of the form's metadata, and of the clicked button or the chosen one of a menu."""
        view = self.body.get("view") or {}
        acts: list[dict[str, Any]] = self.body.get("actions", [])
        clicked = next((act for act in acts if act.get("type") == "button"), {})
        chosen = next((act["selected_option"] for act in acts if act.get("type") == "overflow"), clicked)
        return {**unpack(str(view.get("private_metadata", ""))), **unpack(str(chosen.get("value", "")))}

    def fact(self, name: str) -> str:
        """Return one of the `facts`; empty if it is missing."""
        return str(self.facts.get(name, ""))

    @property
    def case(self) -> str:
        """Id of the case that a button or a form is about. Raises `UserFacingError` for a button without one."""
        if case := self.fact("case"):
            return case
        raise UserFacingError(_("This button is too old. `/offboard list` shows every case."))

    @property
    def message(self) -> tuple[str, str]:
        """Channel and time of the message with the clicked button, or of the message that the form is about."""
        if "message" in self.body:
            return self.body["channel"]["id"], self.body["message"]["ts"]
        return self.fact("channel"), self.fact("ts")

    def tell(self, text: str, blocks: list[Block] | None = None) -> None:
        """Send a private answer to the user, by direct message if the place of the act takes none."""
        if url := str(self.body.get("response_url") or ""):
            answer = {"text": text, "response_type": "ephemeral", "replace_original": False}
            try:
                send(self.client, "POST", url, json=answer | ({"blocks": blocks} if blocks else {}))
            except ConnectionError as error:
                log.info("an answer goes by direct message, because its own place did not take it: %s", error)
            else:
                return
        channel = self.client.conversations_open(users=self.user)["channel"]["id"]
        self.client.chat_postMessage(channel=channel, text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)

    def open(self, view: dict[str, Any], *, above: bool = False) -> str:
        """Open a modal and return its id. Raises `UserFacingError` after Slack's three seconds.

        `above`: open it above the open one.
        """
        trigger = self.body["trigger_id"]
        try:
            opened = (
                self.client.views_push(trigger_id=trigger, view=view)
                if above
                else self.client.views_open(trigger_id=trigger, view=view)
            )
        except SlackApiError as error:
            if slack_error_code(error) in LATE:
                raise UserFacingError(
                    _("The form opened too late for Slack, so nothing happened. Please try again.")
                ) from error
            raise
        return str(opened["view"]["id"])

    def show(self, view_id: str, view: dict[str, Any], *, outcome: bool = False) -> None:
        """Replace the contents of an open modal, or tell them by direct message if Slack refuses the update.

        If the user has closed the modal, nothing is told, except an `outcome`: what has been done, or has failed.
        """
        try:
            self.client.views_update(view_id=view_id, view=view)
        except (SlackApiError, OSError) as error:
            closed = isinstance(error, SlackApiError) and slack_error_code(error) in CLOSED
            log.info("view %s was not filled (%s)", view_id, "closed" if closed else error)
            if outcome or not closed:
                self._tell_view(view)

    def _tell_view(self, view: dict[str, Any]) -> None:
        """Send what a modal would show by direct message, without its fields."""
        told = [block for block in view["blocks"] if block["type"] in TOLD]
        shown = message(str(view["title"]["text"]), told)
        direct = Call({key: self.body[key] for key in ("user", "user_id") if key in self.body}, self.client, self.bot)
        try:
            direct.tell("\n".join([shown.text, *(line for block in told for line in texts(block))]), list(shown.blocks))
        except SlackApiError as error:
            if slack_error_code(error) not in REFUSED_CONTENT:
                raise
            direct.tell(shown.text)


@dataclass(frozen=True)
class ListenerContext:
    """Dependencies of the listeners."""

    services: Services
    authorizer: Authorizer
    people: SlackProfiles
    later: Executor
    """Pool for slow work after the acknowledgement. It delays no other acknowledgement."""
    languages: Languages

    def actor(self, call: Call) -> Actor:
        """Return the user as an actor for the journal."""
        try:
            person = self.people.find(call.user)
        except UserFacingError:
            return Actor(f"slack:{call.user}", call.user)
        return Actor(f"slack:{call.user}", person.name, person.email)

    def allow(self, call: Call, right: Right, *, fresh: bool = True) -> None:
        """Check that the user has a right. Raises `Refused`, and puts the refusal on record."""
        if not self.authorizer.may(call.user, right, fresh=fresh):
            self.refuse(call, right)
            raise Refused(Code.NOT_ALLOWED, roles=holders(right))

    def refuse(self, call: Call, what: str) -> None:
        """Put a refusal on record."""
        self.services.journal.note("refused", Actor(f"slack:{call.user}", call.user), {"what": what})
