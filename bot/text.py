"""Words for Slack: gettext (`config.text`), escaping of what people typed, and dates in each reader's zone."""

import re
from datetime import datetime

from config.text import N_, _, language, ngettext

__all__ = ["N_", "_", "day", "language", "moment", "mrkdwn", "ngettext", "plain", "trim"]
_LOOK_ALIKES = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb", ":": "\ua789"}
_MARKS = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])|:(?<!\d:(?=\d))(?=[\w+'-]+:)")
_ISOLATE, _END = "\u2068", "\u2069"
_CONTROL = re.compile("[\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


def plain(text: str, limit: int = 200) -> str:
    """Return what somebody typed as one line for a plain_text field: no control or direction marks, cut with a mark."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    line = trim(line, limit - 2)
    return f"{_ISOLATE}{line}{_END}" if _RIGHT_TO_LEFT.search(line) else line


def mrkdwn(text: str, limit: int = 200) -> str:
    """Return what somebody typed as data in Slack's markup: it pings nobody, links nothing and formats nothing.

    `&`, `<` and `>` are escaped, which is all that Slack documents (docs.slack.dev, formatting message text: only these
    three are decoded). For `*`, `_`, `~` and backticks there is no escape (slackhq/slack-api-docs#34: a backslash is
    none), and invisible characters beside them are no answer: others put those there to make a mark format. So a
    character that looks like the mark stands in its place; that Slack treats none of them as markup is plain from its
    list of marks. The colon before an emoji's name goes the same way. What we assume, as nothing documents it: an
    underscore between letters or digits formats nothing. It stays, so that a login can be copied.
    """
    line = _MARKS.sub(lambda mark: _LOOK_ALIKES[mark[0]], plain(text, limit))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def trim(text: str, limit: int) -> str:
    """Cut text to `limit` characters, the last one an ellipsis where anything was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def moment(at: datetime) -> str:
    """Return a date token: Slack shows it in each reader's zone and language, others read UTC."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {_('at')} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def day(at: datetime) -> str:
    """Return a date token without the time."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}|{at:%Y-%m-%d}>"
