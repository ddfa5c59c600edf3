"""The choice of a language on the Home tab."""

from collections.abc import Callable

from bot.slack.listeners.answers import Listeners
from bot.slack.listeners.context import Call
from bot.slack.messages import language
from config.languages import LANGUAGES
from config.text import speak


def register(on: Listeners, publish: Callable[[Call], None]) -> None:
    """Listen. `publish`: draws the user's Home tab anew."""
    ctx = on.ctx

    @on.button(language.CHOOSE)
    def choose(call: Call) -> None:
        value = call.body["actions"][0]["selected_option"]["value"]
        ctx.services.languages.set(call.user, value if value in LANGUAGES else "")
        speak(ctx.languages.person(call.user))
        publish(call)
