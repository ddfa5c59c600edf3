"""`truth`: misleading worlds, each with a whole case, judged by the servers' own storage.

Contradicted: the case, its exit code, the audit or an undo calls a system good, and that is not so. Writes outside:
anything stored of anybody else has changed. The world in which nothing misleads must end locked: a bot that always says
unknown fails.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bot.cli.audit import concerns
from bot.cli.status import is_good
from connectors.contract import Verdict
from tests.bench import lying_crms, lying_directories
from tests.bench.figures import Figure, Run
from tests.bench.lying_worlds import WORLDS, Scene, Stage, World, scene_on, scim_stage
from tests.workflows.office import SECURITY, Office
from workflows.cases.views import AuditView, CaseView
from workflows.refusals import Refused

GOOD = (Verdict.LOCKED, Verdict.ABSENT)
NOTICE = timedelta(days=3)
Open = Callable[[Path], AbstractContextManager[Stage]]
STAGES: Mapping[str, tuple[Open, Sequence[World]]] = {
    "scim": (scim_stage, WORLDS),
    "tryton": (lying_crms.tryton_stage, lying_crms.TRYTON),
    "bottlecrm": (lying_crms.bottlecrm_stage, lying_crms.BOTTLECRM),
    "openldap": (lying_directories.openldap_stage, lying_directories.WORLDS),
    "389": (lying_directories.ns389_stage, lying_directories.WORLDS),
    "samba": (lying_directories.samba_stage, lying_directories.WORLDS),
}
"""Servers by name, each with its worlds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one world: what was called good and is not, and others who were changed."""

    world: str
    contradicted: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    verdicts: str = ""
    honest: bool = True
    """False if nothing misled, and the verdicts are not those of a lock-out."""
    fault: bool = False
    """True if the program failed with an error of its own."""
    seconds: float = 0


def run() -> Run:
    """Play every world once."""
    outcomes = [outcome for name in STAGES for outcome in play(name)]
    wrong = [one for one in outcomes if one.contradicted or one.outside]
    return Run(
        "truth",
        {"worlds": len(outcomes), "contradicted in": [f"{one.world}: {one.verdicts}" for one in wrong]},
        [
            Figure("verdicts contradicted", float(sum(len(one.contradicted) for one in outcomes)), "systems", goal=0.0),
            Figure("writes outside the leaver", float(sum(len(one.outside) for one in outcomes)), "people", goal=0.0),
            Figure("honest worlds not locked", float(sum(not one.honest for one in outcomes)), "", goal=0.0),
            Figure("faults of the program", float(sum(one.fault for one in outcomes)), "worlds", goal=0.0),
            Figure("worlds", float(len(outcomes)), "worlds"),
        ],
    )


def play(stage: str, worlds: Sequence[World] = ()) -> list[Outcome]:
    """Play worlds, or all of a stage, on one set of servers."""
    start, every = STAGES[stage]
    with tempfile.TemporaryDirectory() as name, start(Path(name)) as opened:
        numbered = enumerate(worlds or every)
        return [_timed(Path(name) / f"world-{number}", stage, opened, world) for number, world in numbered]


def _timed(folder: Path, name: str, stage: Stage, world: World) -> Outcome:
    began = time.monotonic()
    return replace(_play(folder, name, stage, world), seconds=round(time.monotonic() - began, 2))


def _play(folder: Path, name: str, stage: Stage, world: World) -> Outcome:
    folder.mkdir()
    stage.quiet()
    scene = scene_on(stage, world)
    before = {name: one.others() for name, one in scene.realities.items()}
    office = Office(folder, systems=stage.systems(), members=scene.members)
    if not (world.lies_after_lock or world.after_notice):
        stage.lie(scene, world)
    title = f"{name}: {world.name}"
    try:
        case_id = _lock_out(office, stage, scene, world)
        found = _contradicted(office, case_id, scene)
        verdicts = _verdicts(office.offboarding.case(case_id))
        if world.after_lock:
            world.after_lock(scene)
            stage.lie(scene, world)
            office.clock.pass_(days=1)
            found += _contradicted(office, case_id, scene, office.audits.run_now(SECURITY))
        if world.undo:
            found += _undo(office, case_id, scene)
        honest = verdicts == stage.honest or world is not STAGES[name][1][0]
        return Outcome(title, found, _changed(before, scene), _verdicts(office.offboarding.case(case_id)), honest)
    except Refused as refused:
        return Outcome(title, outside=_changed(before, scene), verdicts=f"refused: {refused}")
    except Exception as fault:  # noqa: BLE001 - whatever it is, the next world is played, and this one counts as a fault
        return Outcome(title, outside=_changed(before, scene), verdicts=f"FAULT {fault!r}", fault=True)
    finally:
        stage.quiet()
        office.systems.close()
        office.store.close()


def _lock_out(office: Office, stage: Stage, scene: Scene, world: World) -> str:
    """Open the case as the terminal does, from a plan, and carry it out."""
    plan = office.offboarding.plan(scene.leaver)
    at = office.clock.now() + NOTICE if world.after_notice else None
    request = office.request(leaver=plan.leaver, effective_at=at)
    case_id = office.offboarding.open(request)
    office.work()
    if world.after_notice:
        world.after_notice(scene)
        stage.lie(scene, world)
        office.clock.pass_(days=NOTICE.days)
        office.work()
    office.work()
    return case_id


def _undo(office: Office, case_id: str, scene: Scene) -> tuple[str, ...]:
    """Undo the case; return what it says is open again, and is not."""
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.work()
    case = office.offboarding.case(case_id)
    return tuple(
        f"{line.system} given back, and no way in"
        for line in case.restored
        if line.done and not (line.problem or line.cannot or scene.realities[line.system].ways_in())
    )


def _contradicted(office: Office, case_id: str, scene: Scene, audit: AuditView | None = None) -> tuple[str, ...]:
    """Return what is called good although the leaver can log in: by the case, by its exit code, or by an audit."""
    case, now = office.offboarding.case(case_id), office.clock.now()
    ways = {name: ways for name, reality in scene.realities.items() if (ways := reality.ways_in())}
    doubted = {finding.system for finding in case.findings}
    unread = " ".join((*audit.not_read, *audit.not_looked)) if audit else ""
    found = [
        f"{line.system} {line.verdict}, open: {', '.join(ways[line.system])}"
        for line in case.systems
        if line.verdict in GOOD and line.system in ways and line.system not in doubted
        if f"({line.system})" not in unread and f"in {line.system}:" not in unread
    ]
    if ways and is_good(case, now):
        found.append(f"status is good, open: {ways}")
    if ways and audit and not concerns(audit, now):
        found.append(f"the audit is good, open: {ways}")
    return tuple(found)


def _changed(before: dict[str, Mapping[str, object]], scene: Scene) -> tuple[str, ...]:
    """Return the others who are not as they were."""
    after = {name: one.others() for name, one in scene.realities.items()}
    return tuple(
        f"{name}: {who}" for name, people in before.items() for who in people if after[name].get(who) != people[who]
    )


def _verdicts(case: CaseView) -> str:
    return ", ".join(sorted(f"{line.system} {line.verdict}" for line in case.systems))


if __name__ == "__main__":
    import sys

    for chosen in sys.argv[1:] or STAGES:
        began = time.monotonic()
        for outcome in play(chosen):
            print(outcome)
        print(f"{chosen}: {time.monotonic() - began:.1f} s")
