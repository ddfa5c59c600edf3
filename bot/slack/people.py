"""Profiles of people in Slack, and objections to their part in a case. Nobody is looked up by name."""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.errors import UserFacingError, slack_error_code
from bot.slack.readings import PEOPLE_A_MINUTE, Readings
from bot.text import _, mrkdwn
from config.identifiers import address_or_nothing
from workflows.people import Leaver, Successor

NO_SUCH_ADDRESS = "users_not_found"
"""Answer for an address that no active user has. No other error says so."""
UNKNOWN_USER_ERRORS = frozenset({"user_not_found", "user_not_visible", "users_not_found"})


@dataclass(frozen=True, slots=True)
class HomeTeam:
    """The bot's own workspace, as auth.test gives it. A click names the workspace of whoever clicks, so it proves none.

    `organisation`: id of the Enterprise Grid organisation, or empty. `org_wide`: the app serves all its workspaces.
    """

    id: str
    organisation: str = ""
    org_wide: bool = False
    url: str = ""
    """Address of the workspace in a browser, with a slash at the end."""

    def link(self, channel: str, ts: str) -> str:
        """Return the address of a message in this workspace, or empty."""
        usable = self.url.startswith("https://") or self.url.startswith("http://127.0.0.1:")
        return f"{self.url}archives/{channel}/p{ts.replace('.', '')}" if usable and channel and ts else ""

    def has(self, user: Mapping[str, Any]) -> bool:
        """Return whether a `user` of users.info is proven to belong here.

        `is_stranger` proves nothing: it is false or absent for everybody who shares a channel by Slack Connect.
        """
        membership: Mapping[str, Any] = user.get("enterprise_user") or {}
        if self.org_wide:
            return bool(self.organisation) and membership.get("enterprise_id") == self.organisation
        if teams := membership.get("teams"):
            return bool(self.id) and self.id in teams
        return bool(self.id) and user.get("team_id") == self.id


def home_team(answer: SlackResponse) -> HomeTeam:
    """Return the bot's own workspace from the answer to auth.test."""
    return HomeTeam(
        str(answer.get("team_id") or ""),
        str(answer.get("enterprise_id") or ""),
        org_wide=bool(answer.get("is_enterprise_install")),
        url=str(answer.get("url") or ""),
    )


@dataclass(frozen=True, slots=True)
class Profile:
    """One person's profile. The flags are Slack's own (docs.slack.dev/reference/methods/users.info)."""

    id: str
    name: str
    email: str
    timezone: str
    title: str
    deleted: bool
    bot: bool
    guest: bool
    outside: bool
    """True unless this person is proven to belong to the bot's own workspace."""
    locale: str = ""
    """Slack's language for this person: `zh-CN`."""

    def leaver(self, fallback_zone: str) -> Leaver:
        """Return the person as a leaver."""
        return Leaver(
            name=self.name,
            email=self.email,
            slack_id=self.id,
            timezone=self.timezone or fallback_zone,
            title=self.title,
        )

    def successor(self) -> Successor:
        """Return the person as a successor or approver."""
        return Successor(key=self.email.lower(), name=self.name, email=self.email, slack_id=self.id)


def profile(user: Mapping[str, Any], home: HomeTeam) -> Profile:
    """Return the profile in one `user` of users.info. Only this function decides who is outside."""
    own = user.get("profile", {})
    return Profile(
        id=user["id"],
        name=_encodable(user.get("real_name") or own.get("real_name") or user.get("name") or user["id"]),
        email=address_or_nothing(own.get("email") or ""),
        timezone=user.get("tz") or "",
        title=_encodable(own.get("title") or ""),
        deleted=bool(user.get("deleted")),
        bot=bool(
            user.get("is_bot")
            or user.get("is_workflow_bot")
            or user.get("is_connector_bot")
            or user["id"] == "USLACKBOT"
        ),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        outside=bool(user.get("is_stranger")) or not home.has(user),
        locale=str(user.get("locale") or ""),
    )


def _encodable(text: str) -> str:
    """Return a text in which half an emoji, which has no encoding, is a question mark."""
    return text.encode(errors="replace").decode()


class SlackUsers:
    """Reads of Slack's users without a cache. Only the bot's own workspace is kept, which a token never changes."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._home = HomeTeam("")
        self._lock = threading.Lock()

    def home(self) -> HomeTeam:
        """Return the bot's own workspace. Raises `SlackApiError`, `OSError`."""
        with self._lock:
            if not self._home.id:
                self._home = home_team(self._client.auth_test())
            return self._home

    def by_id(self, user: str) -> Profile:
        """Return one person. Raises `SlackApiError`, `OSError`."""
        return profile(self._client.users_info(user=user, include_locale=True)["user"], self.home())

    def by_email(self, email: str) -> Profile:
        """Return the person with exactly this address. Raises `SlackApiError`, `OSError`."""
        return profile(self._client.users_lookupByEmail(email=email)["user"], self.home())


class SlackProfiles:
    """Lookups of profiles, kept for a minute. Decisions use `fresh` lookups."""

    def __init__(self, client: WebClient) -> None:
        self._users = SlackUsers(client)
        self._kept = Readings(self._users.by_id, PEOPLE_A_MINUTE)

    def home(self) -> HomeTeam:
        """Return the bot's own workspace. Raises `SlackApiError`, `OSError`."""
        return self._users.home()

    def find(self, user: str, *, fresh: bool = False) -> Profile:
        """Return one person. Raises `UserFacingError` if Slack has no such person or does not answer."""
        try:
            return self._kept.get(user, fresh=fresh)
        except SlackApiError as error:
            raise _not_found(error) from error

    def by_email(self, email: str) -> Profile | None:
        """Return the person with exactly this address, or None. Raises `UserFacingError` if Slack does not answer."""
        if not email:
            return None
        try:
            return self._users.by_email(email)
        except SlackApiError as error:
            if slack_error_code(error) == NO_SUCH_ADDRESS:
                return None
            raise _no_answer(error) from error

    def find_all(self, users: Iterable[str], seconds: float) -> dict[str, Profile | UserFacingError]:
        """Return several people, fresh. A person without an answer in time is a `UserFacingError`."""
        every = list(dict.fromkeys(users))
        pool = ThreadPoolExecutor(max_workers=max(1, len(every)), thread_name_prefix="people")
        asked = {user: pool.submit(copy_context().run, partial(self.find, user, fresh=True)) for user in every}
        wait(asked.values(), timeout=seconds)
        pool.shutdown(wait=False, cancel_futures=True)
        return {user: _answer(future) for user, future in asked.items()}


def _answer(future: Future[Profile]) -> Profile | UserFacingError:
    if not future.done() or future.cancelled():
        return UserFacingError(_("Slack gave no answer about this person. Submit again in a moment."))
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, UserFacingError):
        return error
    return UserFacingError(_("This person could not be checked. Submit again in a moment."))


def _not_found(error: SlackApiError) -> UserFacingError:
    if slack_error_code(error) in UNKNOWN_USER_ERRORS:
        return UserFacingError(_("This person is not in this Slack workspace. Choose a person from the list."))
    return _no_answer(error)


def _no_answer(error: SlackApiError) -> UserFacingError:
    if slack_error_code(error) == "missing_scope":
        scope = mrkdwn(str(error.response.get("needed") or "users:read.email"), 80)
        text = _("Handover's app may not look people up. An administrator must give it the scope {scope}.")
        return UserFacingError(text.format(scope=scope))
    text = _("Slack gave no answer about this person ({detail}). Try again in a moment.")
    return UserFacingError(text.format(detail=mrkdwn(slack_error_code(error), 80)))


def leaver_objection(person: Profile, asker: str) -> str | None:
    """Return the reason why no case can be opened for this person, with what to do, or None."""
    reasons = (
        (person.bot, _("{name} is a bot, not a person. To retire a bot, remove its app in Slack's administration.")),
        (person.id == asker, _("You cannot offboard yourself. Ask a colleague in HR to do it.")),
        (
            person.outside,
            _("{name} is not known to belong to this Slack workspace. Their own organisation must lock them out."),
        ),
        (
            not person.email,
            _("Slack has no address for {name}, so accounts cannot be found safely. Type the address instead."),
        ),
    )
    return next((why.format(name=mrkdwn(person.name)) for applies, why in reasons if applies), None)


def warnings(person: Profile) -> list[str]:
    """Return warnings about the leaver's Slack account."""
    warned = (
        (person.guest, _("{name} is a guest in Slack and may be missing from the directory.")),
        (person.deleted, _("{name} is deactivated in Slack already. Accounts in other systems may still be open.")),
    )
    return [text.format(name=mrkdwn(person.name)) for applies, text in warned if applies]


def colleague_objection(person: Profile, leaver: str) -> str | None:
    """Return the reason why this person cannot approve or receive clients, as plain text, or None."""
    reasons = (
        (person.id == leaver, _("This is the person who leaves. Choose a colleague who stays.")),
        (person.bot, _("This is a bot. Choose a person.")),
        (person.deleted, _("This person is deactivated in Slack. Choose a colleague who is still here.")),
        (person.outside, _("This person is not known to belong to this workspace. Choose one of your colleagues.")),
        (person.guest, _("This person is a guest. Choose a full member of the workspace.")),
        (not person.email, _("Slack has no address for this person. Choose somebody else, or complete the profile.")),
    )
    return next((why for applies, why in reasons if applies), None)


def decider_objection(person: Profile) -> str | None:
    """Return the reason why this person may not decide, or None."""
    if standing(person):
        return _("Only a full, active member of this workspace can decide. Ask HR to name another approver.")
    return None


def standing(person: Profile) -> str:
    """Return why this person has no standing: no rights, no requests, no decisions. Empty: a full, active member."""
    reasons = (
        (person.deleted, _("is deactivated in Slack")),
        (person.bot, _("is a bot")),
        (person.guest, _("is a guest")),
        (person.outside, _("is not known to belong to this Slack workspace")),
    )
    return next((why for applies, why in reasons if applies), "")
