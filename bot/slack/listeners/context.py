"""What every listener works with: the services, who may do what, and the person at the other end."""

import logging
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot.errors import UserFacingError, slack_error_code
from bot.services import Services
from bot.slack.authorize import Authorizer, Right
from bot.slack.messages.blocks import Block, unpack
from bot.slack.people import SlackProfiles
from bot.text import _
from workflows.people import Actor

log = logging.getLogger(__name__)
LATE = frozenset(
    {"expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged", "invalid_trigger_id"}
)
CLOSED = frozenset({"not_found", "view_not_found"})


@dataclass(frozen=True)
class Call:
    """One command, click or submission, and the way back to the person who made it."""

    body: dict[str, Any]
    client: WebClient
    came: float = field(default_factory=time.monotonic)

    @property
    def user(self) -> str:
        """Who it was: Slack's id, from the signed request."""
        return str(self.body.get("user_id") or self.body["user"]["id"])

    @property
    def team(self) -> str:
        """The workspace that the app is installed in, as the request names it."""
        return str((self.body.get("team") or {}).get("id") or self.body.get("team_id") or "")

    @property
    def value(self) -> dict[str, Any]:
        """What the clicked button carries."""
        return unpack(str(self.body["actions"][0].get("value", "")))

    @property
    def metadata(self) -> dict[str, Any]:
        """What the submitted view carries."""
        return unpack(str(self.body["view"].get("private_metadata", "")))

    def tell(self, text: str, blocks: list[Block] | None = None) -> None:
        """Answer so that only this person sees it, and no message is replaced."""
        url = self.body.get("response_url")
        if url:
            WebhookClient(url).send(text=text, blocks=blocks, response_type="ephemeral", replace_original=False)
            return
        channel = self.client.conversations_open(users=self.user)["channel"]["id"]
        self.client.chat_postMessage(channel=channel, text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)

    def open(self, view: dict[str, Any]) -> str:
        """Open a modal and return its id. Raises `Told` where the person's three seconds are over."""
        try:
            return str(self.client.views_open(trigger_id=self.body["trigger_id"], view=view)["view"]["id"])
        except SlackApiError as error:
            if slack_error_code(error) in LATE:
                raise UserFacingError(
                    _("That took longer than Slack allows, so no form could open. Nothing happened: do it again.")
                ) from error
            raise

    def push(self, view: dict[str, Any]) -> str:
        """Open a modal on top of the open one and return its id. Raises `Told` where the three seconds are over."""
        try:
            return str(self.client.views_push(trigger_id=self.body["trigger_id"], view=view)["view"]["id"])
        except SlackApiError as error:
            if slack_error_code(error) in LATE:
                raise UserFacingError(
                    _("That took longer than Slack allows, so no form could open. Nothing happened: do it again.")
                ) from error
            raise

    def show(self, view_id: str, view: dict[str, Any]) -> None:
        """Put something else into an open modal; a modal that was closed meanwhile is left closed."""
        try:
            self.client.views_update(view_id=view_id, view=view)
        except SlackApiError as error:
            if slack_error_code(error) not in CLOSED:
                raise
            log.info("view %s was closed before it could be filled", view_id)


@dataclass(frozen=True)
class ListenerContext:
    """What listeners are given when they are registered."""

    services: Services
    authorizer: Authorizer
    people: SlackProfiles
    later: Executor
    """Where slow work goes once Slack has its answer, so that it never keeps another answer waiting."""

    def actor(self, call: Call) -> Actor:
        """Return the person as the journal names them."""
        try:
            person = self.people.find(call.user)
        except UserFacingError:
            return Actor(f"slack:{call.user}", call.user)
        return Actor(f"slack:{call.user}", person.name, person.email)

    def allow(self, call: Call, right: Right, *, fresh: bool = True) -> None:
        """Go on only where the person may. Raises `Told`, and puts the refusal on record."""
        if not self.authorizer.may(call.user, right, fresh=fresh):
            self.refuse(call, right)
            raise UserFacingError(
                _("You are not allowed to do this. Ask HR or an administrator; roles are in Handover's configuration.")
            )

    def refuse(self, call: Call, what: str) -> None:
        """Put a refusal on record."""
        self.services.journal.note("refused", Actor(f"slack:{call.user}", call.user), {"what": what})
