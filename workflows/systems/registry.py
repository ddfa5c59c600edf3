"""Configured outside systems, by name, and questions to all of them at once."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

from config.text import _
from connectors.contract import CallCounts, Connector, Manifest
from connectors.errors import ConnectorError, Unavailable

C = TypeVar("C")
R = TypeVar("R")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class System:
    """One configured system."""

    name: str
    manifest: Manifest
    connector: Connector
    expects_account: bool = False
    """True if everybody should have an account here: a leaver without one is then a finding, not `absent`."""
    administrators: tuple[str, ...] = ()
    """Groups of administrators. The last enabled member of each is never locked."""
    restrict_before: timedelta | None = None
    """Time before a lock-out at which the leaver is taken out of `restrict_groups`."""
    restrict_groups: tuple[str, ...] = ()

    @property
    def cannot(self) -> tuple[str, ...]:
        """Limitations of the vendor, as sentences in the current language."""
        return tuple(_(words) for words in self.manifest.cannot if self.connector.has_limitation(words))

    def has(self, capability: type) -> bool:
        """Return whether the connector declares the capability in its header."""
        return capability in self.manifest.capabilities

    def having(self, capability: type[C]) -> C | None:
        """Return the connector as that capability, or None if it lacks the capability."""
        return cast("C", self.connector) if self.has(capability) else None


def titled(system: System, title: str) -> System:
    """Return the system with the configured title, if there is one."""
    return replace(system, manifest=replace(system.manifest, title=title)) if title else system


def distinct(systems: Sequence[System]) -> list[System]:
    """Return the systems; those that share a title show their names as well, so that two never look the same."""
    times = Counter(system.manifest.title for system in systems)
    return [
        titled(system, f"{system.manifest.title} ({system.name})" if times[system.manifest.title] > 1 else "")
        for system in systems
    ]


class Systems(Mapping[str, System]):
    """All configured systems, in the order of the configuration."""

    def __init__(self, systems: list[System], directory: str = "") -> None:
        """Take `directory`, the name of the system that lists everybody; its ids key the cases."""
        self.directory = directory
        self._systems = {system.name: system for system in systems}

    def __getitem__(self, name: str) -> System:
        return self._systems[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._systems)

    def __len__(self) -> int:
        return len(self._systems)

    def with_capability(self, capability: type[C]) -> list[tuple[System, C]]:
        """Return the systems that have a capability, each with its connector as that capability."""
        return [(s, cast("C", s.connector)) for s in self._systems.values() if s.has(capability)]

    def max_parallel(self, name: str) -> int:
        """Return how many parallel lock-outs keep a system's connections busy.

        This is a quarter more than its connections, which the connector enforces. While one lock-out writes its
        results, another one's request is on its way.
        """
        pool = self[name].connector.connections() if name in self else None
        connections = pool.size if pool else self[name].manifest.limits.connections if name in self else 1
        return connections + max(1, connections // 4)

    def ask(self, question: Callable[[System], R], seconds: float) -> Mapping[str, R | ConnectorError]:
        """Ask every system the same question at once. A system that does not answer in time is `Unavailable`."""
        pool = ThreadPoolExecutor(max_workers=max(1, len(self)), thread_name_prefix="ask")
        # One copy each: an answer is in the language of the caller.
        asked = {name: pool.submit(copy_context().run, question, system) for name, system in self._systems.items()}
        wait(asked.values(), timeout=seconds)
        # A hanging system must not delay the answer: its thread ends by the connector's own time limit.
        pool.shutdown(wait=False, cancel_futures=True)
        return {name: _answer(name, future, seconds) for name, future in asked.items()}

    def calls(self) -> Mapping[str, CallCounts]:
        """Return this process's calls to each system whose kind has connections."""
        pools = {name: system.connector.connections() for name, system in self._systems.items()}
        return {name: pool.call_counts() for name, pool in pools.items() if pool}

    def close(self) -> None:
        """Close every connector."""
        for system in self._systems.values():
            system.connector.close()


def _answer(name: str, future: "Future[Any]", seconds: float) -> Any:
    if not future.done() or future.cancelled():
        return Unavailable(
            _("{name} did not answer within {seconds} seconds").format(name=name, seconds=f"{seconds:g}")
        )
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, Exception):  # the other systems answer all the same
        log.error("a question to %s ended by a fault", name, exc_info=error)
        return Unavailable(_("a fault of Handover's own; its log has the details"))
    raise error
