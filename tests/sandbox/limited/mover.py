"""One process that moves one leaver's records in the limited CRM, as a replica does; started, killed and started again.

    python -m tests.sandbox.limited.mover prepare|move ADDRESS ROWS LEAVER

`prepare` lists, proposes and approves; `move` carries out, and prints its figures as JSON.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from tests.sandbox.limited.connector import system
from tests.workflows.members import authorization
from tests.workflows.office import services_on
from workflows.context import Context
from workflows.people import Actor, Leaver, Successor
from workflows.ports import SystemClock
from workflows.storage.case import CaseData
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import BookHandover, Proposal, ProposalState
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.vault import Vault
from workflows.systems.rate_limit import share_rate_limits
from workflows.systems.registry import Systems

MAX = Successor("max@x.example", "Max", "max@x.example", "U0MAX")
HEIRS = tuple(Successor(f"{name}@x.example", name.title(), f"{name}@x.example") for name in ("bob", "carol"))


class Mover:
    """The client track on rows and one system."""

    def __init__(self, address: str, rows: str, leaver: str) -> None:
        self.case = f"c-{leaver}"
        self.leaver = leaver
        self.clock = SystemClock()
        self.vault = Vault(b"m" * 32)
        self.store = Store(rows, self.vault)
        self.store.upgrade()
        self.systems = Systems([system(address)])
        journal = Journal(self.store, self.clock, b"s" * 32, Marks(b"m" * 32))
        permit = authorization(self.store, self.vault, journal, self.clock)
        context = Context(self.store, self.vault, journal, self.systems, self.clock, permit, timedelta(seconds=5))
        self.handover = services_on(context).handover

    def prepare(self) -> None:
        """List, propose, approve; as fast as the CRM answers."""
        self._open()
        self.run()
        with self.store.read() as session:
            [proposal] = session.exec(
                select(Proposal).where(Proposal.case_id == self.case, Proposal.state == ProposalState.PENDING)
            ).all()
        self.handover.decisions.decide(proposal.id, proposal.digest, Actor("slack:U0MAX", "Max"), approve=True)

    def move(self) -> None:
        """Carry out, through whatever puts it off, until the book is done."""
        share_rate_limits(self.systems, self.store)
        while self._book().state != WorkState.DONE:
            wait = (self._book().due_at - self.clock.now()).total_seconds()
            time.sleep(max(0.0, wait))
            self.run()

    def run(self) -> None:
        """Do one attempt."""
        self.handover.run(f"{self.case}:crm")

    def _book(self) -> BookHandover:
        with self.store.read() as session:
            return session.get_one(BookHandover, f"{self.case}:crm")

    def _open(self) -> None:
        now, key = self.clock.now(), self.vault.new_key()
        leaver = Leaver(self.leaver, f"{self.leaver}@x.example")
        data = CaseData(leaver, MAX, HEIRS, Actor("cli:hr", "hr"), "C0CASES")
        with self.store.write() as session:
            session.add(
                Case(
                    id=self.case,
                    leaver_key=self.case,
                    mail_key=self.case,
                    state=CaseState.RUNNING,
                    immediate=True,
                    effective_at=now,
                    opened_at=now,
                    opened_by="cli:hr",
                    approver="a",
                    strategy="balanced",
                    reason="resignation",
                    wrapped_key=key,
                    sealed=self.vault.seal(key, data.dump(), f"case:{self.case}"),
                )
            )
            session.flush()
            session.add(
                BookHandover(id=f"{self.case}:crm", case_id=self.case, system="crm", state=WorkState.DUE, due_at=now)
            )


def main() -> None:
    """Do what the command line says."""
    what, address, rows, leaver = sys.argv[1:]
    mover = Mover(address, rows, leaver)
    began = time.monotonic()
    getattr(mover, what)()
    print(json.dumps({"seconds": time.monotonic() - began, "peak_mb": peak(), "cpu": time.process_time()}))


def peak() -> float:
    """Return the peak memory of this program in MB; `ru_maxrss` would include its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
