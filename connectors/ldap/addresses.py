"""The order of a directory's addresses: one that failed is tried last for a minute."""

import threading
import time
from collections.abc import Sequence

ASIDE_SECONDS = 60.0


class Addresses:
    """The addresses of one directory and their recent failures; used by several threads."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._failed: dict[str, float] = {}
        self._mutex = threading.Lock()

    def order(self) -> Sequence[str]:
        """Return all in the order of the settings; those that failed within the last minute come last."""
        now = time.monotonic()
        with self._mutex:
            aside = {url for url, at in self._failed.items() if now - at < ASIDE_SECONDS}
        return sorted(self._urls, key=lambda url: url in aside)

    def failed(self, url: str) -> None:
        """Record a failure of an address."""
        with self._mutex:
            self._failed[url] = time.monotonic()

    def answered(self, url: str) -> None:
        """Clear the failure of an address."""
        with self._mutex:
            self._failed.pop(url, None)
