"""No manual step is asked for while a case waits for its release, or after an undo."""

from pathlib import Path

from tests.workflows.access.test_manual_steps import badge
from tests.workflows.office import SECURITY, Office
from workflows.cases.holds import CasePolicy
from workflows.storage.rows.outbox import MessageKind


def test_nobody_is_asked_about_a_held_case_before_its_release(tmp_path: Path) -> None:
    made = Office(tmp_path, badge(), rules=CasePolicy(immediate_needs_second=True, hold_channel="C0SEC"))
    case_id = made.offboarding.open(made.request())
    made.clock.pass_(hours=1)
    made.work("manual")
    made.manual.run(f"{case_id}:badge")
    assert not [post for post in made.posts().values() if post.kind == MessageKind.MANUAL]
    made.offboarding.release(case_id, SECURITY)
    made.work("manual")
    assert [post for post in made.posts().values() if post.kind == MessageKind.MANUAL]


def test_an_undone_case_asks_nobody_any_more(tmp_path: Path) -> None:
    made = Office(tmp_path, badge())
    case_id = made.offboarding.open(made.request())
    made.work("revoke")
    made.offboarding.undo(case_id, SECURITY, "a mistake")
    made.work("manual")
    made.clock.pass_(days=9)
    made.work("manual")
    assert not [post for post in made.posts().values() if post.kind == MessageKind.MANUAL]
    assert case_id
