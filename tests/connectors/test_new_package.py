"""A package that `handover connectors --new` writes: honest before it is written, and a whole kind afterwards."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import wiring
from config.settings import load
from connectors import registry
from connectors.contract import CAPABILITIES, Verdict
from tests.bot import samples
from tests.bot.cli.test_init import given
from tests.bot.commands import ENV, configuration, document, handover
from tests.connectors import acme_world
from tests.connectors.acme_world import GOOD, AcmeServer
from tests.connectors.packages import search
from tests.sandbox.company.people import MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import User
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.cases.views import OffboardingRequest
from workflows.people import Actor, Successor
from workflows.storage.rows.case import Reason, Strategy

ROOT = Path(registry.__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how-to" / "write-a-connector.md"
REAL: Any = wiring
CLIENTS = ("ClientBook", "ExportLog", "BookOwners", "Introductions", "Activities")
DUTIES = ("Duties", "DutyChanges")
SUITES = ("Accounts", "Sessions", "Tokens", "Groups", *CLIENTS, *DUTIES, "Licences", "Deactivation", "Blockers")
EVERY = [f"--capability={capability.__name__}" for capability in CAPABILITIES]


def run(*command: str | Path, at: Path = ROOT, also: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program that finds our packages, and those in `also`."""
    env = {**os.environ, "PYTHONPATH": f"{also}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=at, env=env, capture_output=True, text=True, check=False, timeout=300
    )


def make(into: Path, *options: str) -> Path:
    """Write a new package for the kind `acme`, and return its folder."""
    done = handover(REAL, "connectors", "--new", "acme", "--into", str(into), *options)
    assert done.exit_code == 0, done.output
    return into / "handover-acme"


def test_every_test_of_a_new_package_fails_and_says_what_to_write(tmp_path: Path) -> None:
    folder = make(tmp_path, *EVERY)
    done = run("pytest", "-q", "--tb=line", "-p", "no:cacheprovider", at=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^\d+ failed in", done.stdout.splitlines()[-1]), done.stdout[-500:]
    faults = re.findall(r"^/.+:\d+: (?:\w+: )(.+)$", done.stdout, re.MULTILINE)
    assert len(faults) >= int(done.stdout.splitlines()[-1].split()[0])
    assert {re.sub(r"\.\w+$", "", fault) for fault in faults} == {
        *(f"write Acme{name}World" for name in SUITES),
        *(f"{name} has no suite: write its tests here" for name in ("Roster", "Trace", "Administrators")),
    }


def test_a_new_package_is_tidy_and_typed(tmp_path: Path) -> None:
    folder = make(tmp_path, *EVERY)
    style = ("--isolated", "--line-length", "120")
    for check in (("ruff", "check", *style, "--select", "F,E,W,I,UP,RUF", "."), ("ruff", "format", *style, "--check")):
        done = run(*check, at=folder)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_class_that_nobody_wrote_is_never_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search(monkeypatch, install(make(tmp_path), tmp_path / "site"))
    given = {"url": "http://127.0.0.1:9", "token": "env:ACME"}
    kind = registry.settings_of("acme")
    built = registry.build("acme", kind.model_validate(given, context={"env": {"ACME": "x"}}))
    seen = built.observe(["u1"])  # type: ignore[attr-defined]
    assert seen["u1"].verdict is Verdict.UNKNOWN
    built.close()


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    dry = handover(REAL, "connectors", "--new", "acme", "--into", str(tmp_path / "new"), "--dry-run")
    assert dry.exit_code == 0
    assert 'acme = "handover_acme"' in dry.output
    assert not (tmp_path / "new").exists()
    folder = make(tmp_path)
    (folder / "README.md").write_text("mine")
    again = handover(REAL, "connectors", "--new", "acme", "--into", str(tmp_path))
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert (folder / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--new", "ldap"), "exists already"),
        (("--new", "Acme"), "small letters"),
        (("--new", "../x"), "small letters"),
        (("--new", "acme", "--capability", "Dance"), "Dance: no such capability; known are Accounts"),
        (("--capability", "Groups"), "need --new"),
        (("--dry-run",), "need --new"),
    ],
)
def test_what_makes_no_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = handover(REAL, "connectors", *options)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert list(tmp_path.iterdir()) == []


def written(folder: Path) -> Path:
    """Write the connector of the page and the world of the tests into a new package, and return its folder."""
    package = make(folder)
    [connector] = re.findall(r"^```python\n(.+?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (package / "handover_acme" / "connector.py").write_text(connector, encoding="utf-8")
    shutil.copy(acme_world.__file__, package / "tests" / "world.py")
    return package


def install(package: Path, site: Path) -> Path:
    """Install a package as an operator does, without a network, and return the folder."""
    flags = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q")
    done = run("pip", "install", *flags, "--target", site, package, at=package)
    assert done.returncode == 0, done.stdout + done.stderr
    return site


def test_the_connector_of_the_page_passes_the_suites(tmp_path: Path) -> None:
    done = run("pytest", "-q", "-x", "-p", "no:cacheprovider", at=written(tmp_path))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert re.search(r"\d\d passed", done.stdout)


REMEMBERS = """
        if wanted is None or not hasattr(self, "kept"):
            self.kept = {AccountId(user["id"]): user for user in self._api.read("GET", "/users").json()}
        found = self.kept
"""
READS = """
        found = {AccountId(user["id"]): user for user in self._api.read("GET", "/users").json()}
"""
WRONG = {
    "remembers": (READS, REMEMBERS, "opened_behind_the_bots_back"),
    "believes itself": ("        self._set(before.account, active=False)\n", "", "lock_refuses_the_log_in"),
    "matches everybody": ('is_among(user["login"], person.logins)', "person.logins", "are_found_exactly"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_suites_catch_a_wrong_connector_of_another_package(tmp_path: Path, wrong: str) -> None:
    old, new, test = WRONG[wrong]
    package = written(tmp_path)
    path = package / "handover_acme" / "connector.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = run("pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", test, at=package)
    assert done.returncode == 1, done.stdout[-3000:]
    assert re.search("^E +(?:Assertion|Value)Error|^E +assert", done.stdout, re.MULTILINE), done.stdout[-2000:]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the written package is installed."""
    return install(written(tmp_path_factory.mktemp("acme")), tmp_path_factory.mktemp("site"))


@pytest.fixture
def acme() -> Iterator[AcmeServer]:
    server = AcmeServer()
    yield server
    server.stop()


def test_an_installed_package_locks_a_leaver_in_a_whole_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Path, acme: AcmeServer
) -> None:
    search(monkeypatch, site)
    leaver = samples.leaver()
    user, other = acme.add("leaver", leaver.name, leaver.email), acme.add("other", "Ot Her", "other@x.example")
    with SlackServer(Workspace()) as slack:
        path = configuration(tmp_path, slack.api_url)
        text = path.read_text(encoding="utf-8").replace('kind = "shop"', 'kind = "acme"')
        text = text.replace("https://shop.example", acme.url).replace('password = "env:SHOP"', 'token = "env:SHOP"')
        path.write_text(text, encoding="utf-8")
        env = {**ENV, "BOT": slack.workspace.app.bot_token, "APP": slack.workspace.app.app_token, "SHOP": GOOD}
        with wiring.assemble(load(path, env, registry.settings_of)) as house:
            offboarding = house.services.offboarding
            [planned] = offboarding.plan(leaver).systems
            assert [account.login for account in planned.accounts] == ["leaver"]
            manager = Successor(MANAGER.email, MANAGER.name, MANAGER.email, MANAGER.slack_id)
            hr = Actor("cli:tess", "Tess")
            case_id = offboarding.open(
                OffboardingRequest(leaver, Reason.DISMISSAL, None, manager, Strategy.SINGLE, (), hr, seed.OFFBOARDING)
            )
            hanna = slack.as_user(MANAGER.slack_id)
            hanna.wait_for(lambda: offboarding.case(case_id).systems[0].verdict is Verdict.LOCKED)
            assert offboarding.case(case_id).systems[0].title == "Acme"
    assert [acme.users[one]["active"] for one in (user, other)] == [False, True]
    assert acme.writes == 1


def test_init_and_doctor_treat_it_as_any_other_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Path, acme: AcmeServer
) -> None:
    search(monkeypatch, site)
    acme.add("leaver", "Lea Ver", "lea@x.example")
    own = {"systems.shop.kind": "acme", "systems.shop.url": acme.url, "systems.shop.token": "env:SHOP"}
    with SlackServer(Workspace()) as slack:
        slack.workspace.users |= {one: User(one, one.lower(), one) for one in ("U0HR", "U0HR2", "U0ADMIN")}
        at = {"slack.api_url": slack.api_url, "storage.path": str(tmp_path / "data"), "systems.shop.password": None}
        config = ("--config", str(tmp_path / "etc" / "handover.toml"))
        app = slack.workspace.app
        env = {**ENV, "BOT": app.bot_token, "APP": app.app_token, "SHOP": "wrong"}
        refused = handover(REAL, "init", "--non-interactive", *config, *given({**own, **at}), env=env)
        assert refused.exit_code != 0
        assert "Renew the credential" in refused.output
        env["SHOP"] = GOOD
        done = handover(REAL, "init", "--non-interactive", *config, *given({**own, **at}), env=env)
        assert done.exit_code == 0, done.output
        assert "systems.shop: Acme: 1 users" in done.output
        found = document(handover(REAL, "doctor", "--json", *config, env=env))
        checks = {check["what"]: check for check in found["checks"]}
        assert (checks["systems.shop"]["ok"], checks["systems.shop"]["said"]) == (True, "Acme: 1 users")
        assert checks["connectors.acme"]["said"] == "handover-acme 0.1.0"
