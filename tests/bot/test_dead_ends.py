"""No sentence sends a reader to an act that is refused to them, or to a button or command that does not exist."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from bot import errors as in_slack
from bot.cli import explanations as at_terminal
from bot.cli.app import make_app
from bot.slack.listeners import audits, book, cases, enrolment, handover, home, manual, notes, offboarding
from bot.slack.listeners import duties as duty_listeners
from bot.slack.listeners import stayed as stayed_listeners
from bot.slack.listeners.offboarding import Verb
from bot.slack.messages import (
    access,
    alarm,
    audit,
    bundle,
    case,
    duties,
    escalation,
    exports,
    findings,
    follow_up,
    held,
    joined,
    leave,
    lockout,
    moves,
    news,
    note,
    outcome,
    proposal,
    share,
    stayed,
)
from bot.slack.messages import manual as steps
from bot.slack.messages.blocks import MENU
from tests.bot import test_marking
from tests.marking import Data
from workflows.authorization import HOLDERS, Right
from workflows.cases.finding_list import URGENCY
from workflows.refusals import Code, Next

ROOT = Path(__file__).resolve().parents[2]
CHANNEL = ("hr", "security", "admin")
"""Readers of the case message. A button there is for some of them, and the refusal names whom to ask."""
TOLD: Mapping[Any, tuple[str, ...]] = {
    outcome: ("hr",),
    lockout: ("hr",),
    access: ("hr", "security"),
    moves: ("hr",),
    held: ("security",),
    exports: ("security",),
    escalation: ("security",),
    follow_up: ("hr", "security", "admin"),
    alarm: ("security",),
    joined: ("security",),
    news: (),
    note: (),
    proposal: (),
    share: (),
    duties: (),
    stayed: (),
    steps: (),
    case: CHANNEL,
    bundle: CHANNEL,
    leave: CHANNEL,
    audit: ("security", "admin"),
    findings: ("security", "admin"),
}
"""Readers of each message by role. Approvers, receivers and those who are asked for a step have none."""
SHARED = {case, bundle, leave, audit, findings}
"""Messages of a channel that several roles read."""
OWN = frozenset({proposal.APPROVE, proposal.DECLINE, proposal.CHANGE, proposal.PAGE, proposal.CSV, proposal.KEEP}) | {
    *(proposal.FIND, proposal.UPLOAD, "split_successors"),
    *(duties.DECIDE, duties.CSV),
    *(steps.DONE, steps.CANNOT, steps.TAKE_BACK),
}
"""Acts of those who are asked, whatever their role."""
LATE: Mapping[str, Right] = {access.RELEASE: Right.RELEASE}
"""Rights that a listener chooses by the case. Each holder of this one may always press the button."""


@dataclass
class Noted:
    """Listeners that note the right of each button."""

    rights: dict[str, Right | None]

    def button(self, action: Any, right: Right | None = None) -> Any:
        if isinstance(action, str | re.Pattern):
            self.rights[action if isinstance(action, str) else action.pattern.strip("^:")] = right
        return lambda clicked: clicked

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_some: Any, **_more: Any) -> Any:
        return lambda listener: listener


@pytest.fixture(scope="module")
def rights() -> dict[str, Right | None]:
    """Return the right of each button by its action; None: of those who are asked, or checked by the listener."""
    noted: Any = Noted({})
    for task in (
        offboarding,
        cases,
        handover,
        book,
        audits,
        manual,
        home,
        enrolment,
        notes,
        stayed_listeners,
        duty_listeners,
    ):
        task.register(noted)
    return {**noted.rights, **LATE}


def holders(right: Right | None) -> set[str]:
    return set(HOLDERS[right]) if right else set()


def buttons(blocks: Any) -> Iterator[tuple[str, str]]:
    """Yield action and label of every button and of every choice in a menu."""
    for one in parts(blocks):
        if one.get("type") == "button":
            yield str(one["action_id"]).partition(":")[0], one["text"]["text"]
        if one.get("action_id") == MENU:
            for option in one["options"]:
                yield str(act_of(option["value"])), option["text"]["text"]


def act_of(value: str) -> str:
    found = re.search(r'"act":\s*"([^":]+)', value)
    return found[1] if found else value


def parts(thing: Any) -> Iterator[dict[str, Any]]:
    if isinstance(thing, dict):
        yield thing
        for part in thing.values():
            yield from parts(part)
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from parts(part)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Return every message that the marking test builds, with the module of its builder, in plain English."""
    found: list[tuple[Any, Any]] = []

    def noting(module: Any) -> None:
        build = module.build
        monkeypatch.setattr(module, "build", lambda *args, **kwargs: noted(module, build(*args, **kwargs)))

    def noted(module: Any, message: Any) -> Any:
        found.append((module, message))
        return message

    for module in TOLD:
        noting(module)
    for _each in test_marking.messages_shown(Data(keep=URGENCY)):
        pass
    return found


def test_every_message_has_its_readers() -> None:
    folder = ROOT / "bot/slack/messages"
    modules = {path.stem for path in folder.glob("*.py") if "\ndef build(" in path.read_text("utf-8")}
    listed = {module.__name__.rpartition(".")[2] for module in TOLD}
    assert modules - {"home", "split"} == listed


def test_whoever_gets_a_button_may_press_it(built: list[tuple[Any, Any]], rights: dict[str, Right | None]) -> None:
    wrong = set()
    for module, message in built:
        readers = set(TOLD[module])
        for action, label in buttons(message.blocks):
            assert action in rights, label
            may = holders(rights[action])
            if action in OWN:
                continue
            fits = bool(may & readers) if module in SHARED else readers <= may
            if not fits:
                wrong.add((module.__name__, label, tuple(sorted(readers - may))))
    assert wrong == set()
    assert {module for module, message in built if any(buttons(message.blocks))} >= {case, audit, held, exports}


# -- sentences


def sentences() -> list[tuple[str, str]]:
    """Return every sentence of the catalogue, with the first file that has it."""
    found = []
    text = (ROOT / "bot/locales/handover.pot").read_text(encoding="utf-8")
    for entry in text.split("\n\n")[1:]:
        place = re.search(r"^#: ([^:\s]+)", entry, re.MULTILINE)
        for body in re.findall(r'^msgid(?:_plural)? ((?:".*"\n?)+)', entry, re.MULTILINE):
            said = "".join(re.findall(r'"(.*)"', body)).replace('\\"', '"').replace("\\n", "\n")
            found.append((place[1] if place else "", said))
    return [(place, said) for place, said in found if said]


SENTENCES = sentences()


LABELS = set(
    re.findall(
        r'button\(_\("([^"]+)"\)', "".join(path.read_text("utf-8") for path in (ROOT / "bot/slack").rglob("*.py"))
    )
)
SUBMITS = set(
    re.findall(
        r'modal\(\s*[A-Z_]+,\s*_\("[^"]+"\),\s*_\("([^"]+)"\)',
        "".join(path.read_text("utf-8") for path in (ROOT / "bot/slack/forms").glob("*.py")),
    )
)
PRESSED = re.compile(r"[Pp]ress \*?([A-Z][a-z]+(?: [A-Z][a-z]+)*)\*?")


def test_what_is_to_be_pressed_exists() -> None:
    told = {label for _place, said in SENTENCES for label in PRESSED.findall(said)}
    assert {"Give Access Back", "Retry", "Set Up Codes"} <= told
    assert told - {"Enter"} <= LABELS | SUBMITS


READERS: Mapping[str, tuple[str, ...]] = {
    "bot/slack/messages/outcome.py": ("hr",),
    "bot/slack/messages/case.py": ("hr",),
    "bot/slack/messages/moves.py": ("hr", "security"),
    "bot/slack/messages/leave.py": ("hr", "security"),
    "bot/slack/forms/case.py": ("hr", "security"),
    "bot/slack/listeners/cases.py": ("hr", "security"),
}
"""Readers whom a sentence that names a button of the case message tells to press it."""
RIGHT_OF = {"Retry": Right.RETRY, "Give Access Back": Right.UNDO}
NAMED = re.compile(r"\*?\b(Retry|Give Access Back)\b\*?")


def test_whoever_is_told_to_press_a_button_may_press_it() -> None:
    told = [
        (place, label)
        for place, said in SENTENCES
        for label in NAMED.findall(said)
        if said.strip("*") != label and not place.startswith(("bot/cli", "bot/slack/forms/reasons"))
    ]
    assert len(told) > 6
    assert {place for place, _label in told} <= READERS.keys()
    for place, label in told:
        assert set(READERS[place]) <= set(HOLDERS[RIGHT_OF[label]]), (place, label)


ASKED: Mapping[str, tuple[str, Right | None]] = {
    "HR to name another approver": ("hr", Right.APPOINT),
    "HR, who can have a new one made": ("hr", Right.RETRY),
    "HR or security can undo": ("hr", Right.UNDO),
    "HR or security.": ("hr", None),
    "a colleague in HR to do it": ("hr", Right.OPEN),
    "a colleague in HR or security": ("security", None),
    "an enrolled colleague in security": ("security", Right.ENROL),
    "an administrator to take it off": ("admin", None),
    "an administrator to renew": ("admin", None),
    "an administrator to grant": ("admin", None),
    "an administrator": ("admin", None),
    "somebody with one of these roles": ("hr", None),
    "one of them": ("security", None),
    "Ask them": ("hr", None),
}
"""People whom a refusal names, and the right that they need for it; None: nothing that Handover checks."""


def test_whoever_is_to_be_asked_can_do_it() -> None:
    said = [*(code.sentence for code in Code), *in_slack.NEXT.values(), *in_slack.CONNECTOR_ERROR_MESSAGES.values()]
    asking = [one for one in said if re.search(r"\b[Aa]sk (?!again)|can undo", one)]
    assert len(asking) > 12
    for one in asking:
        assert any(named in one for named in ASKED), one
    for role, right in ASKED.values():
        assert right is None or role in HOLDERS[right]


ACTORS: Mapping[Code, tuple[str, ...]] = {
    Code.OPEN_CASE: ("hr",),
    Code.UNKNOWN_CASE: CHANNEL,
    Code.NOT_OPEN: CHANNEL,
    Code.UNKNOWN_FINDING: ("security", "admin"),
    Code.NOT_LOCKABLE: ("security", "admin"),
    Code.UNKNOWN_SNAPSHOT: ("security",),
    Code.NOTHING_MOVES: CHANNEL,
    Code.NOTHING_WAITS: ("hr", "security"),
    Code.NOTHING_LOCKED: ("hr", "security"),
}
"""Roles that can meet a refusal that sends them to a command in Slack. An approver has none of these rights."""
COMMAND_RIGHTS = {Next.SHOW_CASE: Right.SEE, Next.LIST_CASES: Right.SEE, Next.LIST_FINDINGS: Right.AUDIT} | {
    Next.CANCEL_CASE: Right.CANCEL
}


def test_a_refusal_sends_nobody_to_a_command_that_is_refused_to_them() -> None:
    sent = {code: COMMAND_RIGHTS[code.next] for code in Code if code.next in COMMAND_RIGHTS}
    assert sent.keys() == ACTORS.keys()
    for code, right in sent.items():
        assert set(ACTORS[code]) <= set(HOLDERS[right]), code


def commands() -> dict[str, set[str]]:
    group: Any = typer.main.get_command(make_app())
    found = {}
    for name, command in group.commands.items():
        params = command.load().params
        found[name] = {option for param in params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
    return found


def test_every_command_that_a_sentence_names_exists() -> None:
    known = commands()
    texts = [*(said for _place, said in SENTENCES), *at_terminal.NEXT.values()]
    named = [one for said in texts for one in re.findall(r"`handover ([^`]+)`|: handover ([^{\n,]+)", said)]
    assert len(named) > 30
    for quoted, bare in named:
        name, *rest = re.split(r"[ =]", (quoted or bare).strip().rstrip("."))
        if name.startswith("{"):
            continue  # the name of the command that was typed
        assert name in known, quoted or bare
        assert {one for one in rest if one.startswith("--")} <= known[name], quoted or bare
    slack = {one for said in texts for one in re.findall(r"`/offboard ([a-z]+)", said)}
    assert slack <= {verb.value for verb in Verb}
