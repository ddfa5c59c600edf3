"""Order of acts: what must come before an act, by the effects that a connector declares."""

from collections.abc import Sequence

from connectors.contract import Act
from workflows.context import Context
from workflows.systems.registry import System


def comes_first(context: Context, case_id: str, system: System, act: Act) -> Sequence[str]:
    """Return, as sentences, what the case must do or keep before this act in this system; empty: the act may begin."""
    del context, case_id, system, act
    return ()
