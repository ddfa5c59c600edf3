"""The command line as a whole: one command per module, with the same options, exit codes and errors."""

import inspect
from collections.abc import Callable

import typer

from bot.cli.audit import audit
from bot.cli.command_errors import guarded
from bot.cli.confirm import confirm
from bot.cli.connectors import connectors
from bot.cli.decide import decide
from bot.cli.delegate import delegate
from bot.cli.doctor import doctor
from bot.cli.findings import findings
from bot.cli.init import init
from bot.cli.link import link
from bot.cli.manifest import manifest
from bot.cli.moves import moves
from bot.cli.notes import notes
from bot.cli.offboard import offboard
from bot.cli.plan import plan
from bot.cli.proposal import proposal
from bot.cli.putback import putback
from bot.cli.release import close, release, reschedule
from bot.cli.returning import returning
from bot.cli.run import run
from bot.cli.status import status
from bot.cli.undo import undo
from bot.cli.verify import verify
from bot.cli.waiting import waiting
from bot.text import _

COMMANDS: tuple[Callable[..., None], ...] = (
    init,
    run,
    doctor,
    plan,
    offboard,
    proposal,
    decide,
    waiting,
    delegate,
    moves,
    putback,
    notes,
    returning,
    confirm,
    status,
    undo,
    link,
    reschedule,
    release,
    close,
    audit,
    findings,
    verify,
    connectors,
    manifest,
)

EXAMPLES = "For example:\n"
"""Begins the last paragraph of a command's help; `\\b` keeps its lines from being run together."""

HELP = """Lock leavers out, hand their clients over, and prove it every day.

Everything that the bot does in Slack can be done here too, also while Slack is down.

Exit codes: 0 good; 1 something is not good (an account open or unknown, a fault found, nothing proven);
2 wrong use or configuration.

Begin with: handover init, then handover doctor, then handover run
"""


def make_app() -> typer.Typer:
    """Build the command line. A test gives its own wiring as the context's object."""
    app = typer.Typer(
        name="handover",
        help=_(HELP),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in COMMANDS:
        text = inspect.cleandoc(_(command.__doc__ or ""))
        full = text.replace(EXAMPLES, f"\b\n{EXAMPLES}")
        app.command(help=full, short_help=text.partition("\n")[0])(guarded(command))
    return app
