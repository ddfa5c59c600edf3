"""Sealed data of a stage: the results of its acts by system, kept from before each act to its last read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from config.text import stored
from workflows.stage_acts import ActResult, StageAct
from workflows.storage.rows.stages import Stage
from workflows.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class ActRecord:
    """Results of one act in one system."""

    begun_at: str = ""
    """Time at which the try under way began; empty while none is."""
    ended_at: str = ""
    """Time of the last result."""
    done: tuple[str, ...] = ()
    problem: str = ""
    waits: bool = False
    touched: bool = False
    """True once a try began: an undo looks at it."""
    undone_at: str = ""
    undone: tuple[str, ...] = ()
    not_undone: str = ""

    @property
    def complete(self) -> bool:
        """True if the last try ended, and left nothing to do."""
        return bool(self.ended_at) and not self.problem and not self.begun_at

    @property
    def is_undone(self) -> bool:
        """True if the undo ended, no try ended after it, and nothing is left to do."""
        return bool(self.undone_at) and not self.not_undone and not self.begun_at

    def beginning(self, now: datetime) -> "ActRecord":
        """Return the record before a try."""
        return replace(self, begun_at=now.isoformat(), touched=True)

    def ended(self, result: ActResult, now: datetime) -> "ActRecord":
        """Return the record after a try. Sentences of earlier tries stay: a kill may have come between."""
        done = tuple(dict.fromkeys((*self.done, *map(stored, result.done))))
        return replace(
            self,
            begun_at="",
            ended_at=now.isoformat(),
            done=done,
            problem=stored(result.problem),
            waits=result.waits,
            undone_at="",
        )

    def waiting(self, problem: str, now: datetime) -> "ActRecord":
        """Return the record of an act that may not begin yet."""
        return replace(self, ended_at=now.isoformat(), problem=stored(problem), waits=True)

    def undoing(self, result: ActResult, now: datetime) -> "ActRecord":
        """Return the record after a try to undo."""
        undone = tuple(dict.fromkeys((*self.undone, *map(stored, result.done))))
        return replace(self, begun_at="", undone_at=now.isoformat(), undone=undone, not_undone=stored(result.problem))

    def not_undone_yet(self, problem: str) -> "ActRecord":
        """Return the record of an act that is under way while its case is undone. Its beginning stays."""
        return replace(self, not_undone=stored(problem))


@dataclass(frozen=True, slots=True)
class StageData:
    """Sealed data of a stage's row."""

    results: Mapping[str, Mapping[str, ActRecord]] = field(default_factory=dict)
    """Act to system to result."""
    skipped_by: str = ""
    """Name of the person who skipped the stage."""
    skipped_why: str = ""

    @classmethod
    def of(cls, vault: Vault, key: bytes, row: Stage) -> "StageData":
        """Decrypt a row's data; return empty data for a fresh row. Raises `WrongKey`."""
        return cls.opened(vault.open(key, row.sealed, f"stage:{row.id}")) if row.sealed else cls()

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> "StageData":
        """Return the data that was sealed."""
        results = {
            act: {
                system: ActRecord(**one | {name: tuple(one[name]) for name in ("done", "undone")})
                for system, one in systems.items()
            }
            for act, systems in data["results"].items()
        }
        return cls(results, data["skipped_by"], data["skipped_why"])

    def seal(self, vault: Vault, key: bytes, row_id: str) -> bytes:
        """Encrypt the data for the row."""
        return vault.seal(key, asdict(self), f"stage:{row_id}")

    def of_act(self, act: StageAct, system: str) -> ActRecord:
        """Return the record of one act in one system; an empty one before its first try."""
        return self.results.get(act, {}).get(system, ActRecord())

    def having(self, act: StageAct, system: str, record: ActRecord) -> "StageData":
        """Return the data with another record."""
        return replace(self, results={**self.results, act: {**self.results.get(act, {}), system: record}})
