"""Text without an encoding, such as half an emoji, stops no offboarding, wherever it comes from."""

import pytest

from connectors.contract import AccountId
from tests.bot.slack.test_offboard import BOB, filled
from tests.bot.workplace import Workplace, said
from tests.sandbox.company.people import LEAVER, MANAGER

HALF = "Dana \ud83d O'Neill"
DOORS = ("slack", "directory", "crm", "record", "group", "note", "manager")


def spoil(workplace: Workplace, door: str) -> None:
    user, entry = AccountId(f"crm-{LEAVER.uid}"), AccountId(f"entry-{LEAVER.uid}")
    match door:
        case "slack":
            workplace.slack.workspace.users[LEAVER.slack_id].real_name = HALF
            workplace.slack.workspace.users[LEAVER.slack_id].title = HALF
        case "manager":
            workplace.slack.workspace.users[MANAGER.slack_id].real_name = HALF
            workplace.slack.workspace.users[BOB].real_name = HALF
        case "directory":
            workplace.directory.users[entry].name = HALF
        case "crm":
            workplace.crm.users[user].name = HALF
            workplace.crm.users[user].login = "dana\ud83d"
        case "group":
            workplace.directory.users[entry].groups = {HALF}
        case "record":
            workplace.crm.record("opportunity:half", user, name=HALF, family_name=HALF)


@pytest.mark.parametrize("door", DOORS)
def test_half_an_emoji_stops_no_offboarding(workplace: Workplace, door: str) -> None:
    spoil(workplace, door)
    view = filled(workplace)
    if door == "note":
        view.fill("note", HALF)
    view.submit()
    workplace.hr.modal("Case opened")
    workplace.run()
    [case] = workplace.cases()
    assert case.locked_out
    assert "is locked out of 2 of 2 systems" in said(workplace.post(f"case:{case.id}"))
    assert all(not post.problem for post in workplace.posts().values()), "every message is delivered whole"
    if door == "record":
        assert workplace.services.proposals.waiting_for(MANAGER.slack_id)
