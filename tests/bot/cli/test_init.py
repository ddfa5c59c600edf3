"""`handover init`: what it asks, what it tries, what it writes, and what it never does."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from pydantic import BaseModel
from typer.testing import Result

from bot.cli.duplicates import alike
from config.settings import Settings, load
from connectors.errors import Untrusted
from connectors.ldap.settings import LdapSettings
from connectors.settings import ReadableFile
from tests.bot.commands import CLOCK, ENV, SHOP, Shop, ShopSettings, Wiring, handover
from tests.enrolled import App
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.systems.registry import System, Systems

SECRET = "J" * 32
ANSWERS = {
    "company.name": 'Northwind "Practice"',
    "company.timezone": "Europe/Berlin",
    "systems.shop.kind": "shop",
    "systems.shop.url": "https://shop.example",
    "systems.shop.password": "env:SHOP",
    "slack.bot_token": "env:BOT",
    "slack.app_token": "env:APP",
    "slack.case_channel": "C0OFFBOARDING",
    "slack.security_channel": "C0SECURITYALERTS",
    "slack.audit_channel": "C0ACCESSAUDIT",
    "roles.hr.users": "U0HR, U0HR2",
    "policy.follow_up_days": "2,4",
}


@pytest.fixture
def workspace() -> Iterator[SlackServer]:
    with SlackServer(Workspace()) as server:
        yield server


def given(changes: dict[str, str | None]) -> list[str]:
    answers = {**ANSWERS, **changes}
    return [part for key, value in answers.items() if value is not None for part in ("--set", f"{key}={value}")]


def unattended(
    folder: Path, workspace: SlackServer, *more: str, env: dict[str, str] | None = None, **changes: str | None
) -> Result:
    app = workspace.workspace.app
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return handover(
        Wiring(),
        "init",
        "--non-interactive",
        "--config",
        str(folder / "etc" / "handover.toml"),
        *more,
        *given({"slack.api_url": workspace.api_url, "storage.path": str(folder / "data"), **named}),
        env={"BOT": app.bot_token, "APP": app.app_token, **(env or {})},
    )


def settings(folder: Path, env: dict[str, str] | None = None) -> Settings:
    return load(folder / "etc" / "handover.toml", {**ENV, **(env or {})}, lambda kind: SHOP.settings)


def test_unattended_it_tries_everything_and_writes_a_file_that_loads(workspace: SlackServer, tmp_path: Path) -> None:
    result = unattended(tmp_path, workspace)
    assert result.exit_code == 0, result.output
    assert "systems.shop: A shop: the shop is open" in result.stderr
    assert "✓ Slack scopes" in result.stderr
    assert "handover doctor" in result.stdout
    found = settings(tmp_path)
    assert found.company.name == 'Northwind "Practice"'
    assert found.roles.hr.users == ("U0HR", "U0HR2")
    assert found.policy.follow_up_days == (2, 4)
    assert found.company.directory == "shop"
    assert len({found.storage.master_key.get_secret_value(), found.storage.signing_key.get_secret_value()}) == 2


def test_people_and_scripts_at_the_terminal_are_written_too(workspace: SlackServer, tmp_path: Path) -> None:
    people = {
        "sam.email": "sam@x.example",
        "sam.roles": "hr, security",
        "hris.secret": "x" * 30,
        "hris.commands": "offboard",
    }
    more = [part for key, value in people.items() for part in ("--set", f"actors.{key}={value}")]
    result = unattended(tmp_path, workspace, *more)
    assert result.exit_code == 0, result.output
    found = settings(tmp_path).actors
    assert (found["sam"].roles, found["sam"].service) == (("hr", "security"), False)
    assert (found["hris"].commands, found["hris"].service) == (("offboard",), True)
    kept = tmp_path / "etc" / "secrets" / "actors.hris.secret"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "x" * 30 not in (tmp_path / "etc" / "handover.toml").read_text(encoding="utf-8")


def test_secrets_are_references_and_their_files_nobody_elses(workspace: SlackServer, tmp_path: Path) -> None:
    typed = workspace.workspace.app.bot_token
    result = unattended(tmp_path, workspace, slack__bot_token=typed)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "etc" / "handover.toml").read_text(encoding="utf-8")
    kept = tmp_path / "etc" / "secrets" / "slack.bot_token"
    assert typed not in text + result.output
    assert tomllib.loads(text)["slack"]["bot_token"] == f"file:{kept}"
    assert settings(tmp_path).slack.bot_token.get_secret_value() == typed
    for path in (*kept.parent.iterdir(), tmp_path / "etc" / "handover.toml"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_the_environment_answers_too_and_secrets_stay_there(workspace: SlackServer, tmp_path: Path) -> None:
    env = {"HANDOVER_COMPANY_NAME": "From outside", "HANDOVER_SLACK_BOT_TOKEN": workspace.workspace.app.bot_token}
    result = unattended(tmp_path, workspace, env=env, company__name=None, slack__bot_token=None)
    assert result.exit_code == 0, result.output
    raw = tomllib.loads((tmp_path / "etc" / "handover.toml").read_text(encoding="utf-8"))
    assert raw["company"]["name"] == "From outside"
    assert raw["slack"]["bot_token"] == "env:HANDOVER_SLACK_BOT_TOKEN"


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({"company__name": None}, "company.name: is missing", 2),
        ({"company__timezone": "Berlin"}, "company.timezone: 'Berlin' is not a time zone", 2),
        ({"systems__shop__kind": "shoop"}, "known: shop", 2),
        ({"systems__shop__depth": "deep"}, "systems.shop.depth", 2),
        ({"slack__mode": "http"}, "slack.signing_secret: is missing", 2),
        ({"systems__shop__password": "env:WRONG"}, "the shop refused the password", 1),
        ({"slack__bot_token": "env:WRONG"}, "OAuth & Permissions", 1),
        ({"company__nmae": "x"}, "company.nmae", 2),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    changes: dict[str, Any], words: str, code: int, workspace: SlackServer, tmp_path: Path
) -> None:
    result = unattended(tmp_path, workspace, env={"WRONG": "xoxb-wrong"}, **changes)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert not (tmp_path / "etc").exists()


def test_unchecked_writes_the_file_all_the_same(workspace: SlackServer, tmp_path: Path) -> None:
    result = unattended(tmp_path, workspace, "--unchecked", env={"WRONG": "x"}, systems__shop__password="env:WRONG")
    assert result.exit_code == 0
    assert "✗ systems.shop" in result.stderr
    assert (tmp_path / "etc" / "handover.toml").exists()


def test_an_existing_file_is_left_and_the_keys_survive_an_overwrite(workspace: SlackServer, tmp_path: Path) -> None:
    assert unattended(tmp_path, workspace).exit_code == 0
    before = settings(tmp_path)
    again = unattended(tmp_path, workspace, company__name="Other")
    assert again.exit_code == 2
    assert "left as it is" in again.stderr
    assert settings(tmp_path) == before
    assert unattended(tmp_path, workspace, "--overwrite", company__name="Other").exit_code == 0
    assert settings(tmp_path).company.name == "Other"
    assert settings(tmp_path).storage == before.storage, "rows are encrypted under the first master key"


def test_asked_at_the_terminal_a_wrong_password_is_asked_for_again(
    workspace: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = workspace.workspace.app
    typed = [
        "shop",
        "shop",
        "https://shop.example",
        "closed",
        "y",  # name, kind, address, wrong password; answer again?
        ENV["SHOP"],
        "n",  # the password alone; another system?
        "shop",
        "Northwind",
        "Berlin",
        "Europe/Berlin",
        str(tmp_path / "data"),  # directory, company, wrong zone, zone, folder
        "socket",
        app.bot_token,
        app.app_token,
        "#cases",
        "C0SECURITYALERTS",
        "C0ACCESSAUDIT",  # a name for an id
        "C0OFFBOARDING",
        "U0HR",
        "",
        "U0SAM",
        "",
        "",
        "svc-backup, root@northwind.example",
        "ada",
        "ada.lovelace, ada-adm",
        "U0ADA",
        "",
        "root",
        "admin, security",
        "y",  # who acts at the terminal, Slack id, no address, a wrong role, the roles; enrol now?
        "000000",
        App(SECRET).code(CLOCK.now() + timedelta(seconds=30)),  # a wrong first code, the right one
    ]
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(pyotp, "random_base32", lambda: SECRET)
    path = tmp_path / "etc" / "handover.toml"
    result = handover(
        Wiring(),
        "init",
        "--config",
        str(path),
        "--set",
        f"slack.api_url={workspace.api_url}",
        typed="\n".join(typed) + "\n",
    )
    assert result.exit_code == 0, result.output
    found = settings(tmp_path)
    assert found.slack.case_channel == "C0OFFBOARDING"
    assert found.company.timezone == "Europe/Berlin"
    assert found.policy.protected == ("svc-backup", "root@northwind.example")
    assert found.roles.security.users == ("U0SAM",)
    assert (found.actors["ada"].slack, found.actors["ada"].roles) == ("U0ADA", ("admin", "security"))
    assert found.actors["ada"].logins == ("ada.lovelace", "ada-adm")
    assert "otpauth://totp/Handover%20Northwind:ada?secret=" in result.stdout
    assert "This code is wrong" in result.stderr
    assert "ada is enrolled" in result.stdout
    assert "the shop refused the password" in result.stderr
    for secret in (app.bot_token, app.app_token, ENV["SHOP"]):
        assert secret not in result.output


def test_a_disk_that_cannot_be_written_is_a_sentence(workspace: SlackServer, tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("in the way", encoding="utf-8")
    result = unattended(tmp_path, workspace)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["etc"]


# --- what an error names, an interrupted run, one system twice


class Vaulted(Shop):
    """A shop whose certificate is of a private authority, unless its file is named."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._trusted = settings.ca_file is not None

    def check(self) -> str:
        if not self._trusted:
            raise Untrusted("the certificate is from an authority that is not trusted")
        return super().check()


class VaultedSettings(ShopSettings):
    """A shop with an authority of its own."""

    ca_file: ReadableFile | None = None


VAULTED = replace(SHOP, connector=Vaulted, settings=VaultedSettings)


class VaultedWiring(Wiring):
    def settings_of(self, kind: str) -> type[BaseModel]:
        return VaultedSettings if kind == "shop" else super().settings_of(kind)

    def build_systems(self, settings: Settings) -> Systems:
        return Systems([System(name, VAULTED, Vaulted(table.settings)) for name, table in settings.systems.items()])


def typed_at(
    folder: Path, workspace: SlackServer, *answers: str, wiring: Wiring | None = None, **changes: str | None
) -> Result:
    """Run it with a person who types these answers; everything but the systems is given."""
    named: dict[str, str | None] = {key.replace("__", "."): value for key, value in changes.items()}
    kept = {key: value for key, value in ANSWERS.items() if not key.startswith("systems.")} | {
        "slack.api_url": workspace.api_url,
        "slack.mode": "socket",
        "company.directory": "shop",
        "storage.path": str(folder / "data"),
        "roles.hr.groups": "",
        "roles.security.users": "",
        "roles.security.groups": "",
        "roles.admin.users": "",
        "policy.protected": "",
        **named,
    }
    app = workspace.workspace.app
    words = [part for key, value in kept.items() if value is not None for part in ("--set", f"{key}={value}")]
    return handover(
        wiring or Wiring(),
        "init",
        "--config",
        str(folder / "etc" / "handover.toml"),
        *words,
        env={"BOT": app.bot_token, "APP": app.app_token},
        typed="".join(f"{one}\n" for one in answers),
    )


def test_a_private_authority_is_asked_for_and_tried_again(workspace: SlackServer, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("a certificate", encoding="utf-8")
    url = "https://shop.example"
    typed = ["shop", "shop", url, ENV["SHOP"], "y", str(authority), "n", ""]
    result = typed_at(tmp_path, workspace, *typed, wiring=VaultedWiring())
    assert result.exit_code == 0, result.output
    assert "Give the file of the authority that signed the certificate of shop?" in result.stderr
    assert result.stderr.count("systems.shop.url") == 1, "only the file is asked for"
    written = tomllib.loads((tmp_path / "etc" / "handover.toml").read_text(encoding="utf-8"))
    assert written["systems"]["shop"]["ca_file"] == str(authority)


def test_an_interrupted_run_goes_on_without_asking_twice_and_keeps_no_secret(
    workspace: SlackServer, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"company__name": None, "company__timezone": None}
    stopped = typed_at(
        tmp_path, workspace, "shop", "shop", "https://shop.example", ENV["SHOP"], "n", "Northwind", **asked
    )
    assert stopped.exit_code == 1
    kept = tmp_path / "etc" / "handover.toml.draft"
    assert "without secrets" in stopped.stderr
    assert ENV["SHOP"] not in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "etc" / "handover.toml").exists()
    rest = typed_at(tmp_path, workspace, "y", ENV["SHOP"], "n", "Europe/Berlin", "", **asked)
    assert rest.exit_code == 0, rest.output
    assert "systems.shop.url" not in rest.stderr
    found = settings(tmp_path)
    assert (found.company.name, found.company.timezone) == ("Northwind", "Europe/Berlin")
    assert found.systems["shop"].settings.url == "https://shop.example"  # type: ignore[attr-defined]
    assert not kept.exists()


def test_a_kept_answer_that_turns_out_wrong_is_asked_for_again_and_kept_ones_can_be_left(
    workspace: SlackServer, tmp_path: Path
) -> None:
    typed_at(tmp_path, workspace, "shop", "shop", "https://old.example", "wrong", "y")
    other = typed_at(tmp_path, workspace, "n", "shop", "shop", "https://new.example", ENV["SHOP"], "n", "")
    assert other.exit_code == 0, other.output
    assert settings(tmp_path).systems["shop"].settings.url == "https://new.example"  # type: ignore[attr-defined]


def test_one_system_under_two_names_is_told_and_left_out(workspace: SlackServer, tmp_path: Path) -> None:
    first = ["shop", "shop", "https://shop.example", ENV["SHOP"], "y"]
    again = ["crm", "shop", "https://SHOP.example:443/", ENV["SHOP"]]
    result = typed_at(tmp_path, workspace, *first, *again, "n", "n", "")
    assert result.exit_code == 0, result.output
    assert "crm seems to be shop: both are at shop.example:443" in result.stderr
    assert settings(tmp_path).systems.keys() == {"shop"}


def test_unattended_one_system_twice_is_an_error_unless_it_is_wanted(workspace: SlackServer, tmp_path: Path) -> None:
    twice: dict[str, Any] = {
        "systems__crm__kind": "shop",
        "systems__crm__url": "https://shop.example",
        "systems__crm__password": "env:SHOP",
    }
    result = unattended(tmp_path, workspace, **twice)
    assert result.exit_code == 1
    assert "configured twice" in result.stderr
    assert not (tmp_path / "etc").exists()
    assert unattended(tmp_path, workspace, "--unchecked", **twice).exit_code == 0
    assert settings(tmp_path).systems.keys() == {"shop", "crm"}


def directory(url: str, base: str) -> LdapSettings:
    values = {"urls": [url], "base_dn": base, "bind_dn": "cn=bot", "password": "env:SHOP"}
    return LdapSettings.model_validate(values, context={"env": ENV})


@pytest.mark.parametrize(
    ("url", "base", "why"),
    [
        ("ldaps://two.invalid", "DC=x, dc=example", "both have base_dn dc=x,dc=example"),
        ("ldaps://two.invalid", "ou=people,dc=x,dc=example", "both have base_dn dc=x,dc=example"),
        ("ldaps://one.invalid", "dc=other", ""),
        ("ldaps://two.invalid", "dc=notx,dc=example", ""),
    ],
)
def test_one_base_of_a_directory_is_found_also_on_another_server(url: str, base: str, why: str) -> None:
    found = alike(directory(url, base), {"directory": directory("ldaps://one.invalid", "dc=x,dc=example")})
    assert found == (("directory", why) if why else None)
