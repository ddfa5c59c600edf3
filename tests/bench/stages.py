"""`stages`: 2,000 cases with six stages each, all due on one day, in one slow system.

The floor is the same acts alone, in the same run, by as many threads. The stages are carried out by their handler, in
as many threads as the engine has for one task; the engine itself takes no part.
"""

import resource
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlmodel import col, select

from connectors.contract import AccountId
from tests.bench.figures import Figure, Run
from tests.workflows.memory import MemoryDirectory, World
from tests.workflows.office import BOB, HR, MAX, Office
from workflows.cases.holds import CasePolicy
from workflows.engine.durable import WORKERS
from workflows.people import Leaver
from workflows.stage_acts import ActResult, StageAct
from workflows.stages import days
from workflows.storage.case import CaseData
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import Case, CaseState, Reason, Strategy
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.systems.registry import System, Systems

CASES, SECONDS = 2000, 0.3
"""Seconds of one act: three requests of 100 ms, a read, a write and a read."""
FLOOR_ACTS, BATCH = 600, 200
"""Acts of which the floor is measured, for all of them; and cases laid out in one transaction."""
STAGES = ("last_day", "day_1", "day_7", "day_30", "day_60", "day_90")
GOAL, MEGABYTES = 1.2, 30.0
"""Times the floor; and growth of memory from the first tenth of the stages to the last."""


@dataclass
class SlowAct:
    """One act that takes so long, and counts itself."""

    seconds: float
    act: StageAct = StageAct.RECLAIM_LICENCES
    done: set[str] = field(default_factory=set)
    twice: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def applies(self, system: System) -> bool:
        return system.name == "directory"

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        del system, accounts
        return ()

    def run(self, case_id: str, system: System) -> ActResult:
        del case_id, system
        self.once(str(time.perf_counter_ns()))
        return ActResult(("one licence",))

    def once(self, key: str) -> None:
        """Take the time of one act."""
        time.sleep(self.seconds)
        with self.lock:
            self.twice += key in self.done
            self.done.add(key)

    def undo(self, case_id: str, system: System) -> ActResult:
        del case_id, system
        return ActResult()


def run(cases: int = CASES, seconds: float = SECONDS) -> Run:
    """Measure once."""
    with tempfile.TemporaryDirectory() as folder:
        slow = SlowAct(seconds)
        office = _office(Path(folder), slow)
        rows = _lay(office, cases)
        office.clock.pass_(days=100)
        part = rows[:: max(1, len(rows) // FLOOR_ACTS)]
        floor = _together(slow.once, part) * len(rows) / len(part)
        acted = len(slow.done)
        before, processor = _megabytes(), time.process_time()
        _together(office.handlers["stage"], rows[: len(rows) // 10])
        middle = _megabytes()
        started = time.perf_counter()
        _together(office.handlers["stage"], rows[len(rows) // 10 :])
        taken = (time.perf_counter() - started) * len(rows) / (len(rows) - len(rows) // 10)
        processor = time.process_time() - processor
        after = _megabytes()
        with office.store.read() as session:
            left = len(session.exec(select(Stage.id).where(col(Stage.state) != WorkState.DONE)).all())
        office.store.close()
    return Run(
        "stages",
        {"cases": cases, "stages": len(STAGES), "seconds": seconds, "workers": WORKERS},
        [
            Figure("all stages of one day", taken, "s", goal=GOAL, floor=floor, of="ratio"),
            Figure("stages not done", float(left), "stages", goal=0.0),
            Figure("acts too many", float(len(slow.done) - acted - len(rows) + slow.twice), "acts", goal=0.0),
            Figure("growth of memory, last nine tenths", after - middle, "MB", goal=MEGABYTES),
            Figure("memory before", before, "MB"),
            Figure("processor time a stage", 1000 * processor / len(rows), "ms"),
        ],
    )


def _office(folder: Path, slow: SlowAct) -> Office:
    directory = World("directory")
    systems = Systems([directory.system(MemoryDirectory)], "directory")
    acts = dict.fromkeys(STAGES, (StageAct.RECLAIM_LICENCES,))
    rules = CasePolicy(mass_cases_per_hour=10**9)
    return Office(folder, systems=systems, handlers=[slow], stages=acts, rules=rules)


def _lay(office: Office, cases: int) -> list[str]:
    """Lay out cases that were opened a while ago and are locked out; return the rows of their stages."""
    context, now, stages = office.context, office.clock.now(), dict.fromkeys(STAGES, (StageAct.RECLAIM_LICENCES,))
    ids = [f"HO-{number:06}" for number in range(cases)]
    for start in range(0, cases, BATCH):
        with context.store.write() as session:
            for case_id in ids[start : start + BATCH]:
                case = _case(context.vault, case_id, now)
                session.add(case)
                session.flush()
                row = Access(id=f"{case_id}:directory", case_id=case_id, system="directory", due_at=now)
                row.state, row.read_at = WorkState.DONE, now
                session.add(row)
                days.create(session, case, stages, "UTC")
                known = {"effective_at": now.isoformat(), "stages": {name: [*acts] for name, acts in stages.items()}}
                context.journal.write(session, actor=HR, action="case.opened", case_id=case_id, data=known)
    return [f"{case_id}:{name}" for name in STAGES for case_id in ids]


def _case(vault: Vault, case_id: str, now: datetime) -> Case:
    key, leaver = vault.new_key(), Leaver(case_id, f"{case_id}@x.example", timezone="UTC")
    data = CaseData(leaver, MAX, (BOB,), HR, "C0CASES")
    return Case(
        id=case_id,
        leaver_key=vault.blind(case_id),
        mail_key=vault.blind(f"mail:{case_id}"),
        state=CaseState.WATCHED,
        immediate=False,
        effective_at=now,
        opened_at=now,
        opened_by=HR.id,
        approver=f"slack:{MAX.slack_id}",
        strategy=Strategy.BALANCED,
        reason=Reason.OTHER,
        wrapped_key=key,
        sealed=vault.seal(key, data.dump(), f"case:{case_id}"),
    )


def _together(act: Callable[[str], object], rows: Sequence[str]) -> float:
    """Do an act on all rows with as many threads as the engine has; return the seconds."""
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for _done in pool.map(act, rows):
            pass
    return time.perf_counter() - started


def _megabytes() -> float:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
