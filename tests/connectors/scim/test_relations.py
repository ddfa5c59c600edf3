"""Other accounts of the same person: by affix, plus, guest, number and further address; whole, or an error."""

from collections.abc import Mapping

import pytest

from connectors.contract import Person
from connectors.errors import Conflict
from connectors.scim import connector as connectors
from tests.connectors.scim.world import ScimWorld

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DANA = Person("", ("dana@northwind.example",), ("dana",), "4711")


def _mails(*values: str) -> list[Mapping[str, str]]:
    return [{"value": one} for one in values]


@pytest.fixture
def company(world: ScimWorld) -> ScimWorld:
    """Return a world with Dana's own account, which has a personal address too, and with others."""
    world.server.add_user("dana", emails=_mails("dana@northwind.example", "oneill@home.example"), externalId="hr-17")
    for login in ("danas", "bob", "adm-bob", "dan"):
        world.server.add_user(login, emails=_mails(f"{login}@northwind.example"))
    return world


@pytest.mark.parametrize(
    "attributes",
    [
        {"userName": "adm-dana"},
        {"userName": "DANA.Admin"},
        {"userName": "x1", "emails": _mails("Dana+crm@northwind.example")},
        {"userName": "dana-guest@northwind.example"},
        {"userName": "x2", "externalId": "4711"},
        {"userName": "x3", "externalId": "hr-17"},
        {"userName": "x4", ENTERPRISE: {"employeeNumber": "4711"}},
        {"userName": "x5", "emails": _mails("oneill@home.example")},
        {"userName": "oneill+work@home.example"},
    ],
    ids=["affix", "behind", "plus", "guest", "number", "external id", "enterprise", "personal", "personal plus"],
)
def test_each_other_account_is_found_and_nobody_else(company: ScimWorld, attributes: dict[str, object]) -> None:
    other = company.server.add_user(str(attributes.pop("userName")), **attributes)
    assert [one.id for one in company.connect(user_filter='title eq "x"').related(DANA)] == [other]


def test_an_account_that_the_list_shows_without_addresses_is_read_by_its_id(company: ScimWorld) -> None:
    other = company.server.add_user("x9", emails=_mails("dana+crm@northwind.example"))
    company.server.manners.rewrite = lambda call, body: (
        {**body, "Resources": [{k: v for k, v in one.items() if k != "emails"} for one in body["Resources"]]}
        if "Resources" in body
        else body
    )
    assert [one.id for one in company.connect().related(DANA)] == [other]


@pytest.mark.parametrize("fault", ["too long", "total too low", "no log-in"])
def test_a_list_that_was_not_compared_whole_is_an_error_and_not_nobody(
    company: ScimWorld, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "no log-in":
        company.server.manners.rewrite = lambda call, body: (
            {**body, "Resources": [*body["Resources"], {"active": True}], "totalResults": body["totalResults"] + 1}
            if "Resources" in body
            else body
        )
    else:
        monkeypatch.setattr(connectors, "LIST_AT_MOST", 3)
    if fault == "total too low":
        company.server.manners.rewrite = lambda call, body: (
            {**body, "totalResults": 2} if "Resources" in body and len(body["Resources"]) == 1 else body
        )
    with pytest.raises(Conflict):
        company.connect().related(DANA)
