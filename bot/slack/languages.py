"""The language of each reader in Slack: the person's own choice, a hint of Slack's, or the company's.

Slack has no Russian and no Polish, so English in Slack says nothing. Any other language of ours there is a hint.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from config.languages import SOURCE, language_of
from config.settings import Settings
from workflows.storage.languages import LanguageChoices
from workflows.storage.store import StorageFailed

log = logging.getLogger(__name__)
KEEP_SECONDS, AGAIN_SECONDS = 12 * 3600.0, 60.0
"""Seconds for which Slack's locale of a person is kept, and until a failed question is asked again."""
PATIENCE = 0.3
"""Seconds that a request waits for Slack's locale of a person. It must be acknowledged within three seconds."""


class Languages:
    """Languages of people and channels."""

    def __init__(self, settings: Settings, choices: LanguageChoices, locale: Callable[[str], str]) -> None:
        """`locale`: asks Slack for a person's locale."""
        self._company, self._slack, self._choices, self._ask = settings.company, settings.slack, choices, locale
        self._kept: dict[str, tuple[float, Future[str]]] = {}
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="locale")

    def choice(self, user: str) -> str:
        """Return the language that a person chose; empty for none, and while the rows cannot be read."""
        try:
            return self._choices.get(user)
        except StorageFailed as error:
            log.warning("a person's language is not known: %s", error)
            return ""

    def person(self, user: str, patience: float | None = None) -> str:
        """Return a person's language. `patience`: seconds to wait for Slack, if it must be asked."""
        return self.choice(user) or self.default(user, patience)

    def default(self, user: str, patience: float | None = PATIENCE) -> str:
        """Return the language of a person who chose none."""
        return (self._hint(user, patience) if self._slack.use_locale else "") or self._company.language

    def at(self, place: str, user: str = "") -> str:
        """Return the language of a conversation: a person's, that of a direct message to `user`, or a channel's."""
        if place[:1] in ("U", "W"):
            return self.person(place)
        if place[:1] == "D" and user:
            return self.person(user)
        return self._slack.channel_language or self._company.language

    def asker(self, body: dict[str, Any]) -> str:
        """Return the language of whoever sent a request of Slack."""
        event = body.get("event") or {}
        user = body.get("user_id") or body.get("user") or event.get("user") or ""
        user = user.get("id") if isinstance(user, dict) else user
        return self.person(str(user), PATIENCE) if user else self._company.language

    def _hint(self, user: str, patience: float | None) -> str:
        now = time.monotonic()
        until, asked = self._kept.get(user, (0.0, None))
        if asked is None or now > until:
            asked = self._pool.submit(self._ask, user)
            self._kept[user] = now + KEEP_SECONDS, asked
        try:
            language = language_of(asked.result(patience))
        except Exception as error:  # noqa: BLE001 - a hint is never needed
            log.info("Slack's locale of a person is not known: %s", type(error).__name__)
            if asked.done():
                self._kept[user] = now + AGAIN_SECONDS, asked
            return ""
        return "" if language == SOURCE else language
