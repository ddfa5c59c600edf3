"""The practice company in Slack: everybody of the common list, plus the kinds of account that bots trip over."""

from tests.sandbox.company.people import ADMIN, PEOPLE, Employee, Team
from tests.sandbox.slack.records import TEAM, Channel, Group, User

BOT = "U0HANDOVER"
SLACKBOT = "USLACKBOT"
OTHER_BOT = "U0BUILDBOT"
GUEST = "U0GWENGUEST"
SINGLE_CHANNEL_GUEST = "U0ONECHANNEL"
DEACTIVATED = "U0FORMERFRED"
STRANGER = "U0EXTERNALEL"
"""Somebody of another company who shares a channel by Slack Connect. Slack sends `is_stranger` false or not at all."""

GENERAL = "C0GENERAL"
OFFBOARDING = "C0OFFBOARDING"
SECURITY_ALERTS = "C0SECURITYALERTS"
ACCESS_AUDIT = "C0ACCESSAUDIT"
NO_BOT = "C0SALESFLOOR"
"""A public channel which the bot has not joined."""
SECRET = "C0BOARDROOM"
"""A private channel which the bot has not joined: to the bot it does not exist."""

HR_GROUP = "S0HR"
SECURITY_GROUP = "S0SECURITY"
ADMIN_GROUP = "S0ADMINS"


def users() -> list[User]:
    """All accounts of the workspace, the app's own bot user among them."""
    staff = [_member(person) for person in PEOPLE]
    ids = {user.id for user in staff}
    if len(ids) != len(staff):
        raise ValueError("two people of the practice company share a Slack id")
    odd = [
        User(BOT, "handover", "Handover", is_bot=True, title="Offboarding bot"),
        User(SLACKBOT, "slackbot", "Slackbot", is_bot=True),
        User(OTHER_BOT, "buildbot", "Build Bot", is_bot=True),
        User(GUEST, "gwen.guest", "Gwen Guest", "gwen@agency.example", "Guest, agency", is_restricted=True),
        User(
            SINGLE_CHANNEL_GUEST,
            "one.channel",
            "Ona Channel",
            "ona@agency.example",
            "Guest",
            is_restricted=True,
            is_ultra_restricted=True,
        ),
        User(
            DEACTIVATED, "former.fred", "Fred Former", "former.fred@northwind.example", "Account manager", deleted=True
        ),
        User(STRANGER, "ellen.external", "Ellen External", "ellen@partner.example", "Partner", team="T0PARTNER"),
    ]
    return staff + odd


def groups() -> list[Group]:
    """HR, security and admins as user groups."""
    return [
        Group(HR_GROUP, "hr", "People team", _of(Team.PEOPLE)),
        Group(SECURITY_GROUP, "security", "Security", _of(Team.SECURITY)),
        Group(ADMIN_GROUP, "admins", "IT operations", [ADMIN.slack_id]),
    ]


def channels(everyone: list[User]) -> list[Channel]:
    """The channels with their members."""
    active = {user.id for user in everyone if not user.deleted and user.team == TEAM and not user.is_ultra_restricted}
    trusted = {*_of(Team.PEOPLE), *_of(Team.SECURITY), ADMIN.slack_id, BOT}
    return [
        Channel(GENERAL, "general", active - {SLACKBOT}),
        Channel(OFFBOARDING, "offboarding", set(trusted), private=True),
        Channel(SECURITY_ALERTS, "security-alerts", {*_of(Team.SECURITY), ADMIN.slack_id, BOT}, private=True),
        Channel(ACCESS_AUDIT, "access-audit", set(trusted), private=True),
        Channel(NO_BOT, "sales-floor", {*_of(Team.SALES), *_of(Team.BOARD)}),
        Channel(SECRET, "board-room", set(_of(Team.BOARD)), private=True),
    ]


def _member(person: Employee) -> User:
    admin = person.uid == ADMIN.uid
    return User(person.slack_id, person.uid, person.name, person.email, person.title, person.timezone, is_admin=admin)


def _of(team: Team) -> list[str]:
    return [person.slack_id for person in PEOPLE if person.team is team]
