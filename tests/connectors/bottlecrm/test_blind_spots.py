"""Records and members that BottleCRM hides from the bot: said, and never taken for none."""

from collections.abc import Iterator

import pytest

from connectors.bottlecrm.rest import Rest
from connectors.bottlecrm.wire import Member
from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, Person, Verdict
from connectors.errors import Forbidden
from tests.connectors.bottlecrm.world import AccountsWorld, BookWorld


def test_a_bot_that_sees_everything_has_no_blind_spots(book: BookWorld) -> None:
    assert book.connect().blind_spots() == ()


def test_a_module_that_is_switched_off_is_a_blind_spot(book: BookWorld) -> None:
    book.server.execute("UPDATE organization SET modules_off = ?", ['["leads"]'])
    try:
        assert ["lead" in one for one in book.connect().blind_spots()] == [True]
    finally:
        book.server.execute("UPDATE organization SET modules_off = ?", ["[]"])


def test_fewer_members_than_expected_are_a_fault_and_make_nobody_absent(people: AccountsWorld) -> None:
    total, gone = len(list(people.connect()._rest.listed())), people.nobody()
    few, enough = people.connector(accounts_at_least=total + 1), people.connector(accounts_at_least=total)
    [fault] = few.shortfalls()
    assert f"sees {total} accounts, and accounts_at_least says {total + 1}" in fault
    assert few.observe([gone])[gone].verdict is Verdict.UNKNOWN
    assert few.find(person(newcomer())).doubts == (fault,)
    assert (enough.shortfalls(), enough.observe([gone])[gone].verdict) == ((), Verdict.ABSENT)


@pytest.fixture
def demoted(people: AccountsWorld) -> Iterator[AccountsWorld]:
    change = "UPDATE profile SET role = ? WHERE user_id = (SELECT id FROM users WHERE email = ?)"
    people.server.execute(change, ["USER", people.server.bot])
    yield people
    people.server.execute(change, ["ADMIN", people.server.bot])


def test_a_role_that_sees_its_own_records_only_is_never_good(demoted: AccountsWorld) -> None:
    connector = demoted.connect()
    assert any("USER" in one or "cannot tell" in one for one in connector.blind_spots())
    with pytest.raises(Forbidden, match="USER"):
        connector.check()
    with pytest.raises(Forbidden):
        connector.find(person(newcomer()))


def test_a_list_without_our_own_user_proves_nobody_absent(
    people: AccountsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, connector = people.nobody(), people.connect()
    assert connector.observe([gone])[gone].verdict is Verdict.ABSENT
    assert connector.find(person(newcomer())).doubts == ()
    read = Rest.listed

    def without_us(self: Rest, email: str = "") -> Iterator[Member]:
        return (one for one in read(self, email) if one.email != people.server.bot)

    monkeypatch.setattr(Rest, "listed", without_us)
    assert connector.observe([gone])[gone].verdict is Verdict.UNKNOWN
    assert connector.find(person(newcomer())).doubts


def test_a_search_that_misses_a_member_is_contradicted_by_the_list(
    people: AccountsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = newcomer()
    account = people.add(who)
    read = Rest.listed
    monkeypatch.setattr(Rest, "listed", lambda self, email="": iter(()) if email else read(self))
    assert [one.id for one in people.connect().find(person(who)).accounts] == [account]


def test_what_unicode_folds_together_is_asked_about_and_never_linked(
    people: AccountsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, alike = Rest.listed, Member(AccountId("a"), "u", "strauss@x.example", "S", active=True)
    monkeypatch.setattr(Rest, "listed", lambda self, email="": iter([alike] if email else [alike, *read(self)]))
    lookup = people.connect().find(Person("", ("strau\xdf@x.example",)))
    assert (lookup.accounts, any("strauss" in one for one in lookup.doubts)) == ((), True)
