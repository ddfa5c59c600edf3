"""`chaos`: kill -9 at random moments of locks, groups, moves and audits, on SQLite and on PostgreSQL with two bots.

What was done is counted from the servers' own logs (slapd's access log, Tryton's model log, the Slack stand-in's
messages), never from our rows: nothing may be lost, nothing done twice, and the journal verifies after every kill.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlmodel import col, select

from bot.wiring import House, assemble
from config.settings import load
from connectors import registry
from tests.bench.crowd import Crowd, Tally
from tests.bench.figures import Figure, Run
from tests.sandbox.company.people import BY_UID, HR, MANAGER, Employee
from tests.sandbox.postgres import Postgres
from tests.sandbox.practice import Practice
from tests.sandbox.slack import seed
from tests.sandbox.story import DAY
from workflows.model import Assignment, AuditRun, Case, CaseState, JournalEntry, Post, Reason, Strategy
from workflows.refusals import Code, Refused
from workflows.views import Actor, Leaver, Request, Successor

KILLS, DEAD_AFTER, PATIENCE = 10, 5.0, 180.0
PHASES = ("lock", "groups", "moves", "audits")
DATABASES = ("sqlite", "postgresql")


def run(kills: int = KILLS, databases: Sequence[str] = DATABASES, seed: str = "") -> Run:
    """Kill so many times, an even share of them on each database; `seed` tells runs of the same size apart."""
    figures: list[Figure] = []
    for share, database in enumerate(databases):
        with ExitStack() as stack:
            trial = Trial(stack, database, random.Random(f"{database} {kills} {seed}"))
            figures += trial.run((kills + share) // len(databases))
    facts = {"kills": kills, "seed": seed, "phases": ", ".join(PHASES), "replicas on PostgreSQL": 2}
    return Run("chaos", facts, figures)


class Trial:
    """One database, its bots, and a crowd of leavers."""

    def __init__(self, stack: ExitStack, database: str, dice: random.Random) -> None:
        self._stack, self._database, self._dice = stack, database, dice
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(Postgres()).database("chaos") if database == "postgresql" else ""
        self._practice = stack.enter_context(Practice(folder, database_url=url, dead_after=DEAD_AFTER))
        self._practice.slack.workspace.limits.on = False
        self._killed: Counter[str] = Counter()
        self._ended: set[int] = set()
        self._unproven = self._days = 0

    def run(self, kills: int) -> list[Figure]:
        """Open a case, wait for the moment, kill; again; then wait until all is done, and judge."""
        started = time.monotonic()
        self._crowd = Crowd(self._practice, kills)
        self._house = self._visit()
        self._man()
        for number, person in enumerate(self._crowd.people):
            self._open(person)
            phase = PHASES[number % len(PHASES)]
            self._moment(phase, person)
            self._kill(phase)
            self._man()
            self._unproven += not self._house.services.journal.verify().ok
        self._finish()
        self._unproven += not self._house.services.journal.verify().ok
        tally = self._crowd.judge(self._crowd.people)
        self._explain(tally)
        self._judge_posts(tally)
        return self._figures(tally, kills, time.monotonic() - started)

    # --- what people do

    def _visit(self) -> House:
        settings = load(self._practice.config, self._practice.environment, registry.settings_of)
        return self._stack.enter_context(assemble(settings, clock=self._practice.clock, mode="visit"))

    def _open(self, person: Employee) -> None:
        bob, carol = (BY_UID[uid] for uid in ("bob.ross", "carol.diaz"))
        self._house.services.offboarding.open(
            Request(
                Leaver(person.name, person.email),
                Reason.OTHER,
                None,
                _colleague(MANAGER),
                Strategy.ROUND_ROBIN,
                (_colleague(bob), _colleague(carol)),
                Actor(f"slack:{HR.slack_id}", HR.name),
                seed.OFFBOARDING,
            )
        )

    def _approve(self) -> int:
        """Approve what waits for the manager; one that was settled meanwhile is another's."""
        handover = self._house.services.handover
        waiting = handover.waiting_for(MANAGER.slack_id)
        for proposal in waiting:
            try:
                handover.decide(proposal.id, proposal.digest, Actor(f"slack:{MANAGER.slack_id}", MANAGER.name), True)
            except Refused as refused:
                if refused.code not in (Code.STALE_PROPOSAL, Code.ALREADY_SETTLED):
                    raise
        return len(waiting)

    # --- when, and who

    def _moment(self, phase: str, person: Employee) -> None:
        """Wait for the moment of a phase, then a little longer."""
        longest = {"lock": 1.0, "groups": 0.1, "moves": 0.6, "audits": 0.3}[phase]
        match phase:
            case "groups":
                dn = f"uid={person.uid},"
                self._until(lambda: any(one.startswith(dn) for one in self._practice.directory.writes()), "a lock")
            case "moves":
                self._until(lambda: bool(self._approve()), "a proposal")
            case "audits":
                self._days += 1
                before = self._audits()
                self._practice.jump(DAY)
                self._until(lambda: self._audits() > before, "the day's audit")
        time.sleep(self._dice.uniform(0, longest))

    def _kill(self, phase: str) -> None:
        live = [one for pid, one in self._practice.processes.items() if pid not in self._ended and one.poll() is None]
        victim = self._dice.choice(live)
        victim.kill()
        victim.wait()
        self._ended.add(victim.pid)
        self._killed[phase] += 1

    def _man(self) -> None:
        """Have as many bots at work as there should be."""
        if self._database == "sqlite":
            if not self._practice.bot_runs:
                self._practice.start_bot()
            return
        while sum(one.poll() is None for one in self._practice.processes.values()) < 2:
            self._practice.start_replica()

    def _until(self, wanted: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not wanted():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._database}: {what} did not come in {seconds:g} s")
            time.sleep(0.01)

    def _finish(self) -> None:
        """Go on approving until every case is watched, everything is told, and every day has its audit."""

        def quiet() -> bool:
            self._approve()
            time.sleep(0.5)
            with self._house.store.read() as session:
                open_cases = session.exec(select(Case.id).where(Case.state != CaseState.WATCHED).limit(1)).first()
                untold = session.exec(select(Post.id).where(col(Post.shown) < col(Post.wanted)).limit(1)).first()
            return open_cases is None and untold is None

        self._until(quiet, "the end of all cases", PATIENCE)

    # --- what came of it

    def _audits(self) -> int:
        with self._house.store.read() as session:
            return len(session.exec(select(AuditRun.id)).all())

    def _explain(self, tally: Tally) -> None:
        """Print, for everybody to whom something was not done, or done twice, what our own rows say of it."""
        for person in self._crowd.people:
            if not any(person.uid in one for one in (*tally.lost, *tally.doubled)):
                continue
            case = self._house.services.offboarding.find_case(person.email)
            with self._house.store.read() as session:
                rows = session.exec(select(Assignment).where(Assignment.case_id == (case.id if case else ""))).all()
                said = session.exec(select(JournalEntry).where(JournalEntry.case_id == (case.id if case else ""))).all()
            print(person.uid, case and case.clients, Counter((row.state, row.owner_after) for row in rows), sep="\n  ")
            for entry in sorted(said, key=lambda one: one.at):
                print("  ", entry.at, entry.action, entry.data[:300])

    def _judge_posts(self, tally: Tally) -> None:
        """Count, in Slack, one message for each case and each day's audit."""
        posts = Counter(
            str(message.body["metadata"]["event_payload"]["post"])
            for channel in list(self._practice.slack.workspace.posts.values())
            for message in channel
            if message.body.get("metadata")
        )
        with self._house.store.read() as session:
            wanted = {*session.exec(select(Post.id))}
        for post in wanted | set(posts):
            tally.count(f"post {post}", posts[post])
        audits = sum(post.startswith("audit-") for post in posts)
        for day in range(audits, self._days):
            tally.lost.append(f"an audit's post ({day + 1} of {self._days})")

    def _figures(self, tally: Tally, kills: int, seconds: float) -> list[Figure]:
        for said, what in (("LOST", tally.lost), ("DOUBLED", tally.doubled)):
            for one in what:
                print(f"{self._database}: {said}: {one}")
        ended = sum(one.poll() is not None for pid, one in self._practice.processes.items() if pid not in self._ended)
        name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[self._database]
        return [
            Figure(f"{name}: kills", float(sum(self._killed.values())), "kills"),
            Figure(f"{name}: effects in the servers", float(self._crowd.effects(self._crowd.people)), "effects"),
            Figure(f"{name}: lost", float(len(tally.lost)), "effects", goal=0.0),
            Figure(f"{name}: done twice", float(len(tally.doubled)), "effects", goal=0.0),
            Figure(f"{name}: journal not proven", float(self._unproven), "times", goal=0.0),
            Figure(f"{name}: bots that ended themselves", float(ended), "bots"),
            Figure(f"{name}: seconds a kill", seconds / max(kills, 1), "s"),
        ]


def _colleague(person: Employee) -> Successor:
    return Successor(person.email, person.name, person.email, person.slack_id)
