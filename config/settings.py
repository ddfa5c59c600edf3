"""The configuration file as one frozen object, or as one error that lists every fault by its key.

Over 250 lines because it is the one list of all keys; what they mean is in the reference made from it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from config.approvals import ApprovalSettings
from config.client_book import ClientSettings
from config.common import Common
from config.faults import describe
from config.fields import ApiUrl, ChannelId, Country, DatabaseUrl, GroupId, Key, TimeOfDay, UserId, Zone
from config.secrets import Secret
from config.table import SettingsTable


class SettingsError(Exception):
    """The configuration cannot be used; `faults` has a line for each fault, `key: what is wrong`."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        super().__init__("\n".join([f"{path} has {len(faults)} fault(s):", *(f"  {fault}" for fault in faults)]))
        self.faults = faults


class Company(SettingsTable):
    """Who we are, and which system knows everybody."""

    name: str = Field(min_length=1)
    """The company's name, as messages show it."""
    timezone: Zone = "UTC"
    """Where nothing better is known: days, audits and last working days are counted here."""
    end_of_day: TimeOfDay = time(17, 0)
    """When a last working day ends, in the leaver's own time zone."""
    friday_end: TimeOfDay | None = None
    """When it ends on a Friday, where that is earlier: `"12:00"`."""
    holidays: Country = ""
    """Country whose public holidays count, `"DE"`, or a part of it, `"DE-BY"`: who chooses one as last day is told."""
    directory: str
    """Name of the system in [systems] that people are looked up in first; its account ids key the cases."""


class Storage(SettingsTable):
    """Where rows are kept, and under which keys."""

    path: Path = Path("/var/lib/handover")
    """Folder for the SQLite files and the process lock; only the bot's own user needs to read it."""
    url: DatabaseUrl = Field(default="", repr=False)
    """Empty: SQLite files in `path`. `postgresql://...`: that database; with a password in it: `env:NAME`."""
    master_key: Key
    """32 bytes in base64: encrypts every case's own key. Losing it loses all personal data; keep a copy elsewhere."""
    signing_key: Key
    """32 bytes in base64: the Ed25519 seed that signs the journal's head."""


class Slack(SettingsTable):
    """The workspace, and how it reaches us."""

    mode: Literal["socket", "http"] = "socket"
    """`socket`: we call Slack, no public address needed. `http`: Slack calls `host`:`port` behind your TLS proxy."""
    bot_token: Secret
    """The bot's token, `xoxb-...`."""
    app_token: Secret | None = Field(default=None, validate_default=True)
    """The app-level token with connections:write, `xapp-...`; needed by `mode = "socket"`."""
    signing_secret: Secret | None = Field(default=None, validate_default=True)
    """Proves that a request is Slack's; needed by `mode = "http"`."""
    api_url: ApiUrl = "https://slack.com/api/"
    """Where Slack's Web API is."""
    host: str = "127.0.0.1"
    """Address to listen on: `mode = "http"`, health and metrics."""
    port: int = Field(default=3000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    case_channel: ChannelId
    """Channel id: one message a case, kept up to date. Leavers should not be members."""
    security_channel: ChannelId
    """Channel id: what leavers exported; private, security's own."""
    audit_channel: ChannelId
    """Channel id: the daily audit."""

    @field_validator("app_token", "signing_secret")
    @classmethod
    def _needed(cls, value: Any, info: ValidationInfo) -> Any:
        needs = {"app_token": "socket", "signing_secret": "http"}[info.field_name or ""]
        if value is None and info.data.get("mode") == needs:
            raise ValueError(f'is missing; mode = "{needs}" needs it')
        return value


class Role(SettingsTable):
    """Who has a role: Slack user ids, and Slack user group ids where the plan has groups."""

    users: tuple[UserId, ...] = ()
    """Slack user ids."""
    groups: tuple[GroupId, ...] = ()
    """Slack user group ids: everybody in them has the role."""


class Roles(SettingsTable):
    """The four roles; an empty role is held by nobody."""

    hr: Role = Role()
    """Opens, schedules and cancels cases, and sees their status."""
    approver: Role = Role()
    """May be chosen to decide on a split of clients."""
    security: Role = Role()
    """Retries, locks again, sees exports, runs audits."""
    admin: Role = Role()
    """As security; looks after the bot."""


def _days(days: tuple[int, ...]) -> tuple[int, ...]:
    if list(days) != sorted(set(days)):
        raise ValueError("must rise, each day once, such as [1, 7, 30, 90]")
    return days


class PolicySettings(SettingsTable):
    """What is never done, and when things are checked."""

    protected: tuple[str, ...] = ()
    """Addresses, log-ins and account ids that are never locked: service and break-glass accounts, the last admin.

    `"crm:boss"` protects that log-in in the system `crm` alone; a name that has a colon itself is written so, too.
    """
    undo_days: int = Field(default=30, gt=0)
    """How many days after a lock-out it can still be undone."""
    mass_cases_per_hour: int = Field(default=10, gt=0)
    """How many cases may be opened in an hour; more are held until a second person from security releases them."""
    mass_share: float = Field(default=0.1, gt=0, le=1)
    """What share of the directory's people may have cases opened, or taking effect, within a day; from the third case
    on, more are held until a second person from security releases them, also where the directory does not say how many
    people there are. 1: no such limit."""
    immediate_needs_second: bool = False
    """Whether a lock-out at once, or within the hour, waits until a second person from security or HR releases it."""
    follow_up_days: Annotated[tuple[Annotated[int, Field(gt=0)], ...], AfterValidator(_days)] = (1, 7, 30, 90)
    """Days after the lock on which a case is checked again."""
    audit_at: TimeOfDay = time(8, 0)
    """When the daily audit runs, in the company's time zone."""
    relock: bool = False
    """Whether an account that an audit finds open again is locked again at once, without asking anybody."""
    escalate_after_hours: int = Field(default=24, gt=0)
    """How long a finding may wait for somebody to take it before security and administrators are told in person."""
    dormant_days: int = Field(default=0, ge=0)
    """After how many days without a log-in an account is a finding, where the system tells; 0: not looked for."""
    accept_days: int = Field(default=30, gt=0)
    """How far ahead a finding may be accepted, in days; it comes back when that day is over."""
    retry_minutes: int = Field(default=5, gt=0)
    """How long a system that did not answer is left alone before the next try, in minutes."""


class ExportSettings(SettingsTable):
    """The export track."""

    look_back_days: int = Field(default=60, gt=0)
    """How far before the notice the systems' own export logs are read, in days."""


class SystemSettings(BaseModel):
    """One `[systems.NAME]` table: the kind, and that kind's own settings."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    kind: str
    settings: BaseModel
    expects_account: bool = False
    """Whether everybody should have an account there: a leaver without one is a finding, not "no account"."""
    common: Common = Common()
    """Keys that every kind has."""


class Settings(SettingsTable):
    """The whole file."""

    company: Company
    storage: Storage
    slack: Slack
    roles: Roles = Roles()
    policy: PolicySettings = PolicySettings()
    clients: ClientSettings = ClientSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    exports: ExportSettings = ExportSettings()
    systems: dict[str, SystemSettings] = Field(default_factory=dict)
    """The outside systems, each under a name of your own."""


EXPECTS = "expects_account"
"""A key of every `[systems.NAME]` table that is ours and not the kind's own."""
Kinds = Callable[[str], type[BaseModel]]
"""Gives a kind's settings class; raises LookupError with the known kinds. `connectors.registry` is one."""


def load(path: Path, env: Mapping[str, str], kinds: Kinds) -> Settings:
    """Read the file. Raises `SettingsError` with every fault at once, those of each system's own settings included."""
    raw = _read(path)
    faults: list[str] = []
    tables = raw.pop("systems", {})
    if not isinstance(tables, dict) or not tables:
        faults.append("systems: no system is configured; add at least one [systems.NAME] table")
        tables = {}
    systems = {name: _system(name, table, env, kinds, faults) for name, table in tables.items()}
    faults += _directory(raw, tables) + _protected(raw, tables) + _roles(raw)
    try:
        settings = Settings.model_validate(raw, context={"env": env})
    except ValidationError as error:
        faults[:0] = describe(Settings, error)
    if faults:
        raise SettingsError(path, faults)
    return settings.model_copy(update={"systems": systems})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(path, [f"cannot be read: {error.strerror}; `handover init` writes one"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(path, [f"is not TOML: {error}"]) from error


def _directory(raw: Mapping[str, Any], tables: Mapping[str, Any]) -> list[str]:
    company = raw.get("company")
    name = company.get("directory") if isinstance(company, dict) else None
    if not isinstance(name, str) or name in tables:
        return []
    return [f"company.directory: {name!r} is not one of the systems ({', '.join(tables) or 'none'})"]


def _protected(raw: Mapping[str, Any], tables: Mapping[str, Any]) -> list[str]:
    """Find names for systems that there are not: they would protect nobody, and nobody would notice."""
    policy = raw.get("policy")
    names = policy.get("protected") if isinstance(policy, dict) else None
    known = {name.casefold() for name in tables}
    return [
        f"policy.protected: {name!r} names no system ({', '.join(tables) or 'none'}); "
        "what stands before the colon must be one"
        for name in (names if isinstance(names, list) else [])
        if isinstance(name, str) and ":" in name and name.partition(":")[0].strip().casefold() not in known
    ]


def _roles(raw: Mapping[str, Any]) -> list[str]:
    roles = raw.get("roles", {})
    holders = (
        [role.get(key) for role in roles.values() if isinstance(role, dict) for key in ("users", "groups")]
        if isinstance(roles, dict)
        else [roles]
    )
    if any(holders):
        return []
    return ['roles: nobody has a role, so nobody could use the bot; begin with [roles.hr] users = ["U..."]']


def _system(name: str, table: Any, env: Mapping[str, str], kinds: Kinds, faults: list[str]) -> SystemSettings | None:
    key = f"systems.{name}"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        faults.append(f"{key}: the name may have letters, digits, - and _ only")
    if not isinstance(table, dict) or not isinstance(table.get("kind"), str):
        faults.append(f"{key}.kind: is missing" if isinstance(table, dict) else f"{key}: must be a table")
        return None
    try:
        model = kinds(table["kind"])
    except LookupError as error:
        faults.append(f"{key}.kind: {error.args[0]}")
        return None
    expects = table.get(EXPECTS, False)
    if not isinstance(expects, bool):
        faults.append(f"{key}.{EXPECTS}: must be true or false")
    common, own = _parts(table, model, env, key, faults)
    if common is None or own is None:
        return None
    return SystemSettings(kind=table["kind"], settings=own, expects_account=expects is True, common=common)


def _parts(
    table: Mapping[str, Any], model: type[BaseModel], env: Mapping[str, str], key: str, faults: list[str]
) -> tuple[Common | None, BaseModel | None]:
    """Read the keys of every kind, and the kind's own."""
    shared = {name: value for name, value in table.items() if name in Common.model_fields}
    rest = {name: value for name, value in table.items() if name not in ("kind", EXPECTS, *shared)}
    common = own = None
    try:
        common = Common.model_validate(shared)
    except ValidationError as error:
        faults.extend(describe(Common, error, key))
    try:
        own = model.model_validate(rest, context={"env": env})
    except ValidationError as error:
        faults.extend(describe(model, error, key))
    return common, own
