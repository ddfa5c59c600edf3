"""A company with stages: stop new work at the last day, tell and deactivate a week later, reclaim after a month."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import Act, Effect, Subject
from tests.workflows.acts import MemoryAct
from tests.workflows.memory import MemoryCrm, MemoryDirectory, World
from tests.workflows.office import Office
from workflows.cases.holds import CasePolicy
from workflows.stage_acts import StageAct
from workflows.stages.views import StageLine, StageState
from workflows.storage.rows.stages import Stage
from workflows.systems.registry import System, Systems

STAGES: Mapping[str, Sequence[StageAct]] = {
    "last_day": (StageAct.STOP_NEW_WORK,),
    "day_7": (StageAct.TELL_CLIENTS, StageAct.DEACTIVATE),
    "day_30": (StageAct.RECLAIM_LICENCES,),
}
DESTROYS = Effect(Act.DEACTIVATE, Subject.ACTIVITIES, "Activities of a deactivated user are deleted.", destroys=True)


@dataclass
class Company:
    """An office with acts in memory, and a case of Dana's."""

    office: Office
    acts: Mapping[StageAct, MemoryAct]

    def open(self, **change: object) -> str:
        """Open a case for tomorrow at noon UTC unless changed, with its inventory taken."""
        soon = self.office.clock.now() + timedelta(days=1)
        case_id = self.office.offboarding.open(self.office.request(**{"effective_at": soon, **change}))
        self.office.work("inventory")
        return case_id

    def to_day(self, days: int, case_id: str) -> None:
        """Go to the moment of a stage, and carry out all that is due."""
        effective = self.office.offboarding.case(case_id).effective_at
        self.office.clock.at = max(self.office.clock.at, effective + timedelta(days=days, hours=2))
        self.office.work("revoke")
        self.office.work("stage")

    def stage(self, case_id: str, name: str) -> StageLine:
        return next(one for one in self.office.services.stages.of_case(case_id).stages if one.name == name)

    def state(self, case_id: str, name: str) -> StageState:
        return self.stage(case_id, name).state

    def row(self, case_id: str, name: str) -> Stage:
        with self.office.store.read() as session:
            return session.get_one(Stage, f"{case_id}:{name}")

    def writes(self) -> list[str]:
        return next(iter(self.acts.values())).order


Founded = Callable[..., Company]


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Founded]:
    """Return what founds the company: `stages` of its settings, `acts` that its systems offer, `effects` of its CRM."""
    made: list[Company] = []

    def company(
        stages: Mapping[str, Sequence[StageAct]] = STAGES,
        acts: Sequence[StageAct] = tuple(StageAct),
        effects: tuple[Effect, ...] = (),
        rules: CasePolicy = CasePolicy(hold_channel="C0SEC"),  # noqa: B008 - frozen
    ) -> Company:
        worlds = {name: World(name) for name in ("directory", "crm")}
        order: list[str] = []
        handlers = {act: MemoryAct(act, worlds, order=order) for act in acts}
        office = _office(tmp_path, worlds, effects, list(handlers.values()), stages, rules)
        made.append(Company(office, handlers))
        return made[-1]

    yield company
    for one in made:
        one.office.store.close()


def _office(
    folder: Path,
    worlds: Mapping[str, World],
    effects: tuple[Effect, ...],
    handlers: Sequence[MemoryAct],
    stages: Mapping[str, Sequence[StageAct]],
    rules: CasePolicy,
) -> Office:
    crm = worlds["crm"].system(MemoryCrm)
    crm = System(crm.name, replace(crm.manifest, effects=effects), crm.connector)
    systems = Systems([worlds["directory"].system(MemoryDirectory), crm], "directory")
    office = Office(folder, systems=systems, handlers=handlers, stages=stages, rules=rules)
    for world in worlds.values():
        world.users = dict(getattr(office, world.name).users)
    office.directory, office.crm = worlds["directory"], worlds["crm"]
    return office
