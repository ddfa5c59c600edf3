"""Actors at the terminal: the log-in session, a person's code, a script's secret; no variable, and nobody twice."""

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli import actor, enrol
from bot.cli.checks import actors
from config.actors import NO_TABLE
from config.settings import Role, Roles, Settings
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import CLOCK, ENV, ROOT, VAULT, Wiring, configuration, document, handover, make_enrolments
from tests.bot.fakes import FakeJournal
from tests.enrolled import App
from tests.enrolled import enrol as enrolled
from workflows.authorization import Right
from workflows.people import Actor
from workflows.storage.rows.case import CaseState
from workflows.storage.store import Store, sqlite_url

SECRET = "a secret of the HR system, long enough"
PEOPLE = """
[actors.sam]
slack = "U0SAM"
roles = ["security"]
[actors.hanna]
logins = ["hanna", "hanna-adm"]
email = "hanna@x.example"
roles = ["hr"]
[actors.hris]
secret = "env:HRIS"
commands = ["offboard"]
[actors.nightly]
secret = "env:HRIS"
roles = ["hr", "approver", "security", "admin"]
"""
NOBODY = {"HANDOVER_AS": "", "HANDOVER_CODE": ""}
"""Environment of a caller who says nothing about themselves."""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HRIS", SECRET)
    return str(configuration(tmp_path, more=PEOPLE))


@pytest.fixture
def wiring() -> Wiring:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    return wiring


@dataclass
class Kernel:
    """Records of the kernel and of systemd-logind about this process."""

    folder: Path

    def say(self, uid: int | str, session: str = "7", *, recorded: int | str | None = None) -> None:
        (self.folder / "loginuid").write_text(str(uid))
        (self.folder / "sessionid").write_text(session)
        if recorded is not None:
            (self.folder / session).write_text(f"UID={recorded}\nUSER=x\nAUDIT={session}\n")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    folder = tmp_path / "kernel"
    folder.mkdir()
    monkeypatch.setattr(actor, "LOGIN_UID", folder / "loginuid")
    monkeypatch.setattr(actor, "SESSION_ID", folder / "sessionid")
    monkeypatch.setattr(actor, "SESSIONS", folder)
    names = {0: "root", 1001: "sam", 1002: "hanna-adm", 1003: "guest"}
    monkeypatch.setattr(actor, "account", lambda uid: names.get(uid, str(uid)))
    return Kernel(folder)


def undo(wiring: Wiring, config: str, **env: str) -> tuple[int, str]:
    """Undo a case, as whoever the environment says, and return the exit code and what was said."""
    result = handover(
        wiring, "undo", "case-1", "--reason", "a mistake", "--yes", "--config", config, env={**NOBODY, **env}
    )
    return result.exit_code, result.output


def acts(wiring: Wiring) -> list[str]:
    return [by for _what, _case, by in wiring.offboarding.done]


def new_app(config: str, person: Actor) -> App:
    """Enrol a person as in Slack."""
    store = Store(sqlite_url(Path(config).parent / "data"), VAULT)
    app = enrolled(make_enrolments(store), person, CLOCK.now())
    store.close()
    return app


# -- the log-in session


@pytest.mark.parametrize(("uid", "by"), [(1001, "slack:U0SAM"), (1002, "cli:hanna")])
def test_the_log_in_that_kernel_and_logind_agree_on_needs_no_code(
    wiring: Wiring, config: str, kernel: Kernel, uid: int, by: str
) -> None:
    kernel.say(uid, recorded=uid)
    assert undo(wiring, config)[0] == 0
    assert acts(wiring) == [by]


@pytest.mark.parametrize("name", ["SUDO_USER", "SUDO_UID", "LOGNAME", "USER", "LNAME", "USERNAME"])
def test_no_variable_makes_anybody_somebody(wiring: Wiring, config: str, kernel: Kernel, name: str) -> None:
    code, said = undo(wiring, config, **{name: "sam"})
    assert (code, acts(wiring)) == (2, [])
    assert "No log-in of this machine" in said
    kernel.say(1002, recorded=1002)
    assert undo(wiring, config, **{name: "sam"})[0] == 0
    assert acts(wiring) == ["cli:hanna"], "the log-in, whatever the variable says"


def test_a_login_uid_that_the_process_wrote_itself_vouches_for_nobody(
    wiring: Wiring, config: str, kernel: Kernel
) -> None:
    for recorded in (None, 1003):  # no session of logind, and one of somebody else
        kernel.say(1001, recorded=recorded)
        code, said = undo(wiring, config)
        assert (code, acts(wiring)) == (2, [])
        assert "No log-in of this machine" in said


def test_a_real_process_does_not_vouch_for_itself(fresh: "Terminal") -> None:
    with Path(fresh.config).open("a", encoding="utf-8") as file:
        file.write('[actors.root]\nemail = "root@x.example"\nroles = ["security"]\n')
    forge = f"echo 0 > /proc/self/loginuid; exec {sys.executable} -m bot audit --now --config {fresh.config}"
    env = {**ENV, "HRIS": SECRET, "PATH": os.environ["PATH"], "SUDO_USER": "sam"}
    ended = subprocess.run(["sh", "-c", forge], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "here.\nAdd --as PERSON" in ended.stderr or "names the log-in" in ended.stderr


@pytest.mark.parametrize("uid", [actor.UNSET, "", "nonsense"])
def test_without_a_log_in_nobody_acts(wiring: Wiring, config: str, kernel: Kernel, uid: str) -> None:
    kernel.say(uid, recorded=uid)
    assert undo(wiring, config)[0] == 2
    kernel.say(1001, actor.UNSET, recorded=1001)
    assert undo(wiring, config)[0] == 2
    assert acts(wiring) == []


def test_a_log_in_without_a_table_is_nobody(wiring: Wiring, config: str, kernel: Kernel) -> None:
    kernel.say(1003, recorded=1003)
    code, said = undo(wiring, config)
    assert (code, acts(wiring)) == (2, [])
    assert "[actors.NAME] table names the log-in guest" in said


# -- a person's code


def test_without_a_log_in_a_person_proves_themselves_once(wiring: Wiring, config: str, kernel: Kernel) -> None:
    app = new_app(config, Actor("slack:U0SAM", "Sam", "sam@x.example"))
    code = app.code(CLOCK.now() + timedelta(minutes=1))  # counts for both commands: each moves the clock on
    assert undo(wiring, config, HANDOVER_AS="sam", HANDOVER_CODE=code)[0] == 0
    again, said = undo(wiring, config, HANDOVER_AS="sam", HANDOVER_CODE=code)
    assert (again, acts(wiring)) == (2, ["slack:U0SAM"])
    assert "used already" in said


@pytest.mark.parametrize("who", ["U0SAM", "sam@x.example", "sam"])
def test_a_code_is_read_from_standard_input_and_never_from_an_argument(
    wiring: Wiring, config: str, kernel: Kernel, who: str
) -> None:
    app = new_app(config, Actor("slack:U0SAM", "Sam", "sam@x.example"))
    CLOCK.next_period()
    line = ("undo", "case-1", "--reason", "a mistake", "--yes", "--as", who, "--config", config)
    CLOCK.next_period()
    done = handover(wiring, *line, env=NOBODY, typed=app.code(CLOCK.now()) + "\n")
    assert done.exit_code == 0, done.output
    assert acts(wiring) == ["slack:U0SAM"]
    empty = handover(wiring, *line, env=NOBODY, typed="")
    assert (empty.exit_code, len(acts(wiring))) == (2, 1)
    assert "is missing" in empty.output
    assert "--code" not in handover(wiring, "undo", "--help").output


def test_guessing_locks_the_person_and_not_the_others(wiring: Wiring, config: str, kernel: Kernel) -> None:
    app = new_app(config, Actor("slack:U0SAM", "Sam"))
    good = {app.code(CLOCK.now() + timedelta(seconds=30 * step)) for step in range(8)}
    guesses = [code for code in map(str, range(200000, 200012)) if code not in good][:5]
    said = [undo(wiring, config, HANDOVER_AS="sam", HANDOVER_CODE=guess)[1] for guess in guesses]
    assert "This code is wrong" in said[0]
    assert "No code counts until" in said[-1]
    CLOCK.next_period()
    assert "No code counts until" in undo(wiring, config, HANDOVER_AS="sam", HANDOVER_CODE=app.code(CLOCK.now()))[1]
    assert acts(wiring) == []
    CLOCK.at += timedelta(minutes=20)
    after, told = undo(wiring, config, HANDOVER_AS="sam", HANDOVER_CODE=app.code(CLOCK.now()))
    assert (after, "5 wrong codes were given for sam within a day" in told) == (0, True), told
    assert handover(wiring, "undo", "case-1", "--reason", "a mistake", "--yes", "--config", config).exit_code == 0, (
        "the operator of these tests"
    )


def test_somebody_who_never_enrolled_is_told_how(wiring: Wiring, config: str, kernel: Kernel) -> None:
    code, said = undo(wiring, config, HANDOVER_AS="sam", HANDOVER_CODE="123456")
    assert (code, acts(wiring)) == (2, [])
    assert "handover enrol NAME" in said
    assert "neither in [actors] nor enrolled" in undo(wiring, config, HANDOVER_AS="eve", HANDOVER_CODE="123456")[1]


def test_reading_needs_no_code(wiring: Wiring, config: str, kernel: Kernel) -> None:
    for line in (("status", "case-1"), ("findings",), ("moves", "case-1"), ("link", "case-1", "crm"), ("enrol",)):
        result = handover(wiring, *line, "--config", config, env=NOBODY)
        assert "Add --as PERSON" not in result.output, line


# -- roles


def test_a_role_holds_at_the_terminal_as_in_slack(
    wiring: Wiring, config: str, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals: list[object] = []
    monkeypatch.setattr(FakeJournal, "note", lambda _self, *what: refusals.append(what))
    kernel.say(1001, recorded=1001)  # security
    later = ("reschedule", "case-1", "--at", "end-of-day 2026-12-04", "--config", config)
    refused = handover(wiring, *later, env=NOBODY)
    assert refused.exit_code == 1
    assert "It needs one of these roles: hr" in refused.output
    [(what, who, data)] = refusals  # type: ignore[misc]
    assert (what, who.id, who.terminal) == ("refused", "slack:U0SAM", True)  # type: ignore[has-type]
    assert data == {"what": "reschedule a case"}  # type: ignore[has-type]
    kernel.say(1002, recorded=1002)  # HR
    handover(wiring, *later, env=NOBODY)
    assert [what for what, _case, _by in wiring.offboarding.done] == ["reschedule"]
    assert handover(wiring, "close", "case-1", "--rehired", "--yes", "--config", config, env=NOBODY).exit_code == 0
    assert handover(wiring, "findings", "--take", "F-1", "--config", config, env=NOBODY).exit_code == 1
    assert wiring.audits.taken == []


def test_roles_of_slack_hold_here_too_and_a_group_that_slack_does_not_name_gives_none(config: str) -> None:
    roles = Roles(hr=Role(users=("U0SAM",)), security=Role(groups=("S0SEC",)))
    settings = Settings.model_construct(roles=roles, slack=_settings(config).slack)
    sam = Actor("slack:U0SAM", "sam", terminal=True)
    table = NO_TABLE
    assert actor.may(settings, sam, table, Right.OPEN)
    assert not actor.may(settings, sam, table, Right.LOCK_AGAIN), "Slack is down"
    assert not actor.may(settings, replace(sam, id="slack:U0EVE"), table, Right.OPEN)


def _settings(config: str) -> Settings:
    from config.settings import load  # noqa: PLC0415

    return load(Path(config), {**ENV, "HRIS": SECRET}, Wiring().settings_of)


# -- scripts


def test_a_script_does_what_is_listed_under_its_own_name(config: str, kernel: Kernel) -> None:
    wiring = Wiring()
    line = ("offboard", samples.leaver().email, "--yes", "--wait", "0", "--config", config)
    handover(wiring, *line, env={"HANDOVER_AS": "hris", "HANDOVER_CODE": SECRET})
    [request] = wiring.offboarding.requests
    assert (request.requested_by.id, request.requested_by.terminal) == ("service:hris", True)
    assert not request.requested_by.login, "nothing vouches for a person behind it"
    for wrong in (SECRET[:-1], SECRET + "x", "", "123456"):
        result = handover(wiring, *line, env={"HANDOVER_AS": "hris", "HANDOVER_CODE": wrong}, typed="")
        assert result.exit_code == 2
    assert len(wiring.offboarding.requests) == 1


def test_a_script_without_the_right_is_refused(wiring: Wiring, config: str, kernel: Kernel) -> None:
    code, said = undo(wiring, config, HANDOVER_AS="hris", HANDOVER_CODE=SECRET)
    assert (code, acts(wiring)) == (1, [])
    assert "hris is not allowed" in said


@pytest.mark.parametrize(
    "line",
    [
        ("release", "case-1", "--yes"),
        ("link", "case-1", "crm", "--login", "d.oneill"),
        ("findings", "--accept", "F-1", "--until", "2026-12-05", "--reason", "why"),
    ],
)
def test_no_script_is_a_second_person_whatever_its_roles(
    wiring: Wiring, config: str, kernel: Kernel, line: tuple[str, ...]
) -> None:
    result = handover(wiring, *line, "--config", config, env={"HANDOVER_AS": "nightly", "HANDOVER_CODE": SECRET})
    assert result.exit_code == 1
    assert "nightly is not allowed" in result.output
    assert (acts(wiring), wiring.linking.linked, wiring.audits.waived) == ([], [], [])


def test_the_log_in_session_stays_with_a_code_that_was_given_in_it(config: str, kernel: Kernel) -> None:
    kernel.say(0, recorded=0)
    app = new_app(config, Actor("slack:U0SAM", "Sam"))
    wiring = Wiring()
    CLOCK.next_period()
    os.environ.pop("HANDOVER_CODE", None)
    line = ("offboard", samples.leaver().email, "--yes", "--wait", "0", "--as", "sam", "--config", config)
    roles = Path(config).read_text(encoding="utf-8").replace('roles = ["security"]', 'roles = ["hr"]')
    Path(config).write_text(roles, encoding="utf-8")
    handover(wiring, *line, env=NOBODY, typed=app.code(CLOCK.now()) + "\n")
    [request] = wiring.offboarding.requests
    by = request.requested_by
    assert (by.id, by.login) == ("slack:U0SAM", "cli:root")
    assert by.may_be(Actor("cli:root", "root", terminal=True)), "root is one human, whatever name it takes"


def test_who_runs_a_script_in_their_own_session_is_the_same_human(config: str, kernel: Kernel) -> None:
    kernel.say(1001, recorded=1001)
    wiring = Wiring()
    line = ("offboard", samples.leaver().email, "--yes", "--wait", "0", "--config", config)
    handover(wiring, *line, env={"HANDOVER_AS": "hris", "HANDOVER_CODE": SECRET})
    [request] = wiring.offboarding.requests
    assert (request.requested_by.id, request.requested_by.login) == ("service:hris", "slack:U0SAM")
    assert Actor("slack:U0SAM", "Sam").may_be(request.requested_by)


def test_who_enrols_alone_vouches_under_their_own_id(config: str, kernel: Kernel) -> None:
    tables = _settings(config).actors
    kernel.say(1001, recorded=1001)
    by = enrol.operator(tables)
    assert (by.id, by.login) == ("slack:U0SAM", "cli:sam"), "in Slack, too, this is no second person"
    kernel.say(1003, recorded=1003)
    assert enrol.operator(tables).id == "cli:guest"


# -- enrolment at the terminal


class Terminal:
    """`handover enrol` in a process of its own, with pipes, since the first code depends on what it prints."""

    def __init__(self, config: str) -> None:
        self.config = config

    def run(self, *line: str, code: str = "", app: App | None = None) -> tuple[int, str]:
        """Run the command; answer with the code, then with the first code of the secret that was shown."""
        given = {"HANDOVER_CODE": code} if code else {}
        env = {"PATH": os.environ["PATH"], **ENV, "HRIS": SECRET, **given, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "bot", "enrol", *line, "--config", self.config]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said = ""
            for shown in process.stdout:
                said += shown
                if found := re.search(r"otpauth:\S+", shown):
                    self.app = App.of(found[0])
                    process.stdin.write(self.app.next_code() + "\n")
                    process.stdin.flush()
        return process.returncode, said


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal before anybody is enrolled."""
    path = configuration(tmp_path, more=PEOPLE.replace('roles = ["hr"]', 'roles = ["admin"]'))
    text = path.read_text(encoding="utf-8").replace('directory = "shop"', 'directory = "badge"')
    start, end = text.index("[systems.shop]"), text.index("[actors.tess]")
    badge = '[systems.badge]\nkind = "manual"\ntitle = "Badge"\ninstructions = "Take it."\nassignee = "U0HR"\n'
    path.write_text(text[:start] + badge + text[end:], encoding="utf-8")
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    return Terminal(str(path))


def test_first_enrolment_the_next_ones_and_resets(fresh: Terminal) -> None:
    code, said = fresh.run("hanna")
    assert (code, "hanna is enrolled" in said) == (0, True), said
    hanna = fresh.app
    assert "an enrolled person" not in said
    alone, said = fresh.run("sam")
    assert (alone, "Ask one of them to give a code" in " ".join(said.split())) == (2, True), said
    code, said = fresh.run("sam", "--as", "hanna", code=hanna.next_code())
    assert (code, "sam is enrolled" in said) == (0, True), said
    sam = fresh.app
    assert fresh.run("sam", "--reset", "--as", "sam", code=sam.next_code())[0] == 2, "nobody resets themselves"
    vouched, said = fresh.run("hanna", "--reset", "--as", "sam", code=sam.next_code())
    assert (vouched, "second person" in said) == (2, True), "hanna saw sam's secret, so it may be hanna"
    root, said = fresh.run("sam", "--reset")
    assert (root, "Security gets a finding" in said) == (0, True), said
    code, said = fresh.run("--json")
    assert [one["id"] for one in json.loads(said)] == ["cli:hanna"]


def test_who_is_not_root_resets_nobody_alone(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    result = handover(Wiring(), "enrol", "tess", "--reset", "--config", config, env=NOBODY)
    assert (result.exit_code, "Only root can do it alone" in result.output) == (2, True)


def test_who_vouches_needs_a_role(config: str, kernel: Kernel) -> None:
    app = new_app(config, Actor("cli:hanna", "hanna"))
    CLOCK.next_period()
    env = {"HANDOVER_AS": "hanna", "HANDOVER_CODE": app.code(CLOCK.now())}
    result = handover(Wiring(), "enrol", "sam", "--config", config, env=env)
    assert (result.exit_code, "may not enrol others" in result.output) == (1, True)
    assert "otpauth" not in result.output


# -- the configuration


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('[actors.b]\nlogins = ["sam"]\nemail = "b@x.example"\nroles = ["hr"]', "sam and b share"),
        ('[actors.b]\nslack = "U0SAM"\nroles = ["hr"]', "share a log-in, a Slack id"),
        ('[actors.b]\nsecret = "env:SHORT"\nroles = ["hr"]', "at least 24 characters"),
        ('[actors.b]\nsecret = "env:HRIS"\nlogins = ["b"]\nroles = ["hr"]', "a script has no logins"),
        ('[actors.b]\nsecret = "env:HRIS"', "may do nothing"),
        ('[actors.b]\nsecret = "env:HRIS"\ncommands = ["release"]', "commands"),
        ('[actors.b]\ncommands = ["offboard"]', "people have roles"),
        ('[actors.b]\nroles = ["hr"]', "actors.b: needs slack or email"),
        ('[actors.b]\nlogins = ["b"]\nemail = "b"\nroles = ["hr"]', "actors.b: needs slack or email"),
        ('[actors.b]\nslack = "U0B"\nroles = ["boss"]', "actors.b.roles"),
        ('[actors."b c"]\nroles = ["hr"]', "actors"),
        ('[actors.b]\nsecret = "clear text of a secret, long"\nroles = ["hr"]', "as a reference"),
    ],
)
def test_a_table_that_would_make_two_of_one_is_refused(tmp_path: Path, table: str, fault: str) -> None:
    path = configuration(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + PEOPLE + table, encoding="utf-8")
    env = {**NOBODY, "HRIS": SECRET, "SHORT": b64encode(b"short").decode()}
    result = handover(Wiring(), "status", "--config", str(path), env=env)
    assert result.exit_code == 2
    assert fault in result.output
    assert "clear text" not in result.output


def test_doctor_shows_who_can_act_and_with_which_rights(config: str) -> None:
    shown = document(handover(Wiring(), "doctor", "--json", "--config", config, env=NOBODY))["checks"]
    said = {one["what"]: one["said"] for one in shown if one["what"].startswith(("actors.", "Actors"))}
    assert said == {
        "actors.tess": "person with one-time codes: hr, approver, security, admin",
        "actors.sam": "person without one-time codes: security",
        "actors.hanna": "person without one-time codes: hr",
        "actors.hris": "script: offboard",
        "actors.nightly": "script: hr, approver, security, admin",
        "Actors": "1 with one-time codes",
    }
    assert SECRET not in str(shown)


def test_doctor_says_when_nobody_could_act_without_slack(config: str) -> None:
    settings = _settings(config)
    scripts = {name: one for name, one in settings.actors.items() if one.service}
    alone = settings.model_copy(update={"actors": scripts})
    assert [one.ok for one in actors.results(alone, [])] == [True, True, False]
    assert all(one.ok for one in actors.results(alone, ["slack:U0SAM"]))
