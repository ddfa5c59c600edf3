"""Explanations of refusals and exceptions for people at the terminal: a sentence, the next step, an exit code."""

from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from bot.cli.output import EXIT_FAILURE, EXIT_NEWER, EXIT_USAGE, CommandError
from bot.errors import refusal
from bot.text import N_, _
from config.settings import SettingsError
from connectors.errors import ConnectorError, UnusableKind
from workflows.refusals import Next, Refused
from workflows.storage.store import NewerTables, StorageFailed
from workflows.storage.vault import WrongKey

NEXT: Mapping[Next, str] = {
    Next.NOTHING_CHANGED: N_("Nothing was changed."),
    Next.SHOW_CASE: N_("`handover status EMAIL` shows where the case stands."),
    Next.CANCEL_CASE: N_("`handover status EMAIL` shows it. If it is wrong, `handover cancel EMAIL` cancels it."),
    Next.LIST_CASES: N_("`handover status --all` shows all cases."),
    Next.LIST_FINDINGS: N_("`handover findings` shows the open ones."),
    Next.LIST_DELEGATIONS: N_("`handover delegate` lists them."),
    Next.LIST_DUTIES: N_("`handover duties` lists them."),
    Next.DECIDE_NEWEST: N_("`handover decide EMAIL` shows the newest version. Decide on that one."),
    Next.CHOOSE_AGAIN: N_("`handover proposal EMAIL` lists them. Choose one of those."),
    Next.CHOOSE_SUCCESSOR: N_("Name at least one with --successor."),
    Next.CHOOSE_TIME: N_("Give a later day, or `now` to lock at once."),
    Next.CHOOSE_RETURN: N_("Give a day after the first day of leave with --return-on."),
    Next.CHOOSE_PERIOD: N_("Give other days with --from and --until."),
    Next.GIVE_PROOF: N_("Add it with --proof, or write the link into --note."),
    Next.SAY_WHOSE: N_("Say whose answer this is with --for ADDRESS."),
    Next.ENROL: N_("Set them up in Slack, or with `handover enrol NAME`."),
    Next.RESET_CODES: N_("`handover enrol NAME --reset --as PERSON` removes them."),
}
"""Next steps at a terminal. `bot.errors` has those in Slack."""
ISOLATES = dict.fromkeys(map(ord, "\u2068\u2069"))
MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str, str, int], ...] = (
    (
        SettingsError,
        "configuration",
        N_("{error}"),
        N_("Correct these lines, then try again. `handover doctor` checks the rest."),
        EXIT_USAGE,
    ),
    (
        UnusableKind,
        "configuration",
        N_("{error}."),
        N_("Install a corrected version of that package, or uninstall it."),
        EXIT_USAGE,
    ),
    (ConnectorError, "system", N_("{error}."), N_("`handover doctor` checks every system."), EXIT_FAILURE),
    (
        (StorageFailed, SQLAlchemyError),
        "storage",
        N_("The data cannot be read or written: {error}."),
        N_("No change was left half done. Check disk space and the database server, then try again."),
        EXIT_FAILURE,
    ),
    (
        NewerTables,
        "newer_tables",
        N_("{error}."),
        N_("Install that version again, or restore the backup from before its installation."),
        EXIT_NEWER,
    ),
    (
        WrongKey,
        "wrong_key",
        N_("The master key does not fit the stored data: {error}."),
        N_("Set storage.master_key to the key that the data was written under."),
        EXIT_USAGE,
    ),
    (OSError, "machine", N_("{error}."), N_("`handover doctor` checks folder, disk and network."), EXIT_FAILURE),
)


def refused(error: Refused) -> str:
    """Return a refusal as plain text, without direction marks, which a terminal shows as boxes."""
    return refusal(error, NEXT).translate(ISOLATES)


def explain(error: BaseException) -> CommandError:
    """Return the end of a command for any exception. Pure."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, Refused):
        return CommandError(refused(error), name=error.code.name.lower())
    for kinds, name, said, todo, code in MEANINGS:
        if isinstance(error, kinds):
            # A database error's own text repeats the statement with its values; the driver's text names the fault.
            text = str(getattr(error, "orig", None) or error).rstrip(".")
            return CommandError(_(said).format(error=text), _(todo), code, name)
    return CommandError(
        _("This is a fault of Handover itself: {kind}: {error}").format(kind=type(error).__name__, error=error),
        _("Please report it, with the output of HANDOVER_DEBUG=1."),
        EXIT_FAILURE,
        "fault",
    )
