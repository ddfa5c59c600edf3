"""The practice domain itself: one at a time, and a clear message if it cannot run."""

import os
from pathlib import Path

import ldap
import pytest

from tests.sandbox.company import samba as samba_module
from tests.sandbox.company.machine_lock import MachineLock, MachineLockTimeout
from tests.sandbox.company.samba import PACKAGES, Samba, prepare
from tests.sandbox.company.samba_conf import SERVICE_DN
from tests.sandbox.company.slapd import MissingProgram


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: None)
    for call in (Samba(tmp_path).start, prepare):
        with pytest.raises(MissingProgram, match=f"apt-get install -y --no-install-recommends {' '.join(PACKAGES)}"):
            call()


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingProgram, match="run as root"):
        Samba(tmp_path).start()


def test_a_second_run_waits_and_then_says_who_has_it(
    samba: Samba, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(samba_module, "LOCK_SECONDS", 0.1)
    with pytest.raises(MachineLockTimeout, match="handover-samba"):
        Samba(tmp_path).start()
    assert samba.can_bind(samba.bind_dn, samba.bind_password)


def test_a_turn_comes_back() -> None:
    one, other = MachineLock("practice-test", 0.1), MachineLock("practice-test", 0.1)
    one.acquire()
    one.acquire()
    with pytest.raises(MachineLockTimeout):
        other.acquire()
    one.release()
    one.release()
    other.acquire()
    other.release()


def test_the_bot_has_no_more_rights_than_it_needs(samba: Samba) -> None:
    writes = samba.writes().total()
    with samba.bound(samba.bind_dn, samba.bind_password) as bot, pytest.raises(ldap.INSUFFICIENT_ACCESS):
        bot.modify_s(f"CN=Domain Admins,CN=Users,{samba.base_dn}", [(ldap.MOD_ADD, "member", [SERVICE_DN.encode()])])
    assert samba.writes().total() == writes
