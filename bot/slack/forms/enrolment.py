"""The form that shows the secret of one-time codes, and asks for the first code."""

from typing import Any

from bot.slack.forms.fields import field, modal, typed
from bot.slack.messages.blocks import section
from bot.text import _, mrkdwn

CALLBACK = "enrolment"
CODE = "code"


def build(address: str) -> dict[str, Any]:
    """Return the form. `address`: the `otpauth:` address with the secret."""
    said = _("Add this to your authenticator app. It is shown only now, and only to you:")
    hint = _("With these codes you act with `handover` on the server, also while Slack is down.")
    shown = section(f"{said}\n```{address.replace('&', '&amp;')}```")
    asked = {"type": "plain_text_input", "min_length": 6, "max_length": 10}
    return modal(CALLBACK, _("One-time codes"), _("Enrol"), [shown, field(CODE, _("The first code"), asked, hint)], "")


def parse(view: dict[str, Any]) -> str:
    """Return the code."""
    return typed(view, CODE)


def done(name: str) -> str:
    """Return the sentence of a finished enrolment."""
    return _("{name} is enrolled. Use the option `--as` of `handover` with a code of your app.").format(
        name=mrkdwn(name)
    )
