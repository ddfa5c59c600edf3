"""The button of a handover note: let the systems introduce a successor to their clients."""

from bot.slack.listeners.answers import Listeners
from bot.slack.listeners.context import Call
from bot.slack.messages import note
from bot.text import _, mrkdwn, punctuated
from config.text import shown


def register(on: Listeners) -> None:
    """Listen."""
    ctx = on.ctx

    @on.button(note.SEND)
    def send(call: Call) -> None:
        results = ctx.services.introductions.send(call.case, ctx.actor(call), call.fact("successor"))
        line = punctuated("{system}: {what}")
        said = [
            line.format(system=mrkdwn(system), what=mrkdwn(shown(what), 600))
            for system, one in results.items()
            for what in (*one.done, *((one.problem,) if one.problem else ()))
        ]
        call.tell("\n".join(said) or _("There was nobody to introduce you to."))
