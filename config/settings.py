"""The configuration file as one frozen object, or as one error that lists every fault by its key.

Over 250 lines because it is the one list of all keys. The reference is made from it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from config.actors import Actors
from config.client_book import Address, ApprovalSettings, ClientSettings, RisingDays, StrategyName
from config.faults import describe
from config.fields import (
    ApiUrl,
    ChannelId,
    Country,
    DatabaseUrl,
    GroupId,
    Key,
    LanguageCode,
    Limit,
    PublicKey,
    SettingsTable,
    Span,
    SyslogAddress,
    TimeOfDay,
    UserId,
    Zone,
)
from config.secrets import ProxyUrl, Secret
from config.stages import StageSettings
from config.text import _, ngettext

Table = TypeVar("Table", bound=BaseModel)
Filled = Annotated[str, Field(min_length=1)]


class SettingsError(Exception):
    """The configuration cannot be used. `faults` has one line for each fault: `key: fault`."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        said = ngettext("{path} has {count} fault:", "{path} has {count} faults:", len(faults))
        head = said.format(path=path, count=len(faults))
        super().__init__("\n".join([head, *(f"  {fault}" for fault in faults)]))
        self.faults = faults


class Company(SettingsTable):
    """The company, and the system that lists all its people."""

    name: Filled
    """The company's name, as messages show it."""
    language: LanguageCode = "en"
    """Language of who chose none: `en`, `pl`, `ru`, `zh_Hans` or `zh_Hant`."""
    timezone: Zone = "UTC"
    """Time zone of days, audits and last working days, unless a person's own is known."""
    end_of_day: TimeOfDay = time(17, 0)
    """End of a last working day, in the leaver's own time zone."""
    friday_end: TimeOfDay | None = None
    """End of a last working day on a Friday, if that is earlier: `"12:00"`."""
    holidays: Country = ""
    """Country of the public holidays, `"DE"`, or a part of it, `"DE-BY"`. A last day on a holiday gives a warning."""
    directory: str
    """Name of the system in [systems] in which people are looked up first. Its account ids key the cases."""


class Storage(SettingsTable):
    """The rows and their keys."""

    path: Path = Path("/var/lib/handover")
    """Folder for the SQLite files and the process lock. Only the bot's own user needs to read it."""
    url: DatabaseUrl = Field(default="", repr=False)
    """Empty: SQLite files in `path`. `postgresql://...`: that database. With a password in it: `env:NAME`."""
    master_key: Key
    """32 bytes in base64 that encrypt every case's own key. Keep a copy: without it all personal data is lost."""
    former_master_keys: tuple[Key, ...] = ()
    """Earlier master keys, newest first, until `handover rotate-key` has put every key under the new one."""
    signing_key: Key
    """32 bytes in base64: the Ed25519 seed that signs the journal's head."""
    mark_keys: tuple[Key, ...] = ()
    """Keys of the marks on decisions, newest first: 32 bytes in base64 each. Empty: one key from `master_key`."""
    former_public_keys: tuple[PublicKey, ...] = ()
    """Public halves of earlier signing keys, in base64. Heads that they signed still verify."""
    heads_file: Path | None = None
    """File that gets each signed head of the journal as a line. Default: `journal-heads.txt` in `path`."""
    heads_syslog: SyslogAddress = ""
    """Syslog that gets each signed head as well: `host:514` (UDP), or a socket such as `/dev/log`."""

    @property
    def kept_heads(self) -> Path:
        """The file of heads."""
        return self.heads_file or self.path / "journal-heads.txt"


class Slack(SettingsTable):
    """The workspace and its connection."""

    mode: Literal["socket", "http"] = "socket"
    """`socket`: the bot calls Slack, without a public address. `http`: Slack calls `host`:`port` behind a TLS proxy."""
    bot_token: Secret
    """The bot's token, `xoxb-...`."""
    app_token: Secret | None = Field(default=None, validate_default=True)
    """The app-level token with connections:write, `xapp-...`; needed by `mode = "socket"`."""
    signing_secret: Secret | None = Field(default=None, validate_default=True)
    """Proves that a request is Slack's; needed by `mode = "http"`."""
    api_url: ApiUrl = "https://slack.com/api/"
    """Address of Slack's Web API."""
    proxy: ProxyUrl | None = None
    """An HTTP proxy on the way to Slack. Default: the variable HTTPS_PROXY or HTTP_PROXY, if there is one."""
    host: str = "127.0.0.1"
    """Address to listen on, for `mode = "http"`. Only signed requests are answered there."""
    port: int = Field(default=3000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    case_channel: ChannelId
    """Channel id for the case messages. Leavers should not be members."""
    security_channel: ChannelId
    """Channel id for export snapshots: private, for security alone."""
    audit_channel: ChannelId
    """Channel id for the daily audit."""
    channel_language: LanguageCode | None = None
    """Language of messages in channels. Default: `company.language`."""
    use_locale: bool = True
    """True: Slack's language of a person counts if the person chose none in Handover, unless it is English."""

    @field_validator("app_token", "signing_secret")
    @classmethod
    def _needed(cls, value: Any, info: ValidationInfo) -> Any:
        needs = {"app_token": "socket", "signing_secret": "http"}[info.field_name or ""]
        if value is None and info.data.get("mode") == needs:
            raise ValueError(_('is missing; mode = "{needs}" needs it').format(needs=needs))
        return value


class Health(SettingsTable):
    """The address of `/healthz` and `/metrics`, for your own monitoring."""

    host: str = "127.0.0.1"
    """Address to listen on. Everybody who reaches it can read the figures: never make it public."""
    port: int = Field(default=3001, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""


class Logs(SettingsTable):
    """The bot's log: one JSON object a line on standard error, in UTC, without personal data."""

    level: Literal["info", "warning", "error"] = "info"
    """Lowest level that is written. `info` has a line for each event: case opened, system locked, finding, audit."""


class Role(SettingsTable):
    """The holders of a role: Slack user ids, and Slack user group ids if the workspace's plan has groups."""

    users: tuple[UserId, ...] = ()
    """Slack user ids."""
    groups: tuple[GroupId, ...] = ()
    """Slack user group ids. Every member has the role."""


class Roles(SettingsTable):
    """The four roles. Nobody holds an empty role."""

    hr: Role = Role()
    """Opens, schedules and cancels cases, and sees their status."""
    approver: Role = Role()
    """May be chosen to decide on a split of clients."""
    security: Role = Role()
    """Retries, locks again, sees exports, runs audits."""
    admin: Role = Role()
    """As security, and operates the bot."""


FollowUpDays = RisingDays


class PolicySettings(SettingsTable):
    """Guard rails, and times of checks."""

    protected: tuple[str, ...] = ()
    """Addresses, log-ins and account ids that are never locked: service and emergency accounts.

    `"crm:boss"` protects that log-in in the system `crm` alone. A name that contains a colon needs this form.
    """
    undo_days: int = Field(default=30, gt=0)
    """Days after a lock-out within which it can be undone."""
    mass_cases_per_hour: int = Field(default=10, gt=0)
    """Cases that may be opened in an hour. More are held until a second person from security releases them."""
    mass_share: float = Field(default=0.1, gt=0, le=1)
    """Share of the directory's people whose cases may open or take effect within a day. From the third case on, more
    are held until a second person from security releases them. The same holds if the directory does not give the
    number of people. 1: no such limit."""
    immediate_needs_second: bool = False
    """True: a lock-out at once, or within the hour, waits until a second person from security or HR releases it."""
    follow_up_days: FollowUpDays = (1, 7, 30, 90)
    """Days after the lock on which a case is checked again."""
    audit_at: TimeOfDay = time(8, 0)
    """Time of the daily audit, in the company's time zone."""
    relock: bool = False
    """True: an account that an audit finds open again is locked again at once, without asking."""
    escalate_after_hours: int = Field(default=24, gt=0)
    """Hours that a finding waits for somebody to take it. Then security and administrators are told in person."""
    dormant_days: int = Field(default=0, ge=0)
    """Days without a log-in after which an account is a finding, if the system tells. 0: not looked for."""
    accept_days: int = Field(default=30, gt=0)
    """Days for which a finding may be accepted. It comes back when the last day is over."""
    none_days: int = Field(default=365, gt=0)
    """Days for which a person's word counts that a leaver has no account in a system. Then it is asked again."""
    retry_minutes: int = Field(default=5, gt=0)
    """Minutes before the next try at a system that did not answer."""
    keep_days: int = Field(default=400, ge=0)
    """Days for which done audits and follow-ups are kept, with their messages. 0: for good. The journal stays."""


class ProfileSettings(SettingsTable):
    """Values for the cases of one group of people. Whoever opens a case chooses the profile, and can change them."""

    strategy: StrategyName | None = None
    """Strategy of the split. Default: `clients.default_strategy`."""
    approver: Address | None = None
    """Address of the person who decides on the clients. Default: the line manager."""
    successors: tuple[Address, ...] = ()
    """Addresses of the colleagues who receive the clients."""
    follow_up_days: Annotated[FollowUpDays, Field(min_length=1)] | None = None
    """Days after the lock on which a case is checked again. Default: `policy.follow_up_days`."""
    stages: StageSettings | None = None
    """A table `[profiles.NAME.stages]` as `[stages]`, which it replaces for these cases. Default: `[stages]`."""

    @model_validator(mode="after")
    def _one_way(self) -> "ProfileSettings":
        if self.strategy == "single" and len(self.successors) > 1:
            raise ValueError(_('strategy = "single" takes one successor, and several are named'))
        return self


class ExportSettings(SettingsTable):
    """The export track."""

    look_back_days: int = Field(default=60, gt=0)
    """Days before the notice for which export logs are read."""


class Common(SettingsTable):
    """Keys that a `[systems.NAME]` table of any kind may have."""

    expects_account: StrictBool | None = None
    """True: every person should have an account there. A leaver without one is then a finding ("not linked") and never
    "no account". By default true for the company's directory, and false for other systems."""
    administrators: tuple[Filled, ...] = ()
    """Names or ids of the groups with full power. Their last enabled member is never locked."""
    restrict_before: Span | None = None
    """Time before a scheduled lock-out at which the leaver leaves `restrict_groups`: `"7d"`, `"36h"`."""
    restrict_groups: tuple[Filled, ...] = ()
    """Names or ids of groups that a leaver leaves at `restrict_before`. A cancel restores them."""
    request_limit: Limit | None = None
    """Limit on requests from the vendor or your contract: `"190/10s"`. All bots together keep it."""
    records_at_once: int | None = Field(default=None, gt=0)
    """Most records in one move call, if the system accepts fewer than its connector sends."""

    @model_validator(mode="after")
    def _whole(self) -> "Common":
        if (self.restrict_before is None) != (not self.restrict_groups):
            raise ValueError(_("restrict_before, restrict_groups: each needs the other"))
        return self


class SystemSettings(BaseModel):
    """One `[systems.NAME]` table: the kind, and that kind's own settings."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    kind: str
    settings: BaseModel
    common: Common = Common()
    """Keys that every kind has."""


class Settings(SettingsTable):
    """The whole file."""

    company: Company
    storage: Storage
    slack: Slack
    health: Health = Health()
    logs: Logs = Logs()
    roles: Roles = Roles()
    actors: Actors = Field(default_factory=dict)
    """The people and the scripts who act at the terminal, each in a table `[actors.NAME]`."""
    policy: PolicySettings = PolicySettings()
    clients: ClientSettings = ClientSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    exports: ExportSettings = ExportSettings()
    stages: StageSettings = StageSettings()
    profiles: dict[Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,75}$")], ProfileSettings] = Field(
        default_factory=dict, max_length=100
    )
    """One table `[profiles.NAME]` for each group of people whose cases begin alike, such as `[profiles.sales]`."""
    systems: dict[str, SystemSettings] = Field(default_factory=dict)
    """The outside systems, each under a name of your choice."""


Kinds = Callable[[str], type[BaseModel]]
"""Function that returns a kind's settings class, or raises LookupError with the known kinds."""


def load(path: Path, env: Mapping[str, str], kinds: Kinds) -> Settings:
    """Read the file. Raises `SettingsError` with every fault at once, each system's own settings included."""
    raw, faults = _read(path), list[str]()
    tables = raw.pop("systems", {})
    settings = _validated(Settings, raw, env, "", faults)
    if not isinstance(tables, dict) or not tables:
        faults.append(_("systems: no system is configured; add at least one [systems.NAME] table"))
        tables = {}
    systems = {name: _system(name, table, env, kinds, faults) for name, table in tables.items()}
    faults += _directory(raw, tables) + _protected(raw, tables) + _roles(raw)
    faults += _introductions(settings, tables) if settings else []
    faults += _profiles(settings) if settings else []
    if faults or settings is None:
        raise SettingsError(path, faults)
    return settings.model_copy(update={"systems": systems})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            path, [_("cannot be read: {why}; `handover init` writes one").format(why=error.strerror)]
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(path, [_("is not TOML: {why}").format(why=error)]) from error


def _directory(raw: Mapping[str, Any], tables: Mapping[str, Any]) -> list[str]:
    company = raw.get("company")
    name = company.get("directory") if isinstance(company, dict) else None
    if not isinstance(name, str) or name in tables:
        return []
    said = _("company.directory: {name!r} is not one of the systems ({known})")
    return [said.format(name=name, known=", ".join(tables) or _("none"))]


def _protected(raw: Mapping[str, Any], tables: Mapping[str, Any]) -> list[str]:
    """Find protected names whose system is not configured. They would protect nobody."""
    policy = raw.get("policy")
    names = policy.get("protected") if isinstance(policy, dict) else None
    known = {name.casefold() for name in tables}
    return [
        _("policy.protected: {name!r} names no system ({known}); what stands before the colon must be one").format(
            name=name, known=", ".join(tables) or _("none")
        )
        for name in (names if isinstance(names, list) else [])
        if isinstance(name, str) and ":" in name and name.partition(":")[0].strip().casefold() not in known
    ]


def _introductions(settings: Settings, tables: Mapping[str, Any]) -> list[str]:
    """Find systems that are to tell clients and are not configured. They would tell nobody."""
    said = _("clients.introductions.systems: {name!r} is not one of the systems ({known})")
    known = ", ".join(tables) or _("none")
    named = settings.clients.introductions.systems
    return [said.format(name=name, known=known) for name in named if name not in tables]


def _profiles(settings: Settings) -> list[str]:
    """Find profiles whose strategy has no rules to go by."""
    said = _('profiles.{name}: strategy = "rules" needs at least one [[clients.rules]] table')
    wrong = [name for name, one in settings.profiles.items() if one.strategy == "rules" and not settings.clients.rules]
    return [said.format(name=name) for name in wrong]


def _roles(raw: Mapping[str, Any]) -> list[str]:
    roles = raw.get("roles", {})
    holders = (
        [role.get(key) for role in roles.values() if isinstance(role, dict) for key in ("users", "groups")]
        if isinstance(roles, dict)
        else [roles]
    )
    if any(holders):
        return []
    return [_('roles: nobody has a role, so nobody could use the bot; begin with [roles.hr] users = ["U..."]')]


def _system(name: str, table: Any, env: Mapping[str, str], kinds: Kinds, faults: list[str]) -> SystemSettings | None:
    key = f"systems.{name}"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        faults.append(_("{key}: the name may have letters, digits, - and _ only").format(key=key))
    if not isinstance(table, dict) or not isinstance(table.get("kind"), str):
        wrong = _("{key}.kind: is missing") if isinstance(table, dict) else _("{key}: must be a table")
        faults.append(wrong.format(key=key))
        return None
    try:
        model = kinds(table["kind"])
    except LookupError as error:
        faults.append(f"{key}.kind: {error.args[0]}")
        return None
    shared = {name: value for name, value in table.items() if name in Common.model_fields}
    rest = {name: value for name, value in table.items() if name not in ("kind", *shared)}
    common = _validated(Common, shared, env, key, faults)
    own = _validated(model, rest, env, key, faults)
    return SystemSettings(kind=table["kind"], settings=own, common=common) if common and own else None


def _validated(
    model: type[Table], raw: Mapping[str, Any], env: Mapping[str, str], key: str, faults: list[str]
) -> Table | None:
    """Return a valid table, or None after its faults were added."""
    try:
        return model.model_validate(raw, context={"env": env})
    except ValidationError as error:
        faults.extend(describe(model, error, key))
        return None
