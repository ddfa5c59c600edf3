"""Packages of other authors, as an installation leaves them: modules in a folder, and the metadata beside them."""

import sys
from pathlib import Path

import pytest

GOOD = '''
from connectors.contract import Accounts, BeforeImage, Change, Locked, Login, Lookup, Manifest, Observation, Verdict
from connectors.settings import SystemSettings
from config.secrets import Secret

class Settings(SystemSettings):
    url: str
    """Address of the server."""
    token: Secret
    """The bot's token."""

class Acme(Accounts):
    def __init__(self, settings):
        self.settings = settings
    def check(self):
        return "acme"
    def close(self):
        pass
    def find(self, person):
        return Lookup((), "by mail")
    def read(self, accounts):
        return {}
    def observe(self, accounts):
        return {one: Observation(Verdict.OPEN, "read") for one in accounts}
    def before(self, account):
        return BeforeImage(account, {"active": "yes"})
    def lock(self, before):
        return Locked(Change.MADE, Login.NOT_TRIED)
    def unlock(self, before):
        return Change.MADE

MANIFEST = Manifest("acme", "Acme", Acme, Settings, cannot=("Acme cannot end sessions.",), contract=1)
'''
"""A module that keeps every rule of the registry."""


def install(folder: Path, distribution: str, kind: str, code: str, module: str = "") -> None:
    """Write a package of one module with an entry point. The folder must not be searched yet."""
    module = module or distribution.replace("-", "_")
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[handover.connectors]\n{kind} = {module}\n", encoding="utf-8")


def search(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let Python find the packages of a folder until the end of the test, and forget what other tests imported."""
    monkeypatch.syspath_prepend(str(folder))
    for found in (one.stem for one in folder.iterdir() if one.suffix != ".dist-info"):
        for module in [name for name in sys.modules if name == found or name.startswith(f"{found}.")]:
            del sys.modules[module]
