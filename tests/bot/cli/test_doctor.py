"""`handover doctor` before a practice workspace: each fault planted once, and seen with what to do."""

import shutil
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web import SlackResponse

from bot.cli.checks import Check, CheckResult, machine, slack
from bot.cli.doctor import examine
from bot.slack.manifest import manifest
from bot.slack.metrics import Metrics
from bot.slack.people import HomeTeam
from bot.slack.serve import make_health_web
from bot.slack.web_server import listening
from tests.bot.commands import ENV, TESS, VAULT, Wiring, configuration, document, handover
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import User
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SCOPES = ",".join(manifest("socket")["oauth_config"]["scopes"]["bot"])


@pytest.fixture
def workspace() -> Iterator[SlackServer]:
    with SlackServer(Workspace()) as server:
        server.workspace.users["U0HR"] = User("U0HR", "hr", "Hanna")
        yield server


def tokens(server: SlackServer) -> dict[str, str]:
    app = server.workspace.app
    return {"BOT": app.bot_token, "APP": app.app_token}


def examined(
    config: Path, env: Mapping[str, str], wiring: Wiring | None = None
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the command; return its code and its checks by name."""
    result = handover(wiring or Wiring(), "doctor", "--json", "--config", str(config), env=env)
    found = document(result)
    assert found["ok"] == all(check["ok"] for check in found["checks"])
    return result.exit_code, {check["what"]: check for check in found["checks"]}


def test_all_good_where_all_is_good(workspace: SlackServer, tmp_path: Path) -> None:
    config = configuration(tmp_path, workspace.api_url, more="[health]\nport = 9")
    code, checks = examined(config, tokens(workspace))
    assert {name: check for name, check in checks.items() if not check["ok"]} == {}
    assert code == 0
    assert {
        "Slack",
        "Slack scopes",
        "Clock",
        "Slack app token",
        "slack.case_channel",
        "slack.security_channel",
        "systems.shop",
        "Stored data",
        "Master key",
        "Data folder",
        "Disk",
        "Python",
        "Text",
        "SQLite",
    } <= checks.keys()
    assert checks["systems.shop"]["said"] == "A shop: the shop is open"
    table = handover(Wiring(), "doctor", "--config", str(tmp_path / "handover.toml"), env=tokens(workspace))
    assert "⚠ NOT SEEN  none on this machine" in table.output, "no bot that runs was looked at"
    assert "No fault; 1 thing(s) cannot be seen" in table.output


def test_holders_of_a_role_who_have_no_right_are_told(workspace: SlackServer, tmp_path: Path) -> None:
    config = configuration(
        tmp_path, workspace.api_url, more=f'[roles.security]\ngroups = ["{seed.HR_GROUP}", "S0GONE"]\n'
    )
    members = workspace.workspace.groups[seed.HR_GROUP].users
    members += [seed.STRANGER, seed.GUEST]
    code, checks = examined(config, tokens(workspace))
    assert code == 1
    assert checks["roles.hr"] == {**checks["roles.hr"], "ok": True, "said": "full members: 1"}
    said = checks["roles.security"]["said"]
    for words in ("is not known to belong", "is a guest", "nobody is in S0GONE"):
        assert words in said
    del members[-2:]
    workspace.workspace.users["U0HR"].deleted = True
    _, checks = examined(config, tokens(workspace))
    assert "is deactivated" in checks["roles.hr"]["said"]
    members += [f"U0MANY{number}" for number in range(50)]
    for user in members:
        workspace.workspace.users.setdefault(user, User(user, user.lower(), user))
    config.write_text(config.read_text(encoding="utf-8").replace(', "S0GONE"', ""), encoding="utf-8")
    _, checks = examined(config, tokens(workspace))
    assert checks["roles.security"]["unseen"], "what was not looked at is not good"


def test_a_wrong_token_a_wrong_password_and_a_channel_without_the_bot_are_told_side_by_side(
    workspace: SlackServer, tmp_path: Path
) -> None:
    config = configuration(tmp_path, workspace.api_url)
    config.write_text(config.read_text(encoding="utf-8").replace("C0OFFBOARDING", seed.NO_BOT), encoding="utf-8")
    code, checks = examined(config, {**tokens(workspace), "SHOP": "closed"})
    assert code == 1
    faults = {name: check["todo"] for name, check in checks.items() if not check["ok"]}
    assert faults.keys() == {"slack.case_channel", "systems.shop"}
    assert "/invite" in faults["slack.case_channel"]
    assert "[systems.shop]" in faults["systems.shop"]
    _, checks = examined(config, {"BOT": "xoxb-wrong", "APP": "xapp-wrong"})
    assert not checks["Slack"]["ok"]
    assert "OAuth & Permissions" in checks["Slack"]["todo"]
    assert not checks["Slack app token"]["ok"]


def test_with_slack_down_everything_else_is_still_examined(tmp_path: Path) -> None:
    code, checks = examined(configuration(tmp_path), {})
    assert code == 1
    assert not checks["Slack"]["ok"]
    assert checks["systems.shop"]["ok"]
    assert checks["Data folder"]["ok"]


def test_a_master_key_that_does_not_fit_is_told(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    store = Store(sqlite_url(tmp_path / "data"), VAULT)
    store.upgrade()
    with store.write() as session:
        session.add(
            Case(
                id="HO-1",
                leaver_key="k",
                mail_key="m",
                state="watched",
                immediate=True,
                effective_at=NOW,
                opened_at=NOW,
                opened_by="cli:x",
                approver="a",
                strategy="single",
                reason="other",
                wrapped_key=Vault(b"\0" * 32).new_key(),
                sealed=b"",
            )
        )
    store.close()
    assert examined(config, {})[1]["Master key"] == {
        "what": "Master key",
        "ok": True,
        "said": "fits the stored cases",
        "todo": "",
        "unseen": False,
        "cause": "",
    }
    wrong = examined(config, {"MASTER": b64encode(b"1" * 32).decode()})[1]["Master key"]
    assert not wrong["ok"]
    assert "storage.master_key" in wrong["todo"]
    assert ENV["MASTER"] not in str(wrong)


def test_lost_members_of_a_group_are_a_fault_until_somebody_accepts_them(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    examined(config, {})
    store = Store(sqlite_url(tmp_path / "data"), VAULT)
    kind = FindingKind.MEMBERS_LOST
    with store.write() as session:
        session.add(
            Finding(
                id="F-1",
                key="k",
                kind=kind,
                system="shop",
                account_id="a",
                first_seen=NOW,
                last_seen=NOW,
                seen_by="lock-out",
            )
        )
    told = examined(config, {})[1]["systems.shop.groups"]
    assert (told["ok"], "--accept F-1" in told["todo"]) == (False, True)
    with store.write() as session:
        session.get_one(Finding, "F-1").accepted_until = datetime.now(UTC) + timedelta(days=1)
    store.close()
    assert "systems.shop.groups" not in examined(config, {})[1]


def test_a_store_that_cannot_be_opened_is_one_fault_among_good_checks(tmp_path: Path) -> None:
    _, checks = examined(configuration(tmp_path), {}, Wiring(broken=PermissionError(13, "Permission denied", "/data")))
    assert "Permission denied" in checks["Stored data"]["said"]
    assert checks["systems.shop"]["ok"]


def test_one_that_hangs_is_a_fault_and_holds_nobody_up() -> None:
    hold = threading.Event()

    def hang() -> list[CheckResult]:
        hold.wait(60)
        return []

    begun = time.monotonic()
    found = examine([Check("slow", hang), Check("quick", lambda: [CheckResult("quick", True, "ok")])], 1.5)
    assert time.monotonic() - begun < 20
    hold.set()
    assert [(result.what, result.ok) for result in found] == [("slow", False), ("quick", True)]
    assert "1.5 s" in found[0].said


def test_a_check_that_breaks_is_a_fault() -> None:
    (found,) = examine([Check("odd", lambda: [CheckResult("odd", 1 / 0 > 0, "")])], 5)
    assert (found.what, found.ok) == ("odd", False)


def answer(headers: dict[str, str]) -> SlackResponse:
    return SlackResponse(
        client=None,
        http_verb="POST",
        api_url="",
        req_args={},
        data={"user": "handover", "team": "Northwind"},
        headers=headers,
        status_code=200,
    )


def judged(headers: dict[str, str]) -> dict[str, bool]:
    return {result.what: result.ok for result in slack.token(answer(headers), "socket", NOW)}


def test_scopes_and_clock_are_read_from_slacks_headers() -> None:
    good = {"X-OAuth-Scopes": SCOPES, "Date": format_datetime(NOW, usegmt=True)}
    assert judged(good) == {"Slack": True, "Slack scopes": True, "Clock": True}
    lacking = slack.scopes(SCOPES.replace("chat:write,", ""), "socket")
    assert (lacking.ok, lacking.said) == (False, "missing: chat:write")
    assert judged({**good, "X-OAuth-Scopes": SCOPES + ",more:read"})["Slack scopes"]
    assert not judged({"Date": good["Date"]})["Slack scopes"]
    assert not judged({"X-OAuth-Scopes": SCOPES})["Clock"]


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (60, True), (61, False), (-61, False), (400, False)])
def test_a_clock_more_than_a_minute_off_is_a_fault(seconds: int, ok: bool) -> None:
    theirs = datetime.fromtimestamp(NOW.timestamp() - seconds, UTC)
    assert slack.clock(format_datetime(theirs, usegmt=True), NOW).ok is ok


@pytest.mark.parametrize(
    ("found", "ok"),
    [
        ({"is_member": True}, True),
        ({"is_im": True}, True),
        ({"is_member": False}, False),
        ({}, False),
        ({"is_member": True, "is_archived": True}, False),
        ({"is_member": True, "is_ext_shared": True}, False),
        ({"is_member": True, "is_ext_shared": None}, False),
    ],
)
def test_a_channel_is_good_only_with_the_bot_in_it(found: dict[str, bool], ok: bool) -> None:
    known = {"id": "C1", "name": "cases", "is_ext_shared": False, **found}
    assert slack.channel(known, "slack.case_channel", HomeTeam("T1")).ok is ok


@pytest.mark.parametrize(
    ("what", "ok"), [("case_channel", True), ("security_channel", False), ("audit_channel", False)]
)
def test_only_the_channel_of_cases_may_be_public(what: str, ok: bool) -> None:
    public = {"id": "C1", "name": "all", "is_member": True, "is_private": False, "is_ext_shared": False}
    assert slack.channel(public, f"slack.{what}", HomeTeam("T1")).ok is ok
    assert slack.channel({**public, "is_private": True}, f"slack.{what}", HomeTeam("T1")).ok


def test_the_machine_is_judged_by_its_figures(tmp_path: Path) -> None:
    assert [machine.python(version).ok for version in ((3, 10), (3, 11), (3, 13), (3, 14))] == [
        False,
        True,
        True,
        False,
    ]
    assert [machine.sqlite(version).ok for version in ((3, 34, 9), (3, 35, 0))] == [False, True]
    assert [machine.text("ascii", 500).ok, machine.text("utf-8", 0).ok, machine.text("UTF-8", 500).ok] == [
        False,
        False,
        True,
    ]
    assert not machine.folder(tmp_path / "none").ok
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    assert machine.folder(data).ok
    data.chmod(0o755)
    assert not machine.folder(data).ok
    assert machine.disk_space(tmp_path / "none" / "deeper").said.endswith("GB free")


def test_a_clock_behind_the_record_is_a_fault_until_somebody_who_may_accepts_it(tmp_path: Path) -> None:
    wiring, config = Wiring(), configuration(tmp_path)
    wiring.clock_record.said = "the clock shows 2026"
    found = examined(config, {}, wiring)[1]["Clock and journal"]
    assert not found["ok"]
    assert "--accept-clock" in found["todo"]
    refused = handover(wiring, "doctor", "--accept-clock", "--config", str(config), env={"HANDOVER_CODE": "1"})
    assert (refused.exit_code, wiring.clock_record.said) != (0, "")
    handover(wiring, "doctor", "--accept-clock", "--config", str(config))
    assert wiring.clock_record.accepted == [TESS.id]
    assert examined(config, {}, wiring)[1]["Clock and journal"]["ok"]


def test_a_damaged_engine_file_is_a_fault(tmp_path: Path) -> None:
    assert machine.engine(tmp_path).ok
    (tmp_path / "engine.sqlite").write_bytes(b"not a database, " * 4096)
    found = machine.engine(tmp_path)
    assert (found.ok, "engine.sqlite is damaged" in found.said, "Restart" in found.todo) == (False, True, True)


def test_the_running_bot_is_asked_for_its_faults() -> None:
    faults = ["due work was last looked for 40 s ago"]
    with listening(make_health_web(Metrics(), lambda: faults), "127.0.0.1", 0, 1) as port:
        found = machine.running_bot("127.0.0.1", port)
        assert (found.ok, found.said) == (False, faults[0])
        faults.clear()
        assert machine.running_bot("127.0.0.1", port).ok
    found = machine.running_bot("127.0.0.1", port)
    assert found.ok
    assert "none on this machine" in found.said


def test_without_data_nothing_is_made(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    shutil.rmtree(tmp_path / "data")
    _code, checks = examined(config, {})
    assert "does not exist" in checks["Data folder"]["said"]
    assert checks["Stored data"]["unseen"], "what is not there yet was not looked at"
    assert not (tmp_path / "data").exists()
