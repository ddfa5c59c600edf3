"""Slack: token, scopes, app token, our clock against Slack's, and every channel."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.cli.checks.result import Check, CheckResult
from bot.cli.slack_profiles import client, plainly
from bot.slack.manifest import manifest
from bot.text import _
from config.settings import Slack

SECONDS = 8
SKEW = 60
"""Seconds; Slack's signatures are refused when five minutes old, and our clock may drift on until somebody looks."""
CHANNELS = ("case_channel", "security_channel", "audit_channel")
REASONS: Mapping[str, str] = {
    "invalid_auth": "slack.bot_token is not a token of this workspace: copy it from OAuth & Permissions.",
    "not_authed": "slack.bot_token is empty.",
    "token_revoked": "The token was revoked: install the app again and copy the new token.",
    "account_inactive": "The bot's user was removed: install the app again and copy the new token.",
    "not_allowed_token_type": "slack.bot_token must be the xoxb- token, slack.app_token the xapp- one.",
    "missing_scope": "Install the app again from `handover manifest`.",
    "channel_not_found": "Correct the id; a private channel is found only once the bot has been invited: /invite.",
}


def checks(slack: Slack) -> list[Check]:
    """Return the checks of the workspace."""
    asking = client(slack, SECONDS)
    found = [
        Check("Slack", lambda: _answered("Slack", lambda: token(asking.auth_test(), slack.mode, datetime.now(UTC))))
    ]
    found += [_channel_check(asking, key, getattr(slack, key)) for key in CHANNELS]
    if slack.mode == "socket" and slack.app_token:
        app_token = slack.app_token.get_secret_value()
        found.append(
            Check(_("Slack app token"), lambda: _answered(_("Slack app token"), lambda: socket(asking, app_token)))
        )
    return found


def token(answer: SlackResponse, mode: str, now: datetime) -> list[CheckResult]:
    """Judge one answer to auth.test: who we are, what we may do, and how late it is for Slack."""
    headers = {key.lower(): value for key, value in answer.headers.items()}
    said = _("{bot} in {team}").format(bot=answer.get("user", "?"), team=answer.get("team", "?"))
    return [
        CheckResult("Slack", True, said),
        scopes(headers.get("x-oauth-scopes"), mode),
        clock(headers.get("date"), now),
    ]


def scopes(granted: str | None, mode: str) -> CheckResult:
    """Compare what the token may do with what the manifest asks for."""
    what = _("Slack scopes")
    if granted is None:
        return CheckResult(
            what, False, _("Slack did not say which scopes the token has"), _("Try again; see `handover manifest`.")
        )
    wanted = set(manifest(mode)["oauth_config"]["scopes"]["bot"])
    lacking = sorted(wanted - {scope.strip() for scope in granted.split(",")})
    if lacking:
        return CheckResult(
            what,
            False,
            _("missing: {scopes}").format(scopes=", ".join(lacking)),
            _("Replace the app's manifest by what `handover manifest` prints, and install the app again."),
        )
    return CheckResult(what, True, _("all {count} granted").format(count=len(wanted)))


def clock(date: str | None, now: datetime) -> CheckResult:
    """Compare our clock with Slack's."""
    what = _("Clock")
    try:
        skew = (now - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError):
        return CheckResult(what, False, _("Slack did not say what time it is"), _("Try again."))
    return CheckResult(
        what,
        abs(skew) <= SKEW,
        _("{skew:+.0f} s from Slack's").format(skew=skew),
        _("Let NTP set this machine's clock: with a wrong one, Slack's requests are refused."),
    )


def channel(answer: Mapping[str, Any], what: str) -> CheckResult:
    """Judge one answer to conversations.info."""
    found = answer["channel"]
    name = f"#{found.get('name', found['id'])}"
    if found.get("is_archived"):
        return CheckResult(
            what, False, _("{name} is archived").format(name=name), _("Open it again or configure another.")
        )
    if not (found.get("is_member") or found.get("is_im")):
        return CheckResult(
            what,
            False,
            _("the bot is not in {name}").format(name=name),
            _("Write /invite @handover in {name}.").format(name=name),
        )
    return CheckResult(
        what, True, name if found.get("is_private") or found.get("is_im") else _("{name}, public").format(name=name)
    )


def socket(asking: WebClient, app_token: str) -> list[CheckResult]:
    """Ask for a Socket Mode address, which proves the app token; nothing is connected."""
    asking.apps_connections_open(app_token=app_token)
    return [CheckResult(_("Slack app token"), True, _("Socket Mode is open to us"))]


def _channel_check(asking: WebClient, key: str, channel_id: str) -> Check:
    what = f"slack.{key}"

    def look() -> list[CheckResult]:
        data = asking.conversations_info(channel=channel_id).data
        return [channel(data if isinstance(data, dict) else {}, what)]

    return Check(what, lambda: _answered(what, look))


def _answered(what: str, look: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    try:
        return look()
    except SlackApiError as error:
        reason = str(error.response.get("error", ""))
        return [CheckResult(what, False, reason, _(REASONS.get(reason, "See https://docs.slack.dev for this error.")))]
    except OSError as error:
        return [CheckResult(what, False, plainly(error), _("Let this machine reach slack.api_url over HTTPS."))]
