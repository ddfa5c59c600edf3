"""Acts of stages: what a stage can do in one system, and the form of its handlers.

A handler belongs to a track, and `workflows.stages` runs it when its stage has come. It keeps its own before-images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from connectors.contract import AccountId
from workflows.systems.registry import System


class StageAct(StrEnum):
    """Acts that the settings may give to a stage, in the order in which one stage does them."""

    STOP_NEW_WORK = "stop_new_work"
    TELL_CLIENTS = "tell_clients"
    DEACTIVATE = "deactivate"
    RECLAIM_LICENCES = "reclaim_licences"


@dataclass(frozen=True, slots=True)
class ActResult:
    """The result of one act in one system, from a read after the write."""

    done: tuple[str, ...] = ()
    """Sentences about what was done, in the form of `stored`. Empty: there was nothing to do."""
    problem: str = ""
    """Reason for which something is still to do, in the form of `stored`. Empty: the act is complete."""
    waits: bool = False
    """True if a person or another act must come first, so that a retry alone helps nothing."""


class ActHandler(Protocol):
    """One act. It reads, writes and reads again; it can be killed at any point and run again."""

    act: StageAct

    def applies(self, system: System) -> bool:
        """Return whether the system offers the act."""

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        """Return sentences for the plan, from a read: what the act would do there now. Raises `ConnectorError`."""

    def run(self, case_id: str, system: System) -> ActResult:
        """Do the act for the leaver of a case. Raises `ConnectorError`, and nothing is lost then."""

    def undo(self, case_id: str, system: System) -> ActResult:
        """Restore what `run` changed, for an undone or cancelled case. Raises `ConnectorError`."""
