"""The app's installation in the workspace: its tokens, scopes, commands and addresses."""

from dataclasses import dataclass, field

from tests.sandbox.slack.seed import BOT

SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "im:write",
        "im:read",
        "im:history",
        "users:read",
        "users:read.email",
        "usergroups:read",
        "files:write",
        "files:read",
        "channels:read",
        "channels:history",
        "channels:join",
        "groups:read",
        "groups:history",
        "metadata.message:read",
    }
)


@dataclass(frozen=True)
class Command:
    """One slash command as registered; `should_escape` turns `@name` into `<@U…|name>`."""

    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


@dataclass
class AppSettings:
    """The installed app. With `url`s set deliveries go by signed HTTP, with none over Socket Mode."""

    id: str = "A0HANDOVER"
    bot_user: str = BOT
    bot_id: str = "B0HANDOVER"
    bot_token: str = field(default="xoxb-practice", repr=False)
    app_token: str = field(default="xapp-practice", repr=False)
    signing_secret: str = field(default="practice-signing-secret", repr=False)
    scopes: frozenset[str] = SCOPES
    app_scopes: frozenset[str] = frozenset({"connections:write"})
    commands: dict[str, Command] = field(
        default_factory=lambda: {"/offboard": Command("Start or look up an offboarding", "@person | status | help")}
    )
    events: frozenset[str] = frozenset({"app_home_opened", "member_joined_channel"})
    command_url: str = ""
    interactivity_url: str = ""
    options_url: str = ""
    events_url: str = ""

    def use_url(self, url: str) -> None:
        """One address for everything, as Bolt's adapters have it."""
        self.command_url = self.interactivity_url = self.options_url = self.events_url = url

    def url(self, kind: str) -> str:
        """The address for `slash_commands`, `interactive`, `options` or `events_api`; empty means Socket Mode."""
        return {
            "slash_commands": self.command_url,
            "interactive": self.interactivity_url,
            "options": self.options_url or self.interactivity_url,
            "events_api": self.events_url,
        }[kind]
