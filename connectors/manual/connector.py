"""The connector for a system without an API; it sends nothing."""

from datetime import timedelta

from config.text import _
from connectors.contract import ByHand, ManualWork
from connectors.manual.settings import ManualSettings


class Manual(ByHand):
    """One task that a person does by hand for every leaver."""

    def __init__(self, settings: ManualSettings) -> None:
        self._settings = settings

    @property
    def work(self) -> ManualWork:
        """Return the task of the person."""
        own = self._settings
        return ManualWork(
            title=own.title,
            instructions=own.instructions,
            assignee=own.assignee,
            due=timedelta(hours=own.due_hours),
            remind=timedelta(hours=own.remind_hours),
            escalate_to=own.escalate_to,
            needs_file=own.proof == "file",
            ask_again=timedelta(days=own.ask_again_days),
        )

    def check(self) -> str:
        """Return the person who is asked; there is no server to reach."""
        return _("nothing to reach: {assignee} is asked in Slack").format(assignee=self._settings.assignee)

    def close(self) -> None:
        """Do nothing: no connection is open."""
