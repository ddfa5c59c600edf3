"""Order of acts on a real SCIM server that removes inactive users: its lists are kept first, and unknown afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.contract import Subject
from connectors.scim import MANIFEST
from connectors.scim.connector import Scim as Connector
from connectors.scim.settings import ScimSettings
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Scim
from tests.workflows.office import Office
from workflows.access import duties, kept_lists
from workflows.access.account_state import AccountData
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case
from workflows.systems.registry import System


@pytest.fixture
def application() -> Iterator[Scim]:
    with Scim(people=PEOPLE[:4]) as server:
        server.manners.removes = True
        yield server


def test_groups_of_a_removed_user_are_kept_before_and_not_known_afterwards(tmp_path: Path, application: Scim) -> None:
    user = application.add_user("dana", emails=[{"value": "dana@x.example"}], roles=[{"value": "auditor"}])
    group = application.add_group("Exporters", [user, application.user_id(PEOPLE[0].uid)])
    settings = ScimSettings(url=application.url, token=SecretStr(application.token), inactive_means="removed")
    made = Office(tmp_path, System("app", MANIFEST, Connector(settings)))
    case_id = made.offboarding.open(made.request(effective_at=made.clock.now() + timedelta(days=3)))
    made.work("inventory")
    made.clock.pass_(days=3, hours=1)
    made.work("revoke")
    assert user not in application.users()
    with made.store.read() as session:
        row = session.get_one(LeaverAccount, f"{case_id}:app:{user}")
        key = session.get_one(Case, case_id).wrapped_key
        data = AccountData(**made.vault.open(key, row.sealed, f"account:{row.id}"))
    kept = kept_lists.load(data.lists, Subject.GROUPS)
    assert kept
    assert dict(kept.names) == {group: "Exporters"}
    [line] = [one for one in made.offboarding.case(case_id).systems if one.system == "app"]
    assert "groups: cannot be read after the lock-out. It removes inactive users." in line.reason
    assert not line.working
    assert application.members(group) - {user} == {application.user_id(PEOPLE[0].uid)}, "nobody else is touched"
    [one] = [one for one in duties.DutyLists(made.context).of_case(case_id) if one.system == "app"]
    assert one.at_notice
    assert [duty.title for duty in one.at_notice.duties] == ["auditor"]
    assert "duties: cannot be read after the lock-out" in one.now.unknown[0]
