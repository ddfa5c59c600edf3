"""The plan says that there are no clients only where every client book was read whole and is empty."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Unavailable
from tests.workflows.memory import MemoryCrm, World
from tests.workflows.office import DANA, MAX, SECURITY, Office
from workflows.people import Leaver

STRANGER = Leaver("Gwen Guest", "gwen@elsewhere.example", "U0GWEN")


def _many(office: Office) -> None:
    office.crm.user("crm-twin", "twin@x.example", also=("dana@x.example",))


def _late(office: Office) -> None:
    """Give Dana another account, which only a log-in from the directory finds; the directory is late."""
    office.directory.users["directory-dana"].also = ("d.oneill@x.example",)  # type: ignore[index]
    del office.crm.users["crm-dana"]  # type: ignore[arg-type]
    office.crm.user("crm-own", "d.oneill@x.example")
    office.crm.record("opportunity:1", "crm-own")


NOT_KNOWN: dict[str, Callable[[Office], object]] = {
    "a client": lambda office: office.crm.record("opportunity:1", "crm-dana"),
    "a client that the vendor holds": lambda office: office.crm.record("opportunity:1", "crm-dana", fixed="vendor"),
    "the CRM is down": lambda office: setattr(office.crm, "down", True),
    "the directory is down": lambda office: setattr(office.directory, "down", True),
    "the book is not counted": lambda office: office.crm.fail("count", Unavailable("busy")),
    "two accounts match": _many,
    "one more may be hers": lambda office: office.crm.user("crm-plus", "dana+crm@x.example"),
    "whether more may be hers is not said": lambda office: office.crm.fail("related", Unavailable("busy")),
    "an account that only looks alike": lambda office: office.crm.user("crm-x", "\uff44ana@x.example"),
    "another account of hers": _late,
}


def test_an_empty_book_that_was_read_whole_asks_for_nobody(office: Office) -> None:
    office.crm.record("opportunity:9", "crm-bob")
    assert office.offboarding.plan(DANA).owns_nothing
    assert not office.offboarding.plan(STRANGER).owns_nothing, "no look-up there is proven to find anybody"


def test_who_has_no_account_has_no_clients_where_the_look_up_finds_others(tmp_path: Path) -> None:
    office = Office(tmp_path, crm_lists=True)
    assert office.offboarding.plan(STRANGER).owns_nothing
    office.crm.fail("find", Unavailable("busy"), skip=1)
    office.clock.pass_(minutes=2)
    assert not office.offboarding.plan(STRANGER).owns_nothing
    office.store.close()


@pytest.mark.parametrize("what", NOT_KNOWN)
def test_clients_that_are_not_known_are_never_none(office: Office, what: str) -> None:
    NOT_KNOWN[what](office)
    assert not office.offboarding.plan(replace(DANA, directory_id="")).owns_nothing


def test_clients_that_turn_up_later_wait_for_somebody_and_are_told_of(office: Office) -> None:
    case_id = office.offboarding.open(office.request(successors=(), clientless=True))
    office.crm.record("opportunity:1", "crm-dana")
    office.work("book")
    clients = office.offboarding.case(case_id).clients
    assert clients is not None
    assert clients.proposal is None
    assert "names nobody to receive them" in str(clients)
    assert office.crm.owned("crm-dana") == {"opportunity:1"}


def test_clients_that_turn_up_later_are_proposed_to_who_was_to_be_asked(office: Office) -> None:
    case_id = office.offboarding.open(office.request(successors=(MAX,), clientless=True))
    office.crm.record("opportunity:1", "crm-dana")
    office.work("book")
    clients = office.offboarding.case(case_id).clients
    assert clients is not None
    assert clients.proposal is not None
    assert office.crm.owned("crm-dana") == {"opportunity:1"}


def test_what_a_credential_may_not_see_is_not_known(tmp_path: Path) -> None:
    class Blind(MemoryCrm):
        def blind_spots(self) -> tuple[str, ...]:
            return ("records of other companies",)

    office = Office(tmp_path, World("shop").system(Blind))
    assert not office.offboarding.plan(DANA).owns_nothing
    office.store.close()


def test_an_account_that_a_person_linked_counts_though_no_look_up_finds_it(office: Office) -> None:
    del office.crm.users["crm-dana"]  # type: ignore[arg-type]
    office.crm.user("crm-other", "other@x.example")
    case = office.offboarding.open(office.request())
    office.work("revoke")
    office.linking.link(case, "crm", SECURITY, login="other")
    assert not office.offboarding.plan(DANA).owns_nothing


def test_a_system_in_which_everybody_should_have_an_account_is_not_empty_without_one(office: Office) -> None:
    office.systems._systems["crm"] = replace(office.crm.system(), expects_account=True)
    assert office.offboarding.plan(DANA).owns_nothing
    assert not office.offboarding.plan(STRANGER).owns_nothing


def test_a_book_asked_before_the_directory_answered_is_not_known(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.directory.users["directory-dana"].also = ("d.oneill@x.example",)  # type: ignore[index]
    monkeypatch.setattr("workflows.cases.plan.IDENTITY_SECONDS", 0.0)
    asked = threading.Event()
    office.crm.before_call["count"] = asked.set
    office.directory.before_call["find"] = lambda: _void(asked.wait(60))
    assert not office.offboarding.plan(replace(DANA, directory_id="")).owns_nothing


def _void(_: object) -> None:
    """Accept a value and return None."""
