"""Lines of the bot's log: one JSON object for each event, in UTC, without personal data."""

import json
import logging
from datetime import UTC, datetime

CHATTY = ("slack_bolt", "slack_sdk", "bot.bolt", "alembic", "apscheduler", "httpx", "httpcore", "dbos", "waitress")
"""Libraries that note each of their steps. Only their warnings are of use."""


class JsonLines(logging.Formatter):
    """Formatter for one JSON object a line. Control characters, and all that is not ASCII, are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger, event, the event's facts, and the stack trace of an error."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def write_log(level: str) -> None:
    """Write lines of this level and above to standard error, from all libraries."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger(name).level))
