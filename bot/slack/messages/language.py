"""The part of the App Home in which a person chooses a language."""

from bot.slack.messages.blocks import Block, divider, option, section, words
from bot.text import _, trim
from config.languages import LANGUAGES, reviewer

CHOOSE = "choose_language"
AS_COMPANY = "-"
"""Value of the choice to choose none."""


def part(chosen: str, default: str) -> list[Block]:
    """Return the part. `chosen`: the person's own choice, or empty. `default`: the language without one."""
    own = option(trim(_("No choice ({language})").format(language=LANGUAGES[default]), 75), AS_COMPANY)
    options = {AS_COMPANY: own, **{code: option(named(code), code) for code in LANGUAGES}}
    menu = {
        "type": "static_select",
        "action_id": CHOOSE,
        "placeholder": words(_("Language"), 150),
        "options": list(options.values()),
        "initial_option": options[chosen or AS_COMPANY],
    }
    return [divider(), section(_("Language of what Handover writes to you"), menu)]


def named(code: str) -> str:
    """Return a language's own name, with a note if no native reader has signed its sentences."""
    name = LANGUAGES[code]
    return name if reviewer(code) else _("{language} (unreviewed translation)").format(language=name)
