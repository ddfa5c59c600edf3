"""Wrong use of the command line, and the parser's own words, in the reader's language.

Typer looks some of its words up by gettext, in no catalogue. Others stand in its source, and are told by their pattern.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any

import typer
from typer import core
from typer.core import TyperCommand

from bot.text import N_, _, listed, punctuated

WORDS = (
    *(N_("Options"), N_("Arguments"), N_("Commands"), N_("required"), N_("default: {default}"), N_("env var: {var}")),
    *(N_("(dynamic)"), N_("Show this message and exit."), N_("Missing command.")),
    N_("Install completion for the current shell."),
    N_("Show completion for the current shell, to copy it or customize the installation."),
)
"""The parser's own words, as it looks them up."""
PATTERNS: Mapping[str, str] = {
    r"No such command (?P<name>'.*')\. Did you mean (?P<near>.*)\?": N_("No such command {name}. Did you mean {near}?"),
    r"No such command (?P<name>'.*')\.": N_("No such command {name}."),
    r"Got unexpected extra argument\(s\) \((?P<words>.*)\)": N_("Got unexpected extra arguments ({words})"),
    r"Option (?P<option>.*) does not take a value\.": N_("Option {option} does not take a value."),
    r"Option (?P<option>.*) requires an argument\.": N_("Option {option} requires an argument."),
    r"(?:Value error, )?(?P<value>.*) is not one of (?P<choices>.*)\.": N_("{value} is not one of {choices}."),
    r"Input should be a valid integer.*": N_("must be a whole number"),
    r"Input should be a valid number.*": N_("must be a number"),
    r"\w+ (?P<path>'.*') does not exist\.": N_("{path} does not exist."),
}
"""Our sentence for each fault of the parser, by the pattern of its words."""


class WordedCommand(TyperCommand):
    """A command with its usage in the reader's language."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage line."""
        write_usage(self, ctx, formatter)

    def get_params(self, ctx: Any) -> Any:
        """Return the options and arguments, that for help as well."""
        return [translated(param) for param in super().get_params(ctx)]


def translated(param: Any) -> Any:
    """Return an option or argument, with its help in the language of the moment."""
    if help_text := getattr(param, "help", None):
        param.help = _(help_text)
    return param


def write_usage(command: Any, ctx: Any, formatter: Any) -> None:
    """Write a command's usage line."""
    formatter.write_usage(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=_("Usage: "))


def translate_parser() -> None:
    """Make the parser look its words up in our catalogue."""
    setattr(core, "_", _word)  # noqa: B010 - the library's own name for it, which its types do not export


def _word(message: str) -> str:
    """Return a word of the parser; a fault stays as it is, to be found by its pattern."""
    return _(message) if message in WORDS else message


def fault(error: Any) -> str:
    """Return what was wrong in the use of a command."""
    kind = type(error).__name__
    if kind == "NoSuchOption":
        said = _("No such option: {option}").format(option=error.option_name)
        near = _("Possible options: {options}.").format(options=listed(sorted(error.possibilities or ())))
        return punctuated(". ").join((said, near)) if error.possibilities else str(said)
    if kind not in ("BadParameter", "MissingParameter"):
        return _reason(error.message)
    hint = error.param_hint or (error.param.get_error_hint() if error.param else "")
    what = hint if isinstance(hint, str) else listed(map(repr, hint))
    if kind == "MissingParameter":
        is_argument = (error.param_type or getattr(error.param, "param_type_name", "")) == "argument"
        said = _("Missing argument {what}.") if is_argument else _("Missing option {what}.")
        return said.format(what=what)
    return _("Invalid value for {what}: {why}").format(what=what, why=_reason(error.message))


def _reason(message: str) -> str:
    for pattern, said in PATTERNS.items():
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return _(said).format(**found.groupdict())
    return message


def end(error: Any) -> None:
    """Print what was wrong, with the usage, and exit."""
    if type(error).__name__ == "NoArgsIsHelpError" or not hasattr(error, "ctx"):
        error.show()
        sys.exit(error.exit_code)
    if error.ctx is not None:
        typer.echo(error.ctx.get_usage(), err=True)
        typer.echo(_("Try '{command} --help' for help.").format(command=error.ctx.command_path), err=True)
    typer.echo(_("Error: {fault}").format(fault=fault(error)), err=True)
    sys.exit(error.exit_code)
