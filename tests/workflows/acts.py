"""Acts of stages in memory: what each did stands in the world of its system, and every write is counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.text import _
from connectors.contract import AccountId
from tests.workflows.memory import World
from workflows.stage_acts import ActResult, StageAct
from workflows.systems.registry import System


@dataclass
class MemoryAct:
    """One act in some systems. Faults are those of the worlds, under the act's own name and `undo:` before it."""

    act: StageAct
    worlds: Mapping[str, World]
    acted: set[tuple[str, str]] = field(default_factory=set)
    """Case and system where the act's effect is there now."""
    writes: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    """Writes in their order, over all acts that share the list."""
    left: str = ""
    """Problem that the act leaves to a person."""

    def applies(self, system: System) -> bool:
        return system.name in self.worlds

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        world = self.worlds[system.name]
        return world.call(f"foresee:{self.act}", lambda: [_("{count} accounts").format(count=len(accounts))])

    def run(self, case_id: str, system: System) -> ActResult:
        def act() -> ActResult:
            if self.left:
                return ActResult(problem=self.left, waits=True)
            if (case_id, system.name) not in self.acted:
                self.acted.add((case_id, system.name))
                self._write("do", system)
            return ActResult((f"{self.act} in {system.name}",))

        return self.worlds[system.name].call(self.act, act)

    def undo(self, case_id: str, system: System) -> ActResult:
        def act() -> ActResult:
            if (case_id, system.name) not in self.acted:
                return ActResult()
            self.acted.discard((case_id, system.name))
            self._write("undo", system)
            return ActResult((f"{self.act} undone in {system.name}",))

        return self.worlds[system.name].call(f"undo:{self.act}", act)

    def _write(self, what: str, system: System) -> None:
        self.writes[f"{what}:{system.name}"] += 1
        self.order.append(f"{what} {self.act} {system.name}")
