"""Text for Slack: gettext (`config.text`), escaping of outside text, dates in each reader's zone."""

import re
from datetime import datetime

from config.languages import language_of
from config.text import N_, _, current_language, language, listed, local, ngettext, number, punctuated

__all__ = [
    "N_",
    "_",
    "day",
    "language",
    "listed",
    "local",
    "moment",
    "mrkdwn",
    "ngettext",
    "number",
    "plain",
    "punctuated",
    "trim",
]
_LOOK_ALIKES = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb", ":": "\ua789"}
_MARKS = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])|:(?<!\d:(?=\d))(?=[\w+'-]+:)")
NOT_IN_SLACK = frozenset({"pl", "ru"})
"""Languages that Slack itself does not offer: its own words for a date, such as *tomorrow*, are not in them."""
_ISOLATE, _END = "\u2068", "\u2069"
_CONTROL = re.compile("[\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


def plain(text: str, limit: int = 200) -> str:
    """Return outside text as one line for a plain_text field, cut to `limit`, without control or direction marks."""
    line = " ".join(_CONTROL.sub(" ", text).encode(errors="replace").decode().split())  # half an emoji has no encoding
    line = trim(line, limit - 2)
    return f"{_ISOLATE}{line}{_END}" if _RIGHT_TO_LEFT.search(line) else line


def mrkdwn(text: str, limit: int = 200) -> str:
    """Return outside text as data in Slack's markup: no mention, no link, no format.

    `&`, `<` and `>` are escaped; Slack decodes only these three (docs.slack.dev, formatting message text). Slack has
    no escape for `*`, `_`, `~` and backticks (slackhq/slack-api-docs#34: a backslash does not escape). Invisible
    characters beside a mark do not help, because some of them make Slack format the mark. Each mark is therefore
    replaced by a similar character that is not in Slack's list of marks. The same holds for the colon before an
    emoji's name. An underscore between letters or digits stays, so that a login can be copied. Slack documents
    nothing about it; we assume that it formats nothing.
    """
    line = _MARKS.sub(lambda mark: _LOOK_ALIKES[mark[0]], plain(text, limit))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def trim(text: str, limit: int) -> str:
    """Return text cut to `limit` characters. Cut text ends with an ellipsis."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def moment(at: datetime) -> str:
    """Return a date token. Slack shows each reader's zone and language, other programs show UTC."""
    between = _("at")  # Babel reads no calls inside an f-string
    return f"<!date^{int(at.timestamp())}^{_date()} {between} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def day(at: datetime) -> str:
    """Return a date token without the time."""
    return f"<!date^{int(at.timestamp())}^{_date()}|{at:%Y-%m-%d}>"


def _date() -> str:
    """Return Slack's format of a date: as `2026-11-30` where Slack's words would be in another language."""
    return "{date_num}" if language_of(current_language()) in NOT_IN_SLACK else "{date_short_pretty}"
