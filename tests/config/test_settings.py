"""The configuration: one object, or one error with every fault by its key, and never a secret's value."""

from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ConfigDict

from config.secrets import Secret
from config.settings import Settings, SettingsError, load
from config.stages import StageActName, StageSettings
from workflows.stage_acts import StageAct

KEY = "A" * 43 + "="
ENV = {
    "MASTER": KEY,
    "SIGNING": KEY,
    "BOT": "xoxb-1",
    "APP": "xapp-1",
    "DB": "postgresql://u:hunter2@db/x",
    "PW": "hunter2",
}
GOOD: dict[str, dict[str, Any]] = {
    "company": {"name": "Northwind", "directory": "shop"},
    "storage": {"master_key": "env:MASTER", "signing_key": "env:SIGNING"},
    "slack": {
        "bot_token": "env:BOT",
        "app_token": "env:APP",
        "case_channel": "C1",
        "security_channel": "G2",
        "audit_channel": "C3",
    },
    "roles.hr": {"users": ["U1"]},
    "systems.shop": {"kind": "shop", "password": "env:PW"},
}


class ShopSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    password: Secret
    depth: int = 3


def kinds(kind: str) -> type[BaseModel]:
    if kind != "shop":
        raise LookupError(f"{kind!r} is not a known kind of system; known: shop")
    return ShopSettings


def written(folder: Path, changes: Mapping[str, Mapping[str, Any]] | None = None, without: str = "") -> Path:
    tables = {name: dict(values) for name, values in GOOD.items() if name != without}
    for name, values in (changes or {}).items():
        tables[name] = {**tables.get(name, {}), **values}
    lines = []
    for name, values in tables.items():
        lines += [
            f"[{name}]",
            *(
                f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
                for key, value in values.items()
                if value is not None
            ),
        ]
    path = folder / "handover.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def faults(path: Path, env: Mapping[str, str] = ENV) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path, env, kinds)
    return caught.value.faults


def read(path: Path) -> Settings:
    return load(path, ENV, kinds)


def test_a_good_file_is_one_frozen_object(tmp_path: Path) -> None:
    settings = read(written(tmp_path))
    assert settings.company.end_of_day == time(17)
    assert settings.slack.bot_token.get_secret_value() == "xoxb-1"
    own = settings.systems["shop"].settings
    assert isinstance(own, ShopSettings)
    assert own.password.get_secret_value() == "hunter2"
    with pytest.raises(ValueError, match="frozen"):
        settings.company = settings.company


def test_no_secret_stands_in_a_repr(tmp_path: Path) -> None:
    settings = read(written(tmp_path, {"storage": {"url": "env:DB"}}))
    assert settings.storage.url == "postgresql+psycopg://u:hunter2@db/x"
    for secret in ("xoxb-1", "xapp-1", "hunter2", KEY):
        assert secret not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("table", "changes", "fault"),
    [
        ("company", {"timezone": "Berlin"}, "company.timezone: 'Berlin' is not a time zone"),
        ("company", {"timezone": "../../etc/passwd"}, "company.timezone: "),
        ("company", {"directory": "ldap"}, "company.directory: 'ldap' is not one of the systems (shop)"),
        ("company", {"name": ""}, "company.name: "),
        ("company", {"name": 7}, "company.name: must be text"),
        ("company", {"end_of_day": 17}, 'company.end_of_day: must be a time of day such as "17:00"'),
        ("company", {"end_of_day": "17:00+01:00"}, "company.end_of_day: must be a time of day"),
        ("company", {"nmae": "x"}, "company.nmae: is not a known key; did you mean name?"),
        ("slakc", {"mode": "http"}, "slakc: is not a known key; did you mean slack?"),
        ("slack", {"mode": "pigeon"}, "slack.mode: must be 'socket' or 'http'"),
        ("slack", {"app_token": None}, 'slack.app_token: is missing; mode = "socket" needs it'),
        ("slack", {"mode": "http"}, 'slack.signing_secret: is missing; mode = "http" needs it'),
        ("slack", {"case_channel": "#cases"}, "slack.case_channel: must be a channel's id"),
        ("slack", {"port": 70000}, "slack.port: "),
        ("slack", {"api_url": "http://slack.example/api/"}, "slack.api_url: must be https://"),
        ("slack", {"bot_token": "env:NOBODY"}, "slack.bot_token: the environment variable NOBODY is not set"),
        (
            "slack",
            {"bot_token": "file:/nonexistent/token"},
            "slack.bot_token: cannot read the secret file /nonexistent/token",
        ),
        ("storage", {"master_key": "env:PW"}, "storage.master_key: must be 32 bytes in base64"),
        ("storage", {"url": "mysql://db/x"}, "storage.url: must be empty"),
        ("roles.hr", {"users": ["dana"]}, "roles.hr.users.0: must be a member id"),
        ("roles.hr", {"users": []}, "roles: nobody has a role"),
        ("roles.boss", {"users": ["U1"]}, "roles.boss: is not a known key; known here: hr, approver, security, admin"),
        ("policy", {"follow_up_days": [7, 1]}, "policy.follow_up_days: must rise"),
        ("policy", {"retry_minutes": 0}, "policy.retry_minutes: "),
        ("stages", {"day_30": ["reclaim"]}, "stages.day_30.0: must be 'stop_new_work'"),
        ("stages", {"day_0": ["deactivate"]}, "stages.day_0: is not a known key"),
        ("stages", {"day_7": ["reclaim"]}, "stages.day_N.day_7.0: must be 'stop_new_work'"),
        ("stages", {"day_3651": ["deactivate"]}, "stages: day_3651 is no day; use day_1 to day_3650"),
        ("stages", {"at_notice": ["tell_clients"]}, "stages: at_notice: tell_clients cannot come before the last day"),
        ("stages", {"at_notice": ["deactivate"]}, "stages: at_notice: deactivate cannot come before the last day"),
        ("stages", {"last_day": ["deactivate"], "day_7": ["deactivate"]}, "stages: deactivate is named twice"),
        ("stages", {"last_day": ["deactivate", "deactivate"]}, "stages: deactivate is named twice"),
        ("profiles.sales.stages", {"at_notice": ["deactivate"]}, "profiles.sales.stages: at_notice: deactivate"),
        ("profiles.sales", {"strategy": "rules"}, 'profiles.sales: strategy = "rules" needs'),
        ("profiles.sales", {"strategy": "single", "successors": ["a@x.example", "b@x.example"]}, "profiles.sales: "),
        ("profiles.sales", {"strategy": "alphabet"}, "profiles.sales.strategy: must be "),
        ("profiles.sales", {"approver": "max"}, "profiles.sales.approver"),
        ("profiles.sales", {"follow_up_days": [7, 1]}, "profiles.sales.follow_up_days: must rise"),
        ("profiles.sales", {"follow_up_days": []}, "profiles.sales.follow_up_days: "),
        ("profiles.sales", {"stratgy": "single"}, "profiles.sales.stratgy: is not a known key"),
        ("systems.shop", {"kind": "shoop"}, "systems.shop.kind: 'shoop' is not a known kind of system; known: shop"),
        ("systems.shop", {"deepth": 3}, "systems.shop.deepth: is not a known key; did you mean depth?"),
        ("systems.shop", {"depth": "deep"}, "systems.shop.depth: must be a whole number"),
        ("systems.empty", {}, "systems.empty.kind: is missing"),
        ('systems."a b"', {"kind": "shop", "password": "env:PW"}, "systems.a b: the name may have"),
    ],
)
def test_a_fault_is_told_by_its_key_and_alone(table: str, changes: dict[str, Any], fault: str, tmp_path: Path) -> None:
    found = faults(written(tmp_path, {table: changes}))
    assert len(found) == 1, found
    assert found[0].startswith(fault), found


@pytest.mark.parametrize(
    ("table", "changes", "fault"),
    [
        ("company", {"name": 7}, "company.name: «must be text»"),
        ("company", {"name": ""}, "company.name: «is too short; the least length is 1»"),
        ("company", {"end_of_day": "25:00"}, "company.end_of_day: «must be a time of day such as"),
        ("slack", {"mode": "pigeon"}, "slack.mode: «must be 'socket' or 'http'»"),
        ("slack", {"port": 70000}, "slack.port: «must be at most 65535»"),
        ("slack", {"port": -1}, "slack.port: «must be at least 0»"),
        ("policy", {"undo_days": 0}, "policy.undo_days: «must be more than 0»"),
        ("policy", {"undo_days": 1.5}, "policy.undo_days: «must be a whole number»"),
        ("policy", {"mass_share": "much"}, "policy.mass_share: «must be a number»"),
        ("policy", {"relock": "perhaps"}, "policy.relock: «must be true or false»"),
        ("policy", {"protected": "root"}, "policy.protected: «must be a list»"),
        ("clients", {"colleagues": 3}, "clients.colleagues: «must be a table»"),
        ("clients.rules", {"successors": ["a@x.example"]}, "clients.rules: «must be a list»"),
        ("approvals.rules.board.above_value", {"euro": 1}, "approvals.rules.board"),
    ],
)
def test_a_fault_is_told_in_the_language_of_the_moment(
    table: str, changes: dict[str, Any], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Marking:
        @staticmethod
        def gettext(message: str) -> str:
            return f"«{message}»"

        @staticmethod
        def ngettext(one: str, many: str, count: int) -> str:
            return one if count == 1 else many

    monkeypatch.setattr("config.text._catalogue", lambda _language: Marking)
    [found] = faults(written(tmp_path, {table: changes}))
    assert found.startswith(fault), found
    assert found.endswith("»"), found


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("slack", "bot_token"),
        ("slack", "case_channel"),
        ("storage", "url"),
        ("storage", "master_key"),
        ("systems.shop", "password"),
        ("company", "timezone_"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(table: str, key: str, tmp_path: Path) -> None:
    planted = "postgresql://u:hunter2-planted@db/x"
    with pytest.raises(SettingsError) as caught:
        read(written(tmp_path, {table: {key: planted}}))
    assert f"{table}.{key}" in str(caught.value)
    assert "hunter2-planted" not in str(caught.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    found = faults(
        written(
            tmp_path,
            {
                "company": {"timezone": "Berlin", "directory": "ldap"},
                "slack": {"bot_token": "env:A", "app_token": "env:B"},
                "systems.shop": {"password": "env:C"},
                "roles.hr": {"users": []},
            },
        )
    )
    keys = {fault.split(":")[0] for fault in found}
    assert keys == {
        "company.timezone",
        "company.directory",
        "slack.bot_token",
        "slack.app_token",
        "systems.shop.password",
        "roles",
    }


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("systems = { crm2 = 'task' }", ".systems: 'crm2' is not one of the systems"),
        ("systems = { shop = 'letter' }", ".systems.shop: must be 'task' or 'message'"),
        ("texts = { en = '{reason}: {successor}' }", ".texts.en: names reason, which is not known here"),
        ("texts = { en = '{successor.email}' }", ".texts.en: names successor.email"),
        ("texts = { en = '{successor!r:>9}' }", ".texts.en: names successor"),
        ("texts = { en = '{} {successor}' }", ".texts.en: names {}"),
        ("texts = { en = 'Hello' }", ".texts.en: does not name the new contact"),
        ("texts = { en = '{successor' }", ".texts.en: has a brace"),
        ("texts = { xx = '{successor}' }", ".texts.xx"),
    ],
)
def test_a_fault_of_an_introduction_is_told(line: str, fault: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(f"{path.read_text('utf-8')}\n[clients.introductions]\n{line}\n", encoding="utf-8")
    found = faults(path)
    assert any(one.startswith(f"clients.introductions{fault}") for one in found), found


def test_introductions_are_off_until_somebody_sets_them(tmp_path: Path) -> None:
    assert load(written(tmp_path), ENV, kinds).clients.introductions.systems == {}


@pytest.mark.parametrize(
    ("without", "fault"),
    [
        ("company", "company: is missing"),
        ("storage", "storage: is missing"),
        ("slack", "slack: is missing"),
        ("roles.hr", "roles: nobody"),
        ("systems.shop", "systems: no system is configured"),
    ],
)
def test_a_missing_table_is_told(without: str, fault: str, tmp_path: Path) -> None:
    assert any(found.startswith(fault) for found in faults(written(tmp_path, without=without)))


@pytest.mark.parametrize(
    "text", ["company = 3", "[roles]\nhr = 3", "roles = 3", "systems = 3", "[systems]\nx = 3", "", "= 3", "\ud800"]
)
def test_nonsense_is_a_fault_and_never_a_crash(text: str, tmp_path: Path) -> None:
    path = tmp_path / "handover.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert faults(path)


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.toml") == ["cannot be read: No such file or directory; `handover init` writes one"]


def test_a_secret_file_is_read_without_its_line_end_and_an_empty_one_refused(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.touch(mode=0o600)
    secret.write_text("xoxb-9\n", encoding="utf-8")
    path = written(tmp_path, {"slack": {"bot_token": f"file:{secret}"}})
    assert read(path).slack.bot_token.get_secret_value() == "xoxb-9"
    secret.write_text("\n", encoding="utf-8")
    assert faults(path) == [f"slack.bot_token: the secret file {secret} is empty"]
    secret.write_bytes(b"\xff\xfe")
    assert faults(path) == [f"slack.bot_token: the secret file {secret} is not text"]


def test_an_inline_role_counts(tmp_path: Path) -> None:
    path = written(tmp_path, without="roles.hr")
    path.write_text('roles = {security = {groups = ["S1"]}}\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert read(path).roles.security.groups == ("S1",)


def test_stages_are_in_the_order_of_their_days_and_a_named_act_leaves_its_default_stage() -> None:
    default = {"last_day": ("stop_new_work",), "day_30": ("reclaim_licences",)}
    assert StageSettings.model_validate({}).acts == StageSettings().acts == default
    given = StageSettings.model_validate({"day_90": ["reclaim_licences"], "day_7": ["tell_clients"]})
    assert list(given.acts.items()) == [
        ("last_day", ("stop_new_work",)),
        ("day_7", ("tell_clients",)),
        ("day_90", ("reclaim_licences",)),
    ]
    assert StageSettings.model_validate({"last_day": [], "day_30": []}).acts == {}
    assert StageSettings.model_validate({"at_notice": ["stop_new_work"]}).acts == {
        "at_notice": ("stop_new_work",),
        "day_30": ("reclaim_licences",),
    }


def test_acts_are_those_of_the_workflows() -> None:
    assert set(get_args(StageActName)) == {*map(str, StageAct)}
