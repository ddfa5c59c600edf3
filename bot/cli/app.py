"""The command line: every command by name and summary. A command's module loads when the command runs."""

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any

import typer
import typer.exceptions
from typer.core import TyperCommand, TyperGroup

from bot.cli import wrong_use
from bot.cli.output import CommandError, guarded, show_error
from bot.text import N_, _

COMMANDS: Mapping[str, str] = {
    "init": N_("Write a commented configuration, and try each credential at once."),
    "run": N_("Start the bot. It serves until Ctrl-C or SIGTERM, then stops cleanly."),
    "doctor": N_("Check systems, Slack, clock, storage, keys and this machine."),
    "plan": N_("Show what an offboarding would do. Writes nothing."),
    "offboard": N_("Lock a person out, and hand over their clients."),
    "proposal": N_("Show or change the proposed split of a leaver's clients."),
    "decide": N_("Approve or decline the proposed split of a leaver's clients."),
    "waiting": N_("List the proposals that wait for a decision."),
    "delegate": N_("List, name or end delegates for an absence."),
    "moves": N_("Show the progress of a case's moves. Pause, resume or stop them."),
    "re-approve": N_("Ask people again about approved clients whose marks cannot be checked."),
    "putback": N_("Give moved clients back to the leaver."),
    "duties": N_("Show what runs in a leaver's name, or decide on it."),
    "orphaned": N_("Find records of earlier leavers, and hand them over together."),
    "stages": N_("Show, move, run or skip the stages of a case. Set or end a legal hold."),
    "notes": N_("Show the handover note of each successor."),
    "introductions": N_("Show the introductions of new contacts to clients, or send them."),
    "clients": N_("Show what became of clients after the handover, or mark one."),
    "returning": N_("Show or change the day of return from a leave."),
    "confirm": N_("Confirm a manual step in a system without an API."),
    "status": N_("Show open cases, or one case with the verdict of every system."),
    "week": N_("Show who leaves this week."),
    "retry": N_("Try a failed lock-out again, or propose clients anew after a decline."),
    "cancel": N_("Cancel an offboarding that has not begun."),
    "top": N_("Show cases, queues, systems and the age of the audit, and keep them up to date."),
    "undo": N_("Give a leaver's accounts and groups back."),
    "link": N_("Link an account to a leaver, where no address leads to it."),
    "reschedule": N_("Change the day of a case that has not begun."),
    "release": N_("Release or reject a held case."),
    "close": N_("Stop checking a leaver who was hired again."),
    "audit": N_("Show the latest daily audit, or run one now."),
    "findings": N_("List open findings. Take or accept one, or lock its account again."),
    "reveal": N_("Show the name behind the pseudonym of an export snapshot."),
    "enrol": N_("List people with one-time codes. Enrol a person, or reset the codes."),
    "rotate-key": N_("Put all stored keys under the newest master key."),
    "verify": N_("Verify the journal: every hash, every link, every signed head."),
    "backup": N_("Copy the stored data while the bot runs."),
    "migrate": N_("Upgrade the stored data to this version, or show what that would change."),
    "restore": N_("Prove that a backup can be restored, or restore it."),
    "language": N_("Show or choose the language of this terminal."),
    "connectors": N_("List the kinds of system that can be configured."),
    "record": N_("Record the answers of a system in a redacted form."),
    "manifest": N_("Print the manifest of the Slack app."),
}
"""Summary of each command, in the order of the help. The rest of the help stands in the command's own module."""

HELP = N_(
    """Lock leavers out, hand their clients over, and prove it every day.

Everything that the bot does in Slack works here too, also while Slack is down.

Exit codes: 0 good; 1 something is not good (an account open or unknown, a fault found, nothing proven);
2 wrong use or configuration; 78 the stored data belongs to a newer version.

Begin with: handover init, then handover doctor, then handover run
"""
)
DISTRIBUTION = "handover-bot"


ACTS = frozenset(COMMANDS) - {"init", "run", "plan", "waiting", "notes", "status", "week", "top", "verify"}
ACTS -= {"connectors", "manifest", "backup", "restore", "migrate", "language"}
"""Commands that can change something, so that they need to know who acts."""


class LazyCommand(TyperCommand):
    """A command known by name and summary alone, until somebody runs it or asks for its help."""

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(name, help=_(summary), short_help=_(summary), rich_markup_mode=None)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Load the command, and make the context of the loaded one. With `--json`, wrong use is said in JSON."""
        as_json = any("--json" in words for words in args if isinstance(words, list))
        try:
            return self.load().make_context(*args, **kwargs)
        except typer.exceptions.TyperException as error:
            if not as_json:
                raise
            end = CommandError(wrong_use.fault(error), _("See `handover {command} --help`.").format(command=self.name))
            show_error(end, as_json=True)
            raise typer.Exit(end.code) from error

    def load(self) -> Any:
        """Import the command's module, and return the whole command."""
        name = self.name or ""
        module_name = name.replace("-", "_")
        module = import_module(f"bot.cli.{module_name}")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        single.command(name, cls=wrong_use.WordedCommand, help=full_help(name, module), short_help=self.short_help)(
            guarded(getattr(module, module_name))
        )
        command = typer.main.get_command(single)
        if name in ACTS:
            command.params.append(who_acts())
        translate_help(command.params)
        return command


class LazyGroup(TyperGroup):
    """All commands, none of them loaded."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        wrong_use.translate_parser()
        for name, summary in COMMANDS.items():
            self.add_command(LazyCommand(name, summary))

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and exit, with wrong use told in the reader's language."""
        alone = extra.pop("standalone_mode", True)
        if not alone:
            return super().main(*args, **{**extra, "standalone_mode": False})
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except typer.Abort:
            typer.echo(_("Nothing was done."), err=True)
            sys.exit(1)
        except typer.exceptions.TyperException as error:
            wrong_use.end(error)
        sys.exit(code or 0)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage line."""
        wrong_use.write_usage(self, ctx, formatter)

    def get_params(self, ctx: Any) -> Any:
        """Return the options, those of Typer as well, in the reader's language."""
        return [wrong_use.translated(param) for param in super().get_params(ctx)]


def _keep(ctx: typer.Context, value: str) -> None:
    ctx.meta["handover.as"] = value


As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="PERSON",
        envvar="HANDOVER_AS",
        callback=_keep,
        help=N_("Act as this person, with a one-time code, or as this script. Default: your log-in."),
    ),
]


def _take_actor(who_acts: As = "") -> None:
    """Keep the value of `--as` in the context, for `bot.cli.actor`."""


def who_acts() -> Any:
    """Return the option `--as` of every command that can change something."""
    single = typer.Typer(add_completion=False)
    single.command()(_take_actor)
    [option] = (one for one in typer.main.get_command(single).params if one.name == "who_acts")
    option.expose_value = False
    return option


def translate_help(params: Iterable[Any]) -> None:
    """Put the words about options and arguments into the language of the moment."""
    for param in params:
        wrong_use.translated(param)


def full_help(name: str, module: ModuleType) -> str:
    """Return a command's summary, its details and its examples."""
    # The backspace keeps lines from being run together.
    examples = "\n".join(["\b", _("For example:"), *(f"  {line}" for line in module.EXAMPLES)])
    return "\n\n".join(filter(None, [_(COMMANDS[name]), _(module.HELP).strip() if module.HELP else "", examples]))


def make_app() -> typer.Typer:
    """Build the command line. A test gives its own wiring as the context's object."""
    app = typer.Typer(
        name="handover",
        cls=LazyGroup,
        help=_(HELP),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    return app


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to load, and for this alone

    try:
        found = version(DISTRIBUTION)
    except PackageNotFoundError:
        found = _("(version unknown: run from a source tree that is not installed)")
    typer.echo(f"handover {found}")
    raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help=N_("Print the version, and exit."))
    ] = False,
) -> None:
    """Take the options that stand before a command."""
