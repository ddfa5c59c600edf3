"""Agreement of kinds, folders and manifests."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from connectors import registry
from connectors.contract import CAPABILITIES, ByHand, Connector
from connectors.tryton.settings import TrytonSettings

ROOT = Path(registry.__file__).resolve().parents[1]


def test_every_folder_with_a_connector_is_a_kind_of_that_name() -> None:
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/connector.py")}
    assert set(registry.known()) == folders >= {"tryton"}
    for kind in registry.known():
        assert registry.manifest(kind).kind == kind


@pytest.mark.parametrize("kind", registry.known())
def test_a_manifest_is_complete(kind: str) -> None:
    manifest = registry.manifest(kind)
    assert manifest.title
    assert manifest.capabilities or ByHand in manifest.connector.__mro__
    assert set(manifest.capabilities) <= set(CAPABILITIES)
    assert issubclass(manifest.settings, BaseModel)
    assert all(sentence.endswith(".") for sentence in manifest.cannot)
    assert (ROOT / "connectors" / kind / "README.md").exists()


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    for name in ("hubspott", "", "../ldap", "http", "contract"):
        with pytest.raises(LookupError, match="tryton"):
            registry.settings_of(name)


def test_builds_without_sending_anything() -> None:
    settings = TrytonSettings(url="http://127.0.0.1:9", database="x", login="y", password=SecretStr("z"))
    built = registry.build("tryton", settings)
    assert isinstance(built, registry.manifest("tryton").connector)
    assert registry.settings_of("tryton") is TrytonSettings
    connector: Connector = built
    connector.close()


def test_a_kind_is_imported_only_when_asked_for() -> None:
    program = (
        "import sys; from connectors import registry; registry.known(); "
        "assert not [m for m in sys.modules if m.startswith('connectors.tryton')]; "
        "registry.manifest('tryton'); assert 'connectors.tryton.connector' in sys.modules; "
        "assert 'ldap' not in sys.modules and 'connectors.ldap' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)
