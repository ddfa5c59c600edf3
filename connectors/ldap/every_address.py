"""The addresses of one directory, each read by itself: a lock on one server may not have reached another.

The servers copy changes to each other, mostly within seconds. Where that has stopped, a log-in at the other server
still works, and nothing on the server that took the lock shows it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from config.text import _
from connectors.contract import AccountId, Observation, Verdict
from connectors.errors import ConnectorError, Unavailable
from connectors.ldap.connections import LdapConnections
from connectors.ldap.dialect import Dialect
from connectors.ldap.settings import LdapSettings

T = TypeVar("T")
COPY_SECONDS, PAUSE_SECONDS = 20.0, 0.25
"""Time that a lock is given to reach every address. Active Directory copies changes within a site after 15 seconds."""
ASIDE_SECONDS = 10.0
"""Time for which an address that gave no answer is not asked again, and a lock that is late is not waited for."""


class EveryAddress:
    """Connections to each address alone."""

    def __init__(self, settings: LdapSettings, dialect: Dialect, first: LdapConnections) -> None:
        self._settings, self._dialect, self._first = settings, dialect, first
        self._by_url: dict[str, LdapConnections] = {}
        self._silent: dict[str, tuple[float, ConnectorError]] = {}
        self._late_at = float("-inf")

    @property
    def are_several(self) -> bool:
        """Return whether the settings name more than one address."""
        return len(self._settings.urls) > 1

    def each(self) -> Mapping[str, LdapConnections]:
        """Return the connections to each address by itself."""
        if not self.are_several:
            return {self._settings.urls[0]: self._first}
        for url in self._settings.urls:
            if url not in self._by_url:
                alone = self._settings.model_copy(update={"urls": (url,)})
                self._by_url[url] = LdapConnections(alone, self._dialect)
        return self._by_url

    def observe(
        self, accounts: Sequence[AccountId], read: Callable[[LdapConnections], Mapping[AccountId, Observation]]
    ) -> dict[AccountId, Observation]:
        """Return the worst read of each account. Raises the first error if no address answers."""
        if not self.are_several:
            return dict(read(self._first))
        answers, silent = self._answers(read)
        seen = {account: _worst({url: answer[account] for url, answer in answers.items()}) for account in accounts}
        if not silent:
            return seen
        words = _("whether that is so at {url} too is not known: {error}")
        doubt = "; ".join(words.format(url=url, error=error) for url, error in silent.items())
        return {
            account: one if one.verdict is Verdict.OPEN else replace(one, verdict=Verdict.UNKNOWN, reason=doubt)
            for account, one in seen.items()
        }

    def doubts(self, look: Callable[[LdapConnections], Sequence[str]]) -> Iterator[str]:
        """Yield, as sentences, what any address shows of somebody who was not found, or why it shows nothing."""
        for url, connections in self.each().items() if self.are_several else ():
            try:
                shown = look(connections)
            except ConnectorError as error:
                yield _("nothing is known of {url}: {error}").format(url=url, error=error)
            else:
                yield from (_("{url} shows {account}").format(url=url, account=one) for one in shown)

    def differences(self, read: Callable[[LdapConnections], frozenset[str]]) -> Iterator[str]:
        """Yield, as sentences, the addresses that do not show what the first one shows, twice in a row."""
        first, *others = self.each()
        try:
            answers, _silent = self._answers(read)
            if len(set(answers.values())) > 1:  # a change may be on its way
                time.sleep(PAUSE_SECONDS)
                answers, _silent = self._answers(read)
        except ConnectorError as error:
            yield str(error)
            return
        words = _("{count} accounts, groups or locks differ between {url} and {other}: changes may not reach both")
        for url in others:
            if url in answers and first in answers and (differing := answers[url] ^ answers[first]):
                yield words.format(count=len(differing), url=first, other=url)

    def wait(
        self, account: AccountId, read: Callable[[LdapConnections], Mapping[AccountId, Observation]], former: Verdict
    ) -> Sequence[str]:
        """Wait until no address shows the former verdict, for as long as copies usually take; return those that do."""
        end = time.monotonic() + COPY_SECONDS
        while self.are_several:
            answers, _silent = self._answers(read)
            late = [url for url, answer in answers.items() if answer[account].verdict is former]
            if len(late) in (0, len(answers)):  # all agree, as where an undo brings an earlier lock back
                return ()
            if time.monotonic() - self._late_at < ASIDE_SECONDS:
                return late
            if time.monotonic() > end:
                self._late_at = time.monotonic()
            time.sleep(PAUSE_SECONDS)
        return ()

    def _answers(self, read: Callable[[LdapConnections], T]) -> tuple[dict[str, T], dict[str, ConnectorError]]:
        """Return the answer of each address, and the error of each that gives none. Raises it if all give none."""
        answers, silent = dict[str, T](), dict[str, ConnectorError]()
        for url, connections in self.each().items():
            at, error = self._silent.get(url, (float("-inf"), None))
            if error is None or time.monotonic() - at > ASIDE_SECONDS:
                try:
                    answers[url], error = read(connections), None
                except ConnectorError as caught:
                    error = caught
                    if isinstance(caught, Unavailable):
                        self._silent[url] = time.monotonic(), caught
            if error is not None:
                silent[url] = error
        if not answers:
            raise next(iter(silent.values()))
        return answers, silent

    def close(self) -> None:
        """Close the connections to each address."""
        for one in self._by_url.values():
            one.close()


def _worst(seen: Mapping[str, Observation]) -> Observation:
    """Return the worst of the reads of one account at every address. Two good reads must agree. Pure."""
    url, worst = min(seen.items(), key=lambda read: _SEVERITY.index(read[1].verdict))
    verdicts = {one.verdict for one in seen.values()}
    if len(verdicts) == 1:
        return worst
    if worst.verdict is Verdict.UNKNOWN:
        return worst
    if worst.verdict is Verdict.OPEN:
        words = _("{url} shows it open, and other addresses do not: changes do not reach that server")
        return replace(worst, reason="; ".join(filter(None, (worst.reason, words.format(url=url)))))
    words = _("some addresses show it locked, and others do not show it")
    return replace(worst, verdict=Verdict.UNKNOWN, reason=words)


_SEVERITY = (Verdict.OPEN, Verdict.UNKNOWN, Verdict.LOCKED, Verdict.ABSENT)
