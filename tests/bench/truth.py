"""`truth`: misleading worlds, each with a whole case, judged by the servers' own storage.

Contradicted: the case or the audit calls a system good, and a way in is open there. Writes outside: anything stored of
anybody else has changed. The world in which nothing misleads must end locked: a bot that always says unknown fails.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from connectors.contract import Verdict
from tests.bench.figures import Figure, Run
from tests.bench.lying_worlds import WORLDS, Scene, World, lie, scene_on, servers, systems
from tests.sandbox.company.scim import Manners, Scim
from tests.sandbox.company.slapd import Slapd
from tests.workflows.office import SECURITY, Office
from workflows.cases.views import AuditView, CaseView
from workflows.refusals import Refused

GOOD = (Verdict.LOCKED, Verdict.ABSENT)
NOTICE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one world: systems called good although open, and others who were changed."""

    world: str
    contradicted: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    verdicts: str = ""


def run() -> Run:
    """Play every world once."""
    outcomes = play(WORLDS)
    wrong = [one for one in outcomes if one.contradicted or one.outside]
    honest = outcomes[0]
    return Run(
        "truth",
        {"worlds": len(outcomes), "contradicted in": [f"{one.world}: {one.verdicts}" for one in wrong]},
        [
            Figure("verdicts contradicted", float(sum(len(one.contradicted) for one in outcomes)), "systems", goal=0.0),
            Figure("writes outside the leaver", float(sum(len(one.outside) for one in outcomes)), "people", goal=0.0),
            Figure("honest worlds not locked", float(honest.verdicts != "app locked, directory locked"), "", goal=0.0),
            Figure("worlds", float(len(outcomes)), "worlds"),
        ],
    )


def play(worlds: tuple[World, ...]) -> list[Outcome]:
    """Play worlds on one pair of servers."""
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as (slapd, scim):
        return [_play(Path(name) / f"world-{number}", slapd, scim, world) for number, world in enumerate(worlds)]


def _play(folder: Path, slapd: Slapd, scim: Scim, world: World) -> Outcome:
    folder.mkdir()
    scim.manners = Manners()
    scene = scene_on(slapd, scim, world)
    before = {name: one.others() for name, one in scene.realities.items()}
    office = Office(folder, systems=systems(slapd, scim), members=scene.members)
    if not (world.lies_after_lock or world.after_notice):
        lie(scene, world)
    try:
        case_id = _lock_out(office, scene, world)
        found = _contradicted(office, case_id, scene)
        if world.after_lock:
            world.after_lock(scene)
            lie(scene, world)
            office.clock.pass_(days=1)
            found += _contradicted(office, case_id, scene, office.audits.run_now(SECURITY))
        return Outcome(world.name, found, _changed(before, scene), _verdicts(office.offboarding.case(case_id)))
    except Refused as refused:
        return Outcome(world.name, outside=_changed(before, scene), verdicts=f"refused: {refused}")
    finally:
        office.systems.close()
        office.store.close()


def _lock_out(office: Office, scene: Scene, world: World) -> str:
    """Open the case as the terminal does, from a plan, and carry it out."""
    plan = office.offboarding.plan(scene.leaver)
    at = office.clock.now() + NOTICE if world.after_notice else None
    request = office.request(leaver=plan.leaver, effective_at=at)
    case_id = office.offboarding.open(request)
    office.work()
    if world.after_notice:
        world.after_notice(scene)
        lie(scene, world)
        office.clock.pass_(days=NOTICE.days)
        office.work()
    office.work()
    return case_id


def _contradicted(office: Office, case_id: str, scene: Scene, audit: AuditView | None = None) -> tuple[str, ...]:
    """Return what is called good although the leaver can log in: by the case, or by an audit."""
    case = office.offboarding.case(case_id)
    doubted = {finding.system for finding in case.findings}
    unread = " ".join((*audit.not_read, *audit.not_looked)) if audit else ""
    return tuple(
        f"{line.system} {line.verdict}, open: {', '.join(open_)}"
        for line in case.systems
        if line.verdict in GOOD and line.system not in doubted and f"({line.system})" not in unread
        if (open_ := scene.realities[line.system].ways_in())
    )


def _changed(before: dict[str, Mapping[str, object]], scene: Scene) -> tuple[str, ...]:
    """Return the others who are not as they were."""
    after = {name: one.others() for name, one in scene.realities.items()}
    return tuple(
        f"{name}: {who}" for name, people in before.items() for who in people if after[name].get(who) != people[who]
    )


def _verdicts(case: CaseView) -> str:
    return ", ".join(sorted(f"{line.system} {line.verdict}" for line in case.systems))


if __name__ == "__main__":
    for outcome in play(WORLDS):
        print(outcome)
