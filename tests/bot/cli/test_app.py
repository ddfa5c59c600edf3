"""The command line as a whole: one module for each command, its help, the version, and shell completion."""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli.app import COMMANDS, DISTRIBUTION, LazyCommand, full_help, make_app
from bot.text import _, language
from tests.bot.commands import ROOT, Wiring, configuration, handover, process

CLI = ROOT / "bot" / "cli"
LONGEST = 20
"""Words in a sentence that people read."""
SHELLS = ("bash", "zsh", "fish", "powershell")


def loaded() -> dict[str, Any]:
    """Return every command, loaded."""
    group: Any = typer.main.get_command(make_app())
    return {name: command.load() for name, command in group.commands.items()}


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a help text. Code in it counts as one word."""
    bare = re.sub(r"`[^`]*`|\([^)]*\)", "code", text)
    for paragraph in re.split(r"\n\s*\n", bare):
        yield from re.split(r"(?<=[.:;?!])\s+", " ".join(paragraph.split()))


def test_every_module_with_a_command_is_offered() -> None:
    found = {
        path.stem.replace("_", "-")
        for path in CLI.glob("*.py")
        if any(
            isinstance(node, ast.FunctionDef) and node.name == path.stem
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    }
    assert found == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_its_summary_in_the_list_and_in_its_own_help(name: str) -> None:
    module = import_module(f"bot.cli.{name.replace('-', '_')}")
    assert callable(getattr(module, name.replace("-", "_")))
    shown = handover(Wiring(), name, "--help", env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    for part in (COMMANDS[name], *module.EXAMPLES, *module.HELP.split("\n\n")):
        assert " ".join(part.split()) in text
    listed = " ".join(handover(Wiring(), "--help", env={"COLUMNS": "200"}).output.split())
    assert f"{name} {COMMANDS[name]}" in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_can_be_typed(name: str) -> None:
    command = loaded()[name]
    for example in import_module(f"bot.cli.{name.replace('-', '_')}").EXAMPLES:
        program, verb, *words = shlex.split(example.partition(" > ")[0])
        assert (program, verb) == ("handover", name)
        command.make_context(name, words)  # raises where an option does not exist or an argument is missing


def test_a_wrong_example_is_noticed() -> None:
    with pytest.raises(Exception, match="--colour"):
        loaded()["status"].make_context("status", ["--colour"])


@pytest.mark.parametrize("name", COMMANDS)
def test_no_sentence_of_the_help_is_long(name: str) -> None:
    module, command = import_module(f"bot.cli.{name.replace('-', '_')}"), loaded()[name]
    texts = [COMMANDS[name], module.HELP, *(param.help or "" for param in command.params)]
    assert [one for text in texts for one in sentences(text) if len(one.split()) > LONGEST] == []
    assert list(sentences("A b `c d e` f. G (h i j)")) == ["A b code f.", "G code"]


def test_every_help_text_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Marking:
        @staticmethod
        def gettext(message: str) -> str:
            return f"«{message}»"

    monkeypatch.setattr("config.text._catalogue", lambda _language: Marking)
    with language("xx"):
        assert _("a") == "«a»"
        for name, command in loaded().items():
            assert [param.name for param in command.params if param.help and not param.help.startswith("«")] == []
            assert f"«{COMMANDS[name]}»" in command.help
            assert "«For example:»" in command.help
        group: Any = typer.main.get_command(make_app())
        assert group.help.startswith("«")
        assert all(one.short_help.startswith("«") for one in group.commands.values())


def test_listing_loads_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: LazyCommand) -> Any:
        raise AssertionError(f"{self.name} was loaded")

    monkeypatch.setattr(LazyCommand, "load", never)
    assert handover(Wiring(), "--help").exit_code == 0
    assert handover(Wiring(), "--version").exit_code == 0
    assert "Did you mean 'status'" in handover(Wiring(), "statsu").stderr
    assert completions("handover st") == {"stages", "status"}


def test_the_version_is_the_distributions() -> None:
    shown = handover(Wiring(), "--version")
    assert (shown.exit_code, shown.stdout) == (0, f"handover {version(DISTRIBUTION)}\n")


def test_a_command_gets_its_configuration_and_its_errors_end_it(tmp_path: Path) -> None:
    config = str(configuration(tmp_path))
    assert handover(Wiring(), "status", "--config", config).exit_code == 0
    assert handover(Wiring(), "status", "--config", "/nowhere.toml").exit_code == 2
    assert full_help("status", import_module("bot.cli.status")).startswith(COMMANDS["status"])


# --- completion in a shell


def completions(line: str, at: int | None = None) -> set[str]:
    """Return the words that bash offers at the end of a line."""
    words = line.split(" ")
    env = {
        "_HANDOVER_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1 if at is None else at),
    }
    return set(process(env=env).stdout.split())


def test_completion_offers_commands_options_and_choices() -> None:
    assert completions("handover ") == COMMANDS.keys()
    assert {"--successor", "--at", "--keep-access"} <= completions("handover offboard --")
    assert completions("handover offboard --reason res") == {"resignation"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_script_of_each_shell_calls_the_command(shell: str) -> None:
    shown = process("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert shown.returncode == 0, shown.stderr
    assert "_HANDOVER_COMPLETE" in shown.stdout
    assert "handover" in shown.stdout


def test_completion_is_installed_for_bash(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert process("--install-completion", "bash", env=env).returncode == 0
    script = tmp_path / ".bash_completions" / "handover.sh"
    assert "_HANDOVER_COMPLETE" in script.read_text(encoding="utf-8")
    assert str(script) in (tmp_path / ".bashrc").read_text(encoding="utf-8")


def test_a_function_of_a_command_is_short() -> None:
    long = []
    for path in CLI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                # The signature of a command is the list of its options.
                first = node.body[0] if node.name == path.stem else node
                if node.end_lineno - first.lineno > 40:
                    long.append(f"{path.stem}.{node.name}")
    assert long == []
    assert inspect.isfunction(completions)


# --- output


def test_a_pipe_gets_plain_text(tmp_path: Path) -> None:
    config = str(configuration(tmp_path))
    for words in (("plan", "dana@example.com"), ("connectors",), ("audit",), ("--help",)):
        arguments = words if words in (("connectors",), ("--help",)) else (*words, "--config", config)
        assert "\x1b" not in handover(Wiring(), *arguments).output
    assert "\x1b" not in process("connectors").stdout


def printed() -> Iterator[tuple[str, str]]:
    """Yield every text that a module of the command line marks for people."""
    for path in CLI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_"):
                yield from ((path.stem, str(text.value)) for text in node.args if isinstance(text, ast.Constant))


def test_no_printed_sentence_is_long() -> None:
    found = [(room, one) for room, text in printed() for one in sentences(text) if len(one.split()) > LONGEST]
    assert found == []


SLACK_WORDS = re.compile(r"/offboard|\bclick|\bbutton|open the form|press |<!|<@|&amp;|\*\w+\*", re.IGNORECASE)


def test_no_text_of_the_terminal_speaks_of_slacks_forms() -> None:
    assert [(room, text) for room, text in printed() if SLACK_WORDS.search(text)] == []
    assert SLACK_WORDS.search("Nothing was changed by your click.")
