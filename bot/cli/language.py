"""`handover language`: the language of this terminal."""

import os
from typing import Annotated

import typer

from bot.cli.context import AsJson
from bot.cli.output import CommandError, finish, say
from bot.text import N_, _, listed
from config.languages import LANGUAGES, choice_path, reviewer, terminal_language

HELP = N_(
    """Without a code: show the language, and all that there are.

The choice is kept for your log-in on this machine. HANDOVER_LANGUAGE goes before it.
LC_ALL, LC_MESSAGES and LANG count where nothing was chosen.
In Slack each person chooses a language on the Home tab.
"""
)
EXAMPLES = ("handover language", "handover language pl", "handover language --reset")


def language(
    code: Annotated[str, typer.Argument(help=N_("The language: en, pl, ru, zh_Hans or zh_Hant."))] = "",
    reset: Annotated[bool, typer.Option("--reset", help=N_("Forget the choice, and go by the environment."))] = False,
    as_json: AsJson = False,
) -> None:
    """Show or choose the language."""
    kept = choice_path(os.environ)
    if code and code not in LANGUAGES:
        codes = listed(LANGUAGES)
        raise CommandError(
            _("{name!r} is not a language of Handover; use one of {codes}").format(name=code, codes=codes)
        )
    if reset:
        kept.unlink(missing_ok=True)
    elif code:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{code}\n", encoding="utf-8")
    current = terminal_language(os.environ)
    finish({"language": current, "languages": list(LANGUAGES)}, lambda: _show(current), as_json=as_json)


def _show(current: str) -> None:
    for code, name in LANGUAGES.items():
        note = "" if reviewer(code) else _("unreviewed translation")
        say(" ".join(["→" if code == current else " ", code.ljust(8), name.ljust(10), note]).rstrip())
