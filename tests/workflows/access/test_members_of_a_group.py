"""An application that removes others from a group: the first group is the last, and the case keeps who was lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.contract import Verdict
from connectors.scim import MANIFEST
from connectors.scim.connector import Scim as Connector
from connectors.scim.settings import ScimSettings
from tests.sandbox.company.scim import Call, Scim
from tests.workflows.office import DANA, SECURITY, Office
from workflows.access.views import SystemLine
from workflows.systems.registry import System


@pytest.fixture
def app() -> Iterator[Scim]:
    with Scim(people=()) as server:
        account = server.add_user("dana", emails=[{"value": DANA.email}])
        others = [server.add_user(f"user.{n}") for n in range(3)]
        for name in ("first", "second"):
            server.add_group(name, [account, *others])

        def clear(call: Call) -> int:
            if call.method == "PATCH" and call.path.startswith("/Groups/"):
                kind = server._service.get_resource_type("Group")
                stored = server.storage.get(kind, call.path.rpartition("/")[2])
                server.storage.update(kind, type(stored).model_validate(stored.model_dump() | {"members": []}))
                return 204
            return 0

        server.manners.refuse = clear
        yield server


@pytest.fixture
def office(tmp_path: Path, app: Scim) -> Office:
    settings = ScimSettings(url=app.url, token=SecretStr(app.token), inactive_means="suspended")
    return Office(tmp_path, System("app", MANIFEST, Connector(settings)))


def _sizes(app: Scim) -> list[int]:
    named = {key for key, group in app.groups().items() if group["displayName"] in ("first", "second")}
    return sorted(len(app.members(group)) for group in named)


def _line(office: Office, case_id: str) -> SystemLine:
    return next(line for line in office.offboarding.case(case_id).systems if line.system == "app")


def test_the_lock_holds_the_second_group_is_whole_and_a_retry_forgets_nobody(office: Office, app: Scim) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    others = {key for key, user in app.users().items() if user["userName"] != "dana"}
    assert app.users()[app.user_id("dana")]["active"] is False
    assert _sizes(app) == [0, 4]
    line = _line(office, case_id)
    assert line.verdict is Verdict.LOCKED
    said = str(line)
    assert all(other in said for other in others), said
    office.offboarding.retry(case_id, "app", SECURITY)
    office.work("revoke")
    assert _sizes(app) == [0, 4]
    assert all(other in str(_line(office, case_id)) for other in others)
