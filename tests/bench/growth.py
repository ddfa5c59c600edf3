"""`growth`: what grows with the number of past leavers: the daily audit, its file, lists, and messages meanwhile.

`python -m tests.bench.growth COUNT FOLDER` measures one company in a process of its own and prints one line of JSON.
"""

import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as hour
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    Locked,
    Lookup,
    Manifest,
    Observation,
    Person,
    Roster,
    Verdict,
)
from tests.bench.figures import Figure, Run
from tests.bench.leavers import LEFT, MASTER, case_id, entry_uuid, rows
from tests.workflows.members import MemoryMembers, authorization
from workflows.access.absence import AbsenceCheck
from workflows.access.protected import ProtectedAccounts
from workflows.cases.casefile import Casefile
from workflows.cases.finding_list import FindingList
from workflows.cases.offboarding import Offboarding
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.clients.context import ClientContext
from workflows.clients.handover import ClientHandover
from workflows.clients.introduction_policy import IntroductionPolicy
from workflows.clients.split.rules import AllocationPolicy
from workflows.context import Context
from workflows.exports.snapshots import ExportTrack
from workflows.people import Actor
from workflows.ports import SystemClock
from workflows.stages.reading import StageReading
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.outbox import deliver, enqueue
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import AuditRun, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault
from workflows.systems.registry import System, Systems
from workflows.watch.audit import Audits

LEAVERS, SYSTEMS = 10_000, 8
LISTED = 4
"""Systems that can list everybody; in the others a part of the leavers is looked up by each audit."""
OPEN_AGAIN = 100
"""Every so many leavers an account is open again in one system."""
DAYS = (1, 7, 30, 90)
SLACK_SECONDS = 0.05
"""Seconds that Slack takes for a message here."""
PROBE_SECONDS, PAGE = 1.0, 50
PATIENCE = 300.0
"""Seconds until a message or file that was not shown counts as that late."""
LATE_GOAL, AUDIT_GOAL, PAGE_GOAL, EXPONENT_GOAL = 2.0, 20.0, 1.0, 1.05
RUN, NEXT_RUN = "audit-2026-11-23", "audit-2026-11-24"


def run(leavers: int = LEAVERS) -> Run:
    """Measure a company and one half its size, each in its own process."""
    half, whole = (_measured(count) for count in (leavers // 2, leavers))
    figures = [
        Figure("latest message", whole["late"], "s", goal=LATE_GOAL),
        Figure("audit", whole["audit"], "s of processor", goal=AUDIT_GOAL),
        Figure("audit's file", whole["file"], "s of processor"),
        Figure("page of `status --all`", whole["page"], "s", goal=PAGE_GOAL),
        Figure("findings for Home", whole["home"], "s"),
        Figure("delivery with nothing to show", 1000 * whole["tick"], "ms"),
        Figure("peak memory", whole["peak_mb"], "MB"),
        Figure("accounts read wrongly", float(half["wrong"] + whole["wrong"]), "accounts", goal=0.0),
    ]
    exponents = [
        Figure(f"{name} grows with power", math.log2(whole[key] / half[key]), "", goal=EXPONENT_GOAL)
        for name, key in (("audit", "audit"), ("file", "file"), ("page", "page"))
    ]
    return Run("growth", {"leavers": leavers, "systems": SYSTEMS}, [*figures, *exponents])


def _measured(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.bench.growth", str(count), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class NoSettings(BaseModel):
    """The bench builds its connectors itself."""


class PastAccounts(Accounts):
    """A system in memory with one account per leaver, mostly locked. It answers at once."""

    def __init__(self, count: int, open_every: int = 0) -> None:
        self._ids = [AccountId(entry_uuid(number)) for number in range(count)]
        self._open = frozenset(self._ids[::open_every]) if open_every else frozenset[AccountId]()

    def check(self) -> str:
        return "memory"

    def close(self) -> None:
        """Nothing to give up."""

    def find(self, person: Person) -> Lookup:
        """Find the account by the number in the log-in."""
        number = int(person.logins[0].removeprefix("leaver"))
        return Lookup((self.account(number),), "log-in")

    def account(self, number: int) -> Account:
        """Return one leaver's account."""
        login = f"leaver{number}"
        verdict = self._verdict(self._ids[number])
        return Account(self._ids[number], login, login, verdict, "login", f"{login}@northwind.example")

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        return {one: Account(one, one, one, self._verdict(one), "id") for one in accounts}

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        return {one: Observation(self._verdict(one), "read by id") for one in accounts}

    def before(self, account: AccountId) -> BeforeImage:
        return BeforeImage(account, {})

    def lock(self, before: BeforeImage) -> Locked:
        raise AssertionError(f"the bench locks nobody: {before.account}")

    def unlock(self, before: BeforeImage) -> Change:
        raise AssertionError(f"the bench unlocks nobody: {before.account}")

    def _verdict(self, account: AccountId) -> Verdict:
        return Verdict.OPEN if account in self._open else Verdict.LOCKED


class ListedAccounts(PastAccounts, Roster):
    """One that can list everybody, too."""

    def locked(self) -> Collection[AccountId]:
        return frozenset(self._ids) - self._open

    def everyone(self) -> Iterator[Account]:
        return (self.account(number) for number in range(len(self._ids)))


@dataclass
class Company:
    """The services of a company with a past, and its rows."""

    count: int
    store: Store
    audits: Audits
    offboarding: Offboarding
    clock: SystemClock = field(default_factory=SystemClock)


def company(count: int, folder: Path) -> Company:
    """Write the rows and build the services."""
    vault, clock, day = Vault(MASTER), SystemClock(), timedelta(days=1)
    store = Store(sqlite_url(folder), vault)
    names = [f"system{number}" for number in range(SYSTEMS)]
    systems = Systems(
        [
            _system(name, ListedAccounts(count) if place < LISTED else PastAccounts(count, OPEN_AGAIN * (place == 7)))
            for place, name in enumerate(names)
        ],
        names[0],
    )
    store.upgrade()
    rows(store, count, names)
    _settled(store, count)
    journal = Journal(store, clock, b"s" * 32, Marks(b"m" * 32))
    context = Context(store, vault, journal, systems, clock, authorization(store, vault, journal, clock), day)
    handover = ClientHandover(
        ClientContext.extend(context, MemoryMembers(), ApprovalPolicy(), AllocationPolicy(), IntroductionPolicy())
    )
    exports = ExportTrack(context, channel="", look_back=day, zone="UTC")
    findings = FindingList(context, day)
    casefile = Casefile(context, handover.proposals, exports, findings, StageReading(context, ()))
    absence = AbsenceCheck(context)
    offboarding = Offboarding(
        context,
        casefile,
        handover,
        lambda *_work: None,
        guards=ProtectedAccounts(()),
        absence=absence,
        follow_up_days=DAYS,
        stages={},
    )
    audits = Audits(
        context, casefile, _nobody, _nobody, absence, sheet=findings, channel="C0AUDIT", zone="UTC", at=hour(8)
    )
    return Company(count, store, audits, offboarding)


def _system(name: str, accounts: PastAccounts) -> System:
    return System(name, Manifest("memory", name.upper(), type(accounts), NoSettings), accounts)


def _settled(store: Store, count: int) -> None:
    """Write what a past leaves behind: messages that were shown, and follow-ups that are done."""
    shown = {"channel": "C0CASES", "ts": "1.0", "wanted_version": 3, "shown_version": 3, "shown_at": LEFT}
    with store.write() as session:
        for start in range(0, count, 1000):
            cases = [case_id(number) for number in range(start, min(count, start + 1000))]
            follow_ups = [(case, f"{case}:day-{day}", day) for case in cases for day in DAYS]
            session.execute(
                sa.insert(OutboxMessage),
                [{"id": f"case:{case}", "kind": "case", "subject": case, "case_id": case, **shown} for case in cases]
                + [
                    {"id": f"follow_up:{row}", "kind": "follow_up", "subject": row, "case_id": case, **shown}
                    for case, row, _day in follow_ups
                ],
            )
            done = {"state": WorkState.DONE, "due_at": LEFT, "done_at": LEFT}
            session.execute(
                sa.insert(FollowUp), [{"id": row, "case_id": case, "day": day, **done} for case, row, day in follow_ups]
            )


def _nobody(case: str, system: str, by: Actor, account: str = "") -> None:
    raise AssertionError(f"the bench locks nobody: {case} {system} {by.id} {account}")


@dataclass
class Recorder:
    """Shows messages as the production notifier does, and notes how late each dismissal's was."""

    audits: Audits
    asked: dict[str, float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    files: int = 0

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        """Build what is read from the rows, and take the time that Slack takes."""
        if post.kind == MessageKind.AUDIT:
            self.audits.view(post.subject)
        elif post.kind == MessageKind.AUDIT_FILE:
            self.files += len(self.audits.csv(post.subject)) > 0
        time.sleep(SLACK_SECONDS)
        if post.id in self.asked:
            self.late.append(time.monotonic() - self.asked.pop(post.id))
        return post.channel, "1.0"


def measure(count: int, folder: Path) -> dict[str, float]:
    """Measure one company: first each piece of work alone, then messages beside all of it."""
    past = company(count, folder)
    past.audits.latest()  # a bot that runs has its rows' mappings made and its files open
    past.offboarding.cases(limit=1)
    with past.store.write() as session:
        session.add(AuditRun(id=RUN, due_at=datetime.now(UTC)))
    quiet = Recorder(past.audits)
    audit = _processor(lambda: past.audits.run(RUN))
    verdicts = past.audits.view(RUN).by_verdict
    wrong = abs(SYSTEMS * count - -(-count // OPEN_AGAIN) - verdicts[Verdict.LOCKED])
    deliver(past.store, quiet, past.clock)
    deliver(past.store, quiet, past.clock, files=True)
    first, last = (lambda: _page(past, 0), lambda: _page(past, max(0, count - PAGE)))
    found = {
        "audit": audit,
        "wrong": float(wrong),
        "file": _processor(lambda: sum(map(len, past.audits.current_csv()))),
        "page": max(min(_wall(page) for _ in range(3)) for page in (first, last)),
        "home": _wall(lambda: (past.audits.findings(20), past.audits.count_findings())),
        "tick": min(_processor(lambda: deliver(past.store, quiet, past.clock)) for _ in range(20)),
        "late": _latest(past),
        "peak_mb": _peak_mb(),
    }
    past.store.close()
    return found


def _page(past: Company, offset: int) -> None:
    past.offboarding.cases(limit=PAGE, offset=offset)
    past.offboarding.count()


def _latest(past: Company) -> float:
    """Return how late the latest message of a dismissal was while an audit ran and its file was made."""
    recorder, over = Recorder(past.audits), threading.Event()
    with past.store.write() as session:
        session.add(AuditRun(id=NEXT_RUN, due_at=datetime.now(UTC)))
        session.get_one(Case, case_id(0)).immediate = True

    def tell() -> None:
        deliver(past.store, recorder, past.clock)

    jobs = (
        (0.3, tell),
        (2.0, lambda: deliver(past.store, recorder, past.clock, files=True)),
        (PROBE_SECONDS, lambda: _ask(past, recorder)),
    )
    ticks = [threading.Thread(target=_every, args=(seconds, over, job), daemon=True) for seconds, job in jobs]
    for tick in ticks:
        tick.start()
    past.audits.run(NEXT_RUN)
    until = time.monotonic() + PATIENCE
    while not recorder.files and time.monotonic() < until:
        time.sleep(0.1)
    over.set()
    for tick in ticks:
        tick.join()
    tell()
    return max([*recorder.late, *([] if recorder.files and not recorder.asked else [PATIENCE])])


def _every(seconds: float, over: threading.Event, job: Callable[[], object]) -> None:
    while not over.wait(seconds):
        job()


def _ask(past: Company, recorder: Recorder) -> None:
    message = f"probe:{len(recorder.late)}:{time.monotonic_ns()}"
    with past.store.write(case_id(0)) as session:
        enqueue(session, id=message, kind=MessageKind.OUTCOME, subject="", channel="C0", case_id=case_id(0))
        recorder.asked[message] = time.monotonic()


def _processor(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _wall(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def main(count: int, folder: Path) -> None:
    """Measure once and print what was found."""
    found: dict[str, Any] = measure(count, folder)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
