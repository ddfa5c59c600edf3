"""Kinds of systems from other packages: used as our own, or refused with the name of the package."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot import wiring
from bot.cli.checks import systems
from config.settings import Common, SettingsError, load
from connectors import registry
from connectors.errors import UnusableKind
from connectors.settings import COMMON_KEYS
from tests.bot.commands import document, handover
from tests.connectors.packages import GOOD, install, search

REAL: Any = wiring


def test_a_good_package_is_a_kind_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "handover-acme", "acme", GOOD)
    search(monkeypatch, tmp_path)
    assert {"acme", *registry.own()} == set(registry.known())
    manifest = registry.manifest("acme")
    assert manifest in wiring.manifests()
    settings = registry.settings_of("acme")
    assert set(settings.model_fields) == {"url", "token"}
    built = registry.build("acme", settings.model_validate({"url": "x", "token": "env:T"}, context={"env": {"T": "t"}}))
    assert isinstance(built, manifest.connector)
    assert built.check() == "acme"
    [one] = registry.others()
    assert (one.kind, one.package, one.fault) == ("acme", "handover-acme 1.5", "")


FAULTS = {
    "import": ("import nowhere_at_all", "its import failed (ModuleNotFoundError"),
    "exit": ("raise SystemExit(3)", "its import failed (SystemExit"),
    "syntax": ("def", "its import failed (SyntaxError"),
    "no manifest": ("X = 1", "has no MANIFEST"),
    "no contract": (GOOD.replace(", contract=1", ""), "version 0 of the connector contract, and this is version 1"),
    "other contract": (GOOD.replace("contract=1", "contract=2"), "version 2 of the connector contract"),
    "other kind": (GOOD.replace('Manifest("acme"', 'Manifest("ldap"'), "names the kind 'ldap'"),
    "no read-back": (GOOD.replace("def observe", "def look"), "does not define observe"),
    "two missing": (GOOD.replace("def observe", "def a").replace("def read(", "def b("), "define observe, read"),
    "no header": (GOOD.replace("class Acme(Accounts)", "class Acme"), "no subclass of the contract's protocols"),
    "no accounts": (
        GOOD.replace("class Acme(Accounts)", "from connectors.contract import Connector\nclass Acme(Connector)"),
        "has not the capability Accounts",
    ),
    "by hand": (
        GOOD.replace("class Acme(Accounts):", "from connectors.contract import ByHand\nclass Acme(ByHand, Accounts):")
        + "\nAcme.__abstractmethods__ = frozenset()",
        "is the kind manual",
    ),
    "free settings": (GOOD.replace("(SystemSettings)", "(__import__('pydantic').BaseModel)"), "no subclass of"),
    "shared key": (GOOD.replace("    url: str", "    administrators: str"), "the key administrators"),
    "bare secret": (GOOD.replace("token: Secret", "token: __import__('pydantic').SecretStr"), "the secret token"),
    "plain secret": (GOOD.replace("token: Secret", "token: str"), "the secret token"),
    "plain secrets": (GOOD.replace("token: Secret", "bot_password: dict[str, str]"), "the secret bot_password"),
    "loose": (GOOD.replace("    url: str", "    model_config = {'extra': 'allow'}\n    url: str"), "take unknown keys"),
    "limits": (GOOD.replace("contract=1", "contract=1, limits=0"), "limits are no positive numbers"),
    "no words": (GOOD.replace("Acme cannot end sessions.", " "), "is empty or no text"),
    "own capabilities": (
        GOOD.replace("MANIFEST = Manifest(", "class Mine(Manifest): capabilities = ()\nMANIFEST = Mine("),
        "has no MANIFEST",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_package_is_refused_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    code, said = FAULTS[fault]
    assert code != GOOD
    install(tmp_path, "handover-acme", "acme", code)
    search(monkeypatch, tmp_path)
    with pytest.raises(UnusableKind) as caught:
        registry.settings_of("acme")
    assert "handover-acme 1.5 gives no usable kind 'acme'" in str(caught.value.args[0])
    assert said in str(caught.value.args[0])
    [one] = registry.others()
    assert one.fault == str(caught.value)
    assert {manifest.kind for manifest in wiring.manifests()} == set(registry.own())


def test_a_connector_that_ends_the_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the code 0, every command would end well without having looked anywhere."""
    install(tmp_path, "handover-acme", "acme", GOOD)
    search(monkeypatch, tmp_path)
    manifest = registry.manifest("acme")
    monkeypatch.setattr(manifest.connector, "__init__", _end)
    settings = registry.settings_of("acme").model_validate({"url": "x", "token": "env:T"}, context={"env": {"T": "t"}})
    with pytest.raises(UnusableKind, match=r"handover-acme 1\.5 .*cannot be built \(SystemExit\)"):
        registry.build("acme", settings)


def _end(*_args: object) -> None:
    raise SystemExit(0)


@pytest.mark.parametrize(
    "secret", ["token: Secret | None = None", "more: dict[str, Secret] = {}", "token_url: str = ''"]
)
def test_a_secret_may_be_left_out_or_be_one_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    install(tmp_path, "handover-acme", "acme", GOOD.replace("token: Secret", secret))
    search(monkeypatch, tmp_path)
    assert registry.settings_of("acme")


def test_our_own_kinds_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "evil", "ldap", GOOD.replace('"acme"', '"ldap"') + "\nraise SystemExit('was imported')")
    search(monkeypatch, tmp_path)
    with pytest.raises(UnusableKind, match=r"evil 1\.5 .*Handover's own, and no package may replace it"):
        registry.manifest("ldap")
    assert "evil" not in sys.modules
    assert registry.manifest("tryton").title == "Tryton"


def test_two_packages_of_one_kind_are_both_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        install(tmp_path / name, f"acme-{name}", "acme", GOOD)
        search(monkeypatch, tmp_path / name)
    with pytest.raises(UnusableKind, match=r"acme-one 1\.5, acme-two 1\.5"):
        registry.manifest("acme")


def test_a_name_that_settings_cannot_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "acme", "ac-me", GOOD)
    search(monkeypatch, tmp_path)
    with pytest.raises(UnusableKind, match="small letters"):
        registry.manifest("ac-me")


def test_the_start_is_refused_with_the_key_and_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "handover-acme", "acme", GOOD.replace("contract=1", "contract=7"))
    search(monkeypatch, tmp_path)
    path = tmp_path / "handover.toml"
    path.write_text('[systems.shop]\nkind = "acme"\n', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, {}, registry.settings_of)
    [fault] = [one for one in caught.value.faults if one.startswith("systems.shop.kind")]
    assert "handover-acme 1.5" in fault
    assert "version 7" in fault


def test_the_list_shows_the_package_and_the_refused_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "handover-acme", "acme", GOOD)
    install(tmp_path, "handover-bad", "bad", "import nowhere_at_all")
    search(monkeypatch, tmp_path)
    shown = handover(REAL, "connectors", "--json")
    assert shown.exit_code == 1
    found = {one["kind"]: one for one in document(shown)}
    assert found["ldap"]["package"] == "handover-bot"
    assert found["acme"]["package"] == "handover-acme 1.5"
    assert found["acme"]["settings"]["token"] == {"required": True, "description": "The bot's token."}
    assert found["bad"].keys() == {"kind", "package", "fault"}
    table = " ".join(handover(REAL, "connectors").output.split())
    assert "handover-acme 1.5" in table
    assert "handover-bad 1.5 gives no usable kind 'bad': its import failed" in table


def test_doctor_has_a_line_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "handover-acme", "acme", GOOD)
    install(tmp_path, "evil", "ldap", GOOD)
    search(monkeypatch, tmp_path)
    found = {check.what: check.look() for check in systems.kinds(wiring.outside_kinds())}
    [good], [fault] = found["connectors.acme"], found["connectors.ldap"]
    assert (good.ok, good.said) == (True, "handover-acme 1.5")
    assert (fault.ok, fault.todo) == (False, "Install a corrected version of that package, or uninstall it.")
    assert "evil 1.5 gives no usable kind 'ldap'" in fault.said


def test_no_package_is_imported_for_another_kind(tmp_path: Path) -> None:
    install(tmp_path, "handover-acme", "acme", "raise SystemExit('was imported')")
    program = "from connectors import registry; registry.manifest('ldap'); assert 'acme' in registry.known()"
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": f"{tmp_path}:."})


def test_the_shared_keys_are_those_of_the_settings() -> None:
    assert {"kind", *Common.model_fields} == COMMON_KEYS
