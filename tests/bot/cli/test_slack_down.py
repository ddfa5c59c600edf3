"""A whole offboarding from the terminal with Slack down, against a real directory that is asked from outside."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.commands import ENV, process
from tests.sandbox.company.people import BY_UID, MANAGER
from tests.sandbox.company.slapd import Slapd

LEAVER = BY_UID["anh.nguyen"]
SECRET = "the secret of the HR system's script"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path / "slapd") as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, directory: Slapd) -> str:
    path = tmp_path / "handover.toml"
    path.write_text(
        f"""
[company]
name = "Northwind"
directory = "directory"
[storage]
path = "{tmp_path / "data"}"
master_key = "env:MASTER"
signing_key = "env:SIGNING"
[slack]
bot_token = "env:BOT"
app_token = "env:APP"
api_url = "http://127.0.0.1:9/api/"
case_channel = "C0OFFBOARDING"
security_channel = "C0SECURITYALERTS"
audit_channel = "C0ACCESSAUDIT"
[roles.hr]
users = ["U0HR"]
[actors.hris]
secret = "env:HRIS"
roles = ["hr"]
[policy]
protected = ["erika.board@northwind.example"]
[systems.directory]
kind = "ldap"
urls = ["{directory.tls_url}"]
ca_file = "{directory.ca_file}"
bind_dn = "{directory.bind_dn}"
password = "env:LDAP"
base_dn = "{directory.base_dn}"
""",
        encoding="utf-8",
    )
    return str(path)


def test_with_slack_down_a_person_is_locked_out_from_the_terminal(directory: Slapd, config: str) -> None:
    env = {**ENV, "LDAP": directory.bind_password, "HANDOVER_CONFIG": config, "HRIS": SECRET}
    nobody = process("offboard", LEAVER.email, "--yes", "--successor", "bob.ross@northwind.example", env=env)
    assert (nobody.returncode, "who acts here" in nobody.stderr) == (2, True)
    env |= {"HANDOVER_AS": "hris", "HANDOVER_CODE": SECRET}
    plan = json.loads(process("plan", LEAVER.email, "--json", env=env).stdout)
    assert plan["leaver"]["name"] == LEAVER.name
    assert plan["leaver"]["manager_email"] == MANAGER.email
    assert directory.can_bind(LEAVER.uid, LEAVER.password), "a plan changes nothing"

    done = process("offboard", LEAVER.email, "--yes", "--json", "--successor", "bob.ross@northwind.example", env=env)
    assert done.returncode == 1, "open connections to the directory may still work"
    case = json.loads(done.stdout)
    assert [(line["system"], line["verdict"]) for line in case["systems"]] == [("directory", "locked")]
    assert case["approver"]["email"] == MANAGER.email
    assert not directory.can_bind(LEAVER.uid, LEAVER.password)
    assert "locked" in done.stderr

    again = process("offboard", LEAVER.email, "--yes", env=env)
    assert again.returncode == 1
    assert case["id"] in again.stderr
    shown = process("status", LEAVER.email, env=env)
    assert (shown.returncode, "may work until" in shown.stdout) == (1, True), shown.stdout
    proof = process("verify", "--json", env=env)
    assert json.loads(proof.stdout)["sealed"] > 0, proof.stderr

    protected = process("offboard", "erika.board@northwind.example", "--yes", "--approver", MANAGER.email, env=env)
    assert protected.returncode == 1
    assert "protected" in protected.stderr
    assert directory.can_bind("erika.board", BY_UID["erika.board"].password)
    assert "Traceback" not in done.stderr + again.stderr + protected.stderr
