"""Checks of Slack: token, scopes, app token, clock and channels."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.cli.checks import Check, CheckResult
from bot.slack.manifest import manifest
from bot.slack.people import HomeTeam, home_team
from bot.slack.shared_channels import objection
from bot.text import N_, _, listed, punctuated
from config.settings import Slack

SECONDS = 8
SKEW = 60
"""Seconds. Requests are refused when five minutes old, and a clock drifts further until somebody corrects it."""
CASES = "case_channel"
CHANNELS = (CASES, "security_channel", "audit_channel")
REASONS: Mapping[str, str] = {
    "invalid_auth": N_("slack.bot_token is not a token of this workspace. Copy it from OAuth & Permissions."),
    "not_authed": N_("slack.bot_token is empty."),
    "token_revoked": N_("The token was revoked. Install the app again, and copy the new token."),
    "account_inactive": N_("The bot's user was removed. Install the app again, and copy the new token."),
    "not_allowed_token_type": N_("slack.bot_token must be the xoxb- token, slack.app_token the xapp- one."),
    "missing_scope": N_("Install the app again from `handover manifest`."),
    "channel_not_found": N_("Correct the id. A private channel is found only after /invite @handover in it."),
}
UNKNOWN_REASON = N_("See https://docs.slack.dev for this error.")


def client(slack: Slack, seconds: int) -> WebClient:
    """Return a client for the workspace, with a time limit for each call. The caller prints faults, no log does."""
    silent = logging.getLogger(__name__)
    silent.disabled = True
    token = slack.bot_token.get_secret_value()
    return WebClient(
        token, base_url=slack.api_url, timeout=seconds, proxy=slack.proxy, retry_handlers=[], logger=silent
    )


def network_reason(error: OSError) -> str:
    """Return the network's own reason, without the library's wrapping."""
    return str(getattr(error, "reason", error))


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
    """Judge one answer to auth.test: identity, scopes, and Slack's time."""
    headers = {key.lower(): value for key, value in answer.headers.items()}
    said = _("{bot} in {team}").format(bot=answer.get("user", "?"), team=answer.get("team", "?"))
    return [
        CheckResult("Slack", True, said),
        scopes(headers.get("x-oauth-scopes"), mode),
        clock(headers.get("date"), now),
    ]


def scopes(granted: str | None, mode: str) -> CheckResult:
    """Compare the token's scopes with the manifest's."""
    what = _("Slack scopes")
    if granted is None:
        return CheckResult(
            what,
            False,
            _("Slack did not report the token's scopes"),
            _("Try again. `handover manifest` lists the scopes."),
        )
    wanted = set(manifest(mode)["oauth_config"]["scopes"]["bot"])
    lacking = sorted(wanted - {scope.strip() for scope in granted.split(",")})
    if lacking:
        return CheckResult(
            what,
            False,
            _("missing: {scopes}").format(scopes=listed(lacking)),
            _("Replace the app's manifest with the output of `handover manifest`. Install the app again."),
        )
    return CheckResult(what, True, _("all {count} granted").format(count=len(wanted)))


def clock(date: str | None, now: datetime) -> CheckResult:
    """Compare this machine's clock with Slack's."""
    what = _("Clock")
    try:
        skew = (now - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError):
        return CheckResult(what, False, _("Slack did not report its time"), _("Try again."))
    return CheckResult(
        what,
        abs(skew) <= SKEW,
        _("{skew:+.0f} s from Slack's").format(skew=skew),
        _("Set this machine's clock by NTP. With a wrong clock, requests are refused."),
    )


def channel(found: Mapping[str, Any], what: str, home: HomeTeam) -> CheckResult:
    """Judge a channel as conversations.info describes it. `home`: the bot's own workspace."""
    name = f"#{found.get('name', found['id'])}"
    if found.get("is_archived"):
        return CheckResult(
            what, False, _("{name} is archived").format(name=name), _("Unarchive it, or configure another channel.")
        )
    if not (found.get("is_member") or found.get("is_im")):
        return CheckResult(
            what,
            False,
            _("the bot is not in {name}").format(name=name),
            _("In Slack, write /invite @handover in {name}.").format(name=name),
        )
    if why := objection(found, home, secret=what != f"slack.{CASES}"):
        return CheckResult(
            what,
            False,
            punctuated("{name}: {why}").format(name=name, why=why),
            _("Configure a private channel that nobody outside can read. Until then its people get direct messages."),
        )
    return CheckResult(
        what, True, name if found.get("is_private") or found.get("is_im") else _("{name}, public").format(name=name)
    )


def socket(asking: WebClient, app_token: str) -> list[CheckResult]:
    """Ask for a Socket Mode address, which proves the app token. Connects nothing."""
    asking.apps_connections_open(app_token=app_token)
    return [CheckResult(_("Slack app token"), True, _("Socket Mode works"))]


def _channel_check(asking: WebClient, key: str, channel_id: str) -> Check:
    what = f"slack.{key}"

    def look() -> list[CheckResult]:
        found = asking.conversations_info(channel=channel_id)["channel"]
        return [channel(found, what, home_team(asking.auth_test()))]

    return Check(what, lambda: _answered(what, look))


def _answered(what: str, look: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    try:
        return look()
    except SlackApiError as error:
        reason = str(error.response.get("error", ""))
        return [CheckResult(what, False, reason, _(REASONS.get(reason, UNKNOWN_REASON)))]
    except OSError as error:
        return [CheckResult(what, False, network_reason(error), _("Allow HTTPS from this machine to slack.api_url."))]
