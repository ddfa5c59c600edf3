"""Restrictions before the lock-out in Slack and at the terminal, and `doctor` on named groups."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.checks import CheckResult, systems
from bot.slack.messages import case as message
from connectors.contract import Account, AccountId, Administrators, Verdict
from connectors.errors import Missing, Unavailable
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, handover
from tests.workflows.memory import MemoryBook, MemoryCrm, World
from workflows.access.views import RestrictionLine
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState, HoldReason
from workflows.storage.rows.work_state import WorkState

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DUE = datetime(2026, 11, 25, 16, tzinfo=UTC)
LINE = RestrictionLine("crm", "Tryton", WorkState.DUE, False, DUE, None, ())


def _case(line: RestrictionLine, state: CaseState = CaseState.SCHEDULED) -> CaseView:
    return replace(samples.case(state, Verdict.UNKNOWN, case_id="HO-1"), restrictions=(line,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "is taken out of sensitive groups"),
        (
            {"done_at": NOW, "state": WorkState.DONE, "taken": ("dana: Exporters",)},
            "taken out of sensitive groups (dana",
        ),
        ({"done_at": NOW, "state": WorkState.DONE}, "in none of the named groups"),
        ({"lifted": True, "taken": ("dana: Exporters",)}, "being given back (dana: Exporters)"),
        ({"lifted": True, "done_at": NOW, "taken": ("dana: Exporters",)}, "✓ given back"),
        ({"problem": "not reachable: down"}, "✗ still to do: not reachable: down"),
        ({"state": WorkState.DONE}, "left to the lock-out itself"),
    ],
)
def test_slack_and_the_terminal_say_the_same(tmp_path: Path, change: dict[str, object], words: str) -> None:
    view = _case(replace(LINE, **change))  # type: ignore[arg-type]
    assert words in str(message.build(view, NOW))
    wiring = Wiring()
    wiring.offboarding.known = {"HO-1": view}
    said = handover(wiring, "status", "HO-1", "--config", str(configuration(tmp_path))).output
    assert " ".join(words.split()) in " ".join(said.split())


def test_what_never_began_is_not_spoken_of() -> None:
    assert "sensitive" not in str(message.build(_case(replace(LINE, state=WorkState.CANCELLED)), NOW))


def test_a_groups_name_is_data_and_a_moment_stays_a_moment() -> None:
    text = str(message.build(_case(replace(LINE, taken=("dana: <!channel>",), done_at=NOW)), NOW))
    assert "<!channel>" not in text
    assert "&lt;!channel&gt;" in text
    assert "<!date^" in str(message.build(_case(LINE), NOW))


def test_a_case_held_for_its_share_says_why() -> None:
    view = replace(samples.case(CaseState.HELD, Verdict.UNKNOWN), held=HoldReason.SHARE.value)
    assert "Too large a share of the company" in str(message.build(view, NOW))


class Knowing(MemoryCrm, Administrators):
    """A CRM that lists the members of its groups."""

    def administrators(self, group: str) -> Sequence[Account]:
        if group == "dead":
            raise Unavailable("down")
        found = [user for user in self.world.users.values() if group in user.groups]
        if not found:
            raise Missing(f"no groups are named {group}")
        return [self._account(user, set()) for user in found]


def _checked(kind: type, **settings: object) -> dict[str, CheckResult]:
    world = World("crm")
    world.user("1", "a@x.example", groups={"admins", "exporters"})
    world.user("2", "b@x.example", groups={"admins"}, active=False)
    assert world.users[AccountId("1")].active
    system = replace(world.system(kind), **settings)  # type: ignore[arg-type]
    [check] = systems.checks({"crm": system})
    return {result.what: result for result in check.look()}


def test_doctor_counts_who_is_left_and_finds_a_misspelt_group() -> None:
    found = _checked(Knowing, administrators=("admins",), restrict_groups=("exporters",))
    assert found["systems.crm.administrators"].ok
    assert "1 person who can log in" in found["systems.crm.administrators"].said
    assert found["systems.crm.restrict_groups"].ok
    for name in ("admin", "dead"):
        wrong = _checked(Knowing, administrators=(name,))["systems.crm.administrators"]
        assert (wrong.ok, "Correct administrators in [systems.crm]" in wrong.todo) == (False, True)


def test_doctor_says_where_a_kind_cannot_do_it() -> None:
    assert not _checked(MemoryBook, administrators=("admins",))["systems.crm.administrators"].ok
