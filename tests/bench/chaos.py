"""`chaos`: kill -9 at random moments of locks, groups, moves, audits, undos, and starts after a kill.

SQLite runs with one bot, PostgreSQL with two. In half of the kills both die. Before each kill, a fault of another kind
comes: a bot is stopped, its packets are held, PostgreSQL restarts, the engine's file is damaged. On PostgreSQL the bots
have different clocks.

Effects are counted from the servers' own logs (slapd's access log, Tryton's model log, the Slack stand-in's
messages), never from our rows. Nothing may be lost or done twice. The journal verifies after every kill.
"""

import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlmodel import col, select

from bot.wiring import Application, assemble
from config.settings import load
from connectors import registry
from tests.bench import witness
from tests.bench.figures import Figure, Run
from tests.bench.leaver_accounts import LeaverAccounts, Tally
from tests.sandbox.company.people import BY_UID, HR, MANAGER, Employee
from tests.sandbox.company.slapd import LOCK
from tests.sandbox.postgres import Postgres
from tests.sandbox.practice import Practice
from tests.sandbox.slack import seed
from tests.sandbox.stalling import StallingProxy
from tests.sandbox.story import DAY
from tests.workflows.proof import proven
from workflows.cases.views import OffboardingRequest
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.access import Restoration
from workflows.storage.rows.case import Case, CaseState, Reason, Strategy
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.watch import AuditRun
from workflows.storage.rows.work_state import WorkState

KILLS, DEAD_AFTER, PATIENCE = 12, 4.0, 180.0
PHASES = {"lock": 1.0, "groups": 0.1, "moves": 0.6, "audits": 0.3, "undo": 0.3, "start": 2.0}
"""The act that a kill interrupts, and the most seconds after its start."""
BOTH, SOON = 0.5, 0.5
"""The share of kills that include the other bot, and the most seconds between the two."""
DATABASES = ("sqlite", "postgresql")
STOPPED, HELD, RESTARTED, DAMAGED = "stopped bots", "held packets", "restarts of PostgreSQL", "damaged engine files"
FAULTS = {"sqlite": (DAMAGED, STOPPED), "postgresql": (STOPPED, HELD, RESTARTED)}
FAULT_SECONDS = 6.0
"""Longest time of a stopped bot, or of held packets; some are given up by the others meanwhile."""
WRONG_CLOCKS = (0.0, 3.0, -3.0, 45.0, -45.0)
USELESS_CLOCK = 3600.0
"""Seconds by which the clock of one bot at a time is wrong, so that it must take no work."""
BY_HR = Actor(f"slack:{HR.slack_id}", HR.name)


def run(kills: int = KILLS, databases: Sequence[str] = DATABASES, seed: str = "") -> Run:
    """Kill so many times, evenly on each database. `seed` distinguishes runs of the same size."""
    figures: list[Figure] = []
    for share, database in enumerate(databases):
        with ExitStack() as stack:
            trial = Trial(stack, database, random.Random(f"{database} {kills} {seed}"))
            figures += trial.run((kills + share) // len(databases))
    facts = {"kills": kills, "seed": seed, "phases": ", ".join(PHASES), "replicas on PostgreSQL": 2}
    return Run("chaos", facts, figures)


class Trial:
    """One database, its bots, and many leavers."""

    def __init__(self, stack: ExitStack, database: str, dice: random.Random) -> None:
        self._stack, self._database, self._dice = stack, database, dice
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = ""
        if database == "postgresql":
            self._postgres = stack.enter_context(Postgres())
            self._proxy = stack.enter_context(StallingProxy(self._postgres.port))
            url = self._postgres.database("chaos")
        self._practice = stack.enter_context(Practice(folder, database_url=url, dead_after=DEAD_AFTER))
        self._practice.slack.workspace.limits.on = False
        self._killed: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._useless: int | None = None
        """Process id of the bot whose clock is wrong by `USELESS_CLOCK`."""
        self._born = 0
        self._opened: dict[str, str] = {}
        """The case of each leaver, by log-in."""
        self._undone: list[str] = []
        self._ended: set[int] = set()
        self._unproven = self._days = 0

    def run(self, kills: int) -> list[Figure]:
        """Open a case, wait for the moment, kill; again; then wait until all is done, and judge."""
        self._accounts = LeaverAccounts(self._practice, kills)
        self._house = self._visit()
        started = time.monotonic()
        while (left := kills - self._killed.total()) > 0:
            person = self._accounts.people[len(self._opened)]
            phase = list(PHASES)[len(self._opened) % len(PHASES)]
            born = self._man()
            if phase != "start":
                self._await_bots()
            self._open(person)
            self._moment(phase)
            self._disturb()
            self._kill(phase, born)
            if left > 1 and self._database == "postgresql" and self._dice.random() < BOTH:
                time.sleep(self._dice.uniform(0, SOON))
                self._kill(phase, None)
            self._unproven += not proven(self._house.services.journal).ok
        self._man()
        self._finish()
        seconds = time.monotonic() - started
        self._unproven += not proven(self._house.services.journal).ok
        self._leavers = self._accounts.people[: len(self._opened)]
        tally = self._accounts.judge(self._leavers, self._undone)
        witness.explain(self._house.store, tally, self._opened)
        witness.judge_posts(self._house.store, self._practice.slack.workspace, tally, self._days)
        return self._figures(tally, seconds)

    # --- what people do

    def _visit(self) -> Application:
        settings = load(self._practice.config, self._practice.environment, registry.settings_of)
        return self._stack.enter_context(assemble(settings, adjust=self._practice.clock.over, mode="visit"))

    def _open(self, person: Employee) -> None:
        bob, carol = (BY_UID[uid] for uid in ("bob.ross", "carol.diaz"))
        self._opened[person.uid] = self._house.services.offboarding.open(
            OffboardingRequest(
                Leaver(person.name, person.email),
                Reason.OTHER,
                None,
                _colleague(MANAGER),
                Strategy.ROUND_ROBIN,
                (_colleague(bob), _colleague(carol)),
                BY_HR,
                seed.OFFBOARDING,
            )
        )

    def _approve(self) -> int:
        """Approve what waits for the manager; one that was settled meanwhile is another's."""
        services = self._house.services
        waiting = services.proposals.waiting_for(MANAGER.slack_id)
        for proposal in waiting:
            try:
                services.decisions.decide(
                    proposal.id, proposal.digest, Actor(f"slack:{MANAGER.slack_id}", MANAGER.name), True
                )
            except Refused as refused:
                if refused.code not in (Code.STALE_PROPOSAL, Code.ALREADY_SETTLED):
                    raise
        return len(waiting)

    def _undo(self) -> None:
        """Undo the newest case that is all done, and was not undone yet; wait until there is one."""
        found: list[str] = []

        def watched() -> bool:
            self._approve()
            with self._house.store.read() as session:
                done = set(session.exec(select(Case.id).where(Case.state == CaseState.WATCHED)))
            found.extend(uid for uid, case in self._opened.items() if case in done and uid not in self._undone)
            return bool(found)

        self._until(watched, "a case to be undone", PATIENCE)
        self._house.services.offboarding.undo(self._opened[found[-1]], BY_HR, "a mistake")
        self._undone.append(found[-1])

    # --- when, and who

    def _moment(self, phase: str) -> None:
        """Wait for the moment of a phase, then a little longer."""
        person = self._accounts.people[len(self._opened) - 1]
        match phase:
            case "groups":
                self._until(lambda: LOCK in (self._practice.directory.entry(person.uid) or {}), "a lock")
            case "moves":
                self._until(lambda: bool(self._approve()), "a proposal")
            case "audits":
                self._days += 1
                before = self._audits()
                self._practice.jump(DAY)
                self._until(lambda: self._audits() > before, "the day's audit")
            case "undo":
                self._undo()
        time.sleep(self._dice.uniform(0, PHASES[phase]))

    def _kill(self, phase: str, born: "subprocess.Popen[bytes] | None") -> None:
        """Kill a bot; in a start the one that was started last."""
        live = self._live()
        if not live:  # all have ended themselves, which the figures say
            return
        victim = born if phase == "start" and born in live else self._dice.choice(live)
        victim.kill()
        victim.wait()
        self._ended.add(victim.pid)
        self._killed[phase] += 1

    def _disturb(self) -> None:
        """Let the next fault happen, of a kind other than a kill."""
        kinds = FAULTS[self._database]
        kind = kinds[self._faults.total() % len(kinds)]
        seconds = self._dice.uniform(0.2, FAULT_SECONDS)
        if kind == STOPPED:
            live = self._live()
            if not live:
                return
            victim = self._dice.choice(live)
            victim.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            victim.send_signal(signal.SIGCONT)
        elif kind == HELD:
            self._proxy.hold()
            time.sleep(seconds)
            self._proxy.release()
        elif kind == RESTARTED:
            self._postgres.stop()
            self._postgres.start()
        else:
            self._damage_engine()
        self._faults[kind] += 1

    def _damage_engine(self) -> None:
        """Kill the bot, damage its engine's file in one of several ways, and start another bot."""
        for one in self._live():
            one.kill()
            one.wait()
            self._ended.add(one.pid)
        file = self._practice.data / "engine.sqlite"
        match self._faults[DAMAGED] % 3:
            case 0:
                file.write_bytes(b"not a database, " * 4096)
            case 1:
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            case _:
                file.unlink()
        self._man()
        self._await_bots()

    def _live(self) -> "list[subprocess.Popen[bytes]]":
        return [one for pid, one in self._practice.processes.items() if pid not in self._ended and one.poll() is None]

    def _man(self) -> "subprocess.Popen[bytes] | None":
        """Start bots until the right number runs or starts; return the last that was started."""
        wanted, born = 1 if self._database == "sqlite" else 2, None
        while sum(one.poll() is None for one in self._practice.processes.values()) < wanted:
            if self._database == "sqlite":
                born = self._practice.begin_replica()
                continue
            self._born += 1
            useless = self._useless not in {one.pid for one in self._live()} and self._born % 3 == 0
            wrong = USELESS_CLOCK if useless else self._dice.choice(WRONG_CLOCKS)
            born = self._practice.begin_replica(wrong=wrong, port=self._proxy.port if self._born % 2 else 0)
            if useless:
                self._useless = born.pid
        return born

    def _await_bots(self) -> None:
        for one in self._practice.processes.values():
            if one.poll() is None:
                self._practice.await_bot(one)

    def _until(self, wanted: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not wanted():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._database}: {what} did not come in {seconds:g} s")
            time.sleep(0.01)

    def _finish(self) -> None:
        """Approve until every case is watched, every message is delivered, and every day has its audit."""

        def quiet() -> bool:
            self._approve()
            time.sleep(0.5)
            with self._house.store.read() as session:
                ended = col(Case.state).in_((CaseState.WATCHED, CaseState.UNDONE))
                left = (
                    session.exec(select(Case.id).where(~ended).limit(1)).first(),
                    session.exec(select(Restoration.id).where(Restoration.state == WorkState.DUE).limit(1)).first(),
                    session.exec(select(AuditRun.id).where(AuditRun.state == WorkState.DUE).limit(1)).first(),
                    session.exec(
                        select(OutboxMessage.id)
                        .where(col(OutboxMessage.shown_version) < col(OutboxMessage.wanted_version))
                        .limit(1)
                    ).first(),
                )
            return not any(left)

        self._until(quiet, "the end of all cases", PATIENCE)

    # --- what came of it

    def _audits(self) -> int:
        with self._house.store.read() as session:
            return len(session.exec(select(AuditRun.id)).all())

    def _figures(self, tally: Tally, seconds: float) -> list[Figure]:
        for said, what in (("LOST", tally.lost), ("DOUBLED", tally.doubled)):
            for one in what:
                print(f"{self._database}: {said}: {one}")
        ended = sum(one.poll() is not None for pid, one in self._practice.processes.items() if pid not in self._ended)
        name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[self._database]
        effects = self._accounts.effects(self._leavers, self._undone)
        return [
            Figure(f"{name}: kills", float(self._killed.total()), "kills"),
            *(Figure(f"{name}: kills in {phase}", float(times), "kills") for phase, times in self._killed.items()),
            *(Figure(f"{name}: {what}", float(times), "faults") for what, times in self._faults.items()),
            Figure(f"{name}: effects in the servers", float(effects), "effects"),
            Figure(f"{name}: lost", float(len(tally.lost)), "effects", goal=0.0),
            Figure(f"{name}: done twice", float(len(tally.doubled)), "effects", goal=0.0),
            Figure(f"{name}: journal not proven", float(self._unproven), "times", goal=0.0),
            Figure(f"{name}: bots that ended themselves", float(ended), "bots"),
            Figure(f"{name}: seconds a kill", seconds / max(self._killed.total(), 1), "s"),
        ]


def _colleague(person: Employee) -> Successor:
    return Successor(person.email, person.name, person.email, person.slack_id)
