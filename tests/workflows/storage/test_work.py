"""Each of the six connector errors becomes a sentence for people."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors import registry
from connectors.contract import Verdict
from connectors.errors import ConnectorError, Forbidden
from connectors.scim import MANIFEST
from connectors.scim.connector import Scim as Connector
from connectors.scim.settings import ScimSettings
from tests.connectors.scim.proxy import Act, Fault, Proxy
from tests.sandbox.company.scim import Scim
from tests.workflows.office import DANA, Office
from workflows.storage.work import TROUBLE, say
from workflows.systems.registry import System


@pytest.fixture
def silent() -> Iterator[System]:
    """An application that takes every request for an account, and never answers."""
    with Scim(people=()) as server:
        server.add_user("dana", emails=[{"value": DANA.email}])
        proxy = Proxy(server.port)
        settings = ScimSettings(
            url=f"http://127.0.0.1:{proxy.port}/v2",
            token=SecretStr(server.token),
            inactive_means="suspended",
            request_seconds=0.5,
        )
        with proxy.fault(Fault(Act.HANG)):
            yield System("app", MANIFEST, Connector(settings))
        proxy.close()


def test_a_system_that_never_answers_is_unknown_and_spoils_no_other(tmp_path: Path, silent: System) -> None:
    office = Office(tmp_path, silent)
    plan = {one.system: one for one in office.offboarding.plan(DANA).systems}
    assert "not reachable" in plan["app"].problem
    assert [account.login for account in plan["directory"].accounts] == ["dana"]
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    lines = {line.system: line for line in office.offboarding.case(case_id).systems}
    assert (lines["app"].verdict, "not reachable" in lines["app"].reason) == (Verdict.UNKNOWN, True)
    assert lines["directory"].verdict is Verdict.LOCKED


def _kinds(of: type[ConnectorError]) -> Iterator[type[ConnectorError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def test_every_kind_of_error_has_words() -> None:
    for name in registry.known():
        registry.manifest(name)
    made = set(_kinds(ConnectorError))
    assert len(made) > len(TROUBLE)
    for kind in made:
        error = kind.__new__(kind, "what the vendor said")
        assert re.search(r"\w.*: what the vendor said", say(error)), kind


def test_groups_that_cannot_be_read_hide_no_account(office: Office) -> None:
    office.directory.fail("groups", Forbidden("the token lacks groups:read"), times=2)
    plan = office.offboarding.plan(DANA)
    directory = next(one for one in plan.systems if one.system == "directory")
    assert ([account.login for account in directory.accounts], directory.problem) == (["dana"], "")
    assert any("groups cannot be read" in words and "groups:read" in words for words in plan.warnings)
