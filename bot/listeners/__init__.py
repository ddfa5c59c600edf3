"""What the bot listens to, one module per task."""

from slack_bolt import App

from bot.listeners import access, audits, book, cases, exports, handover, home, manual, offboarding, split, trouble
from bot.listeners.desk import Desk


def register_listeners(app: App, desk: Desk) -> None:
    """Register everything on a fresh app."""
    trouble.register(app)
    for task in (offboarding, split, cases, access, handover, book, exports, audits, manual, home):
        task.register(app, desk)
