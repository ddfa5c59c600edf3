"""Explanations of exceptions for people at the terminal: a sentence, the next step, an exit code."""

from sqlalchemy.exc import SQLAlchemyError

from bot.cli.command_errors import EXIT_FAILURE, EXIT_USAGE, CommandError
from bot.cli.refusals import refused
from bot.text import N_, _
from config.settings import SettingsError
from connectors.errors import ConnectorError
from workflows.refusals import Refused
from workflows.storage.store import StorageFailed
from workflows.storage.vault import WrongKey

MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str, int], ...] = (
    (
        SettingsError,
        N_("{error}"),
        N_("Correct these lines, then try again. `handover doctor` checks the rest."),
        EXIT_USAGE,
    ),
    (ConnectorError, N_("{error}."), N_("`handover doctor` checks every system."), EXIT_FAILURE),
    (
        (StorageFailed, SQLAlchemyError),
        N_("The data cannot be read or written: {error}."),
        N_("No change was left half done. Check disk space and the database server, then try again."),
        EXIT_FAILURE,
    ),
    (
        WrongKey,
        N_("The master key does not fit the stored data."),
        N_("Set storage.master_key to the key that the data was written under."),
        EXIT_USAGE,
    ),
    (OSError, N_("{error}."), N_("`handover doctor` checks folder, disk and network."), EXIT_FAILURE),
)


def explain(error: Exception) -> CommandError:
    """Return the end of a command for any exception. Pure."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, Refused):
        return CommandError(refused(error))
    for kinds, said, todo, code in MEANINGS:
        if isinstance(error, kinds):
            # A database error's own text repeats the statement with its values; the driver's text names the fault.
            text = str(getattr(error, "orig", None) or error).rstrip(".")
            return CommandError(_(said).format(error=text), _(todo), code)
    return CommandError(
        _("This is a fault of Handover itself: {kind}: {error}").format(kind=type(error).__name__, error=error),
        _("Please report it, with the output of HANDOVER_DEBUG=1."),
        EXIT_FAILURE,
    )
