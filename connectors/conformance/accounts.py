"""Conformance suite for every `Accounts` connector, independent of any vendor.

Subclass `AccountsSuite` as `Test...` and give a `world` fixture. The suite sees the system only through the world,
which changes and reads it from outside the connector.

`tests/conformance/test_accounts_bites.py` shows that each test can fail.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import uuid4

import pytest

from connectors.contract import AccountId, Accounts, BeforeImage, Change, Login, Person, Verdict
from connectors.errors import BadCredential, Conflict, ConnectorError, Missing, Unavailable

AWKWARD = ("o'brien", "a*b(c)\\d", "zoë", "a+b,c", "Юлия", "李伟", "عمر", "null", '"quoted" <b>')
"""Log-ins that break naive filters, DNs, SQL and JSON."""
WILD = ("*", "%", "_%", "*)(objectClass=*", "*@northwind.example", "%@northwind.example", "' OR 1=1 --", "\\", "zoë@*")
"""Texts that match everybody if they are read as syntax."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person to whom the world gives an account."""

    login: str
    name: str
    email: str
    password: str


class AccountsWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    patience: float
    """Seconds within which any call of a connector from `connect` must end, whatever the server does."""

    def connect(self, password: str = "good") -> Accounts:
        """Return a fresh connector; any `password` but "good" is a wrong one."""

    def add(self, who: Newcomer) -> AccountId:
        """Give the person an open account."""

    def nobody(self) -> AccountId:
        """Return an id of the right form that no account has, a new one at each call."""

    def truth(self) -> Mapping[AccountId, object]:
        """Return everything that the server stores of every account, for a comparison with a later call."""

    def writes(self) -> int:
        """Return the number of the bot's changes, as the server counts."""

    def can_log_in(self, login: str, password: str) -> bool:
        """Try to log in as a person."""

    def reopen(self, account: AccountId) -> None:
        """Undo a lock behind the bot's back."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while; its data stays."""

    def silent(self) -> AbstractContextManager[None]:
        """Let the server accept connections and answer nothing for a while."""

    def secrets(self) -> Sequence[str]:
        """Return the secrets that must never be shown: the bot's own password, or token."""


def newcomer(login: str = "leaver") -> Newcomer:
    """Return a person whom no other test uses."""
    tag = uuid4().hex[:10]
    return Newcomer(f"{login}.{tag}", f"Zoë O'Brien {tag}", f"o'zoe+{tag}@northwind.example", f"Pw-{tag}-aA1")


def person(who: Newcomer) -> Person:
    """Return the person to look for."""
    return Person(who.name, (who.email,), (who.login,))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds, f"took longer than {seconds} s"


@contextmanager
def all_logs() -> Iterator[list[str]]:
    """Collect every log line."""
    lines: list[str] = []
    root, handler = logging.getLogger(), logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def calls(connector: Accounts, before: BeforeImage, who: Newcomer) -> Mapping[str, Callable[[], object]]:
    """Return every verb as a callable."""
    return {
        "check": connector.check,
        "find": lambda: connector.find(person(who)),
        "observe": lambda: connector.observe([before.account]),
        "read": lambda: connector.read([before.account]),
        "before": lambda: connector.before(before.account),
        "lock": lambda: connector.lock(before),
        "unlock": lambda: connector.unlock(before),
    }


class AccountsSuite:
    """The tests; each one makes its own people."""

    @pytest.fixture
    def world(self) -> AccountsWorld:
        raise NotImplementedError("give a world fixture")

    def after_unlock(self, world: Any, who: Newcomer) -> None:
        """Do the manual work after an unlock: nothing, unless the vendor cannot restore a password."""

    def test_check_says_what_answered(self, world: AccountsWorld) -> None:
        assert world.connect().check().strip()

    def test_wrong_credential_is_told_from_everything_else(self, world: AccountsWorld) -> None:
        who = newcomer()
        account = world.add(who)
        before = world.connect().before(account)
        for verb, call in calls(world.connect("wrong"), before, who).items():
            with pytest.raises(BadCredential):
                pytest.fail(f"{verb} answered {call()!r}")
        assert world.can_log_in(who.login, who.password)

    def test_unknown_person_is_absent_and_it_says_how(self, world: AccountsWorld) -> None:
        who = newcomer()
        world.add(newcomer())
        lookup = world.connect().find(person(who))
        assert lookup.accounts == ()
        assert who.email in lookup.how
        assert who.login in lookup.how

    def test_finds_by_address_and_by_login_and_never_by_name(self, world: AccountsWorld) -> None:
        who = newcomer()
        account, _bystander, connector = world.add(who), world.add(newcomer()), world.connect()
        for wanted in (Person("", (who.email,)), Person("Someone Else", (), (who.login,))):
            (found,) = connector.find(wanted).accounts
            assert (found.id, found.login, found.name, found.email, found.verdict) == (
                account,
                who.login,
                who.name,
                who.email,
                Verdict.OPEN,
            )
            assert found.matched_by
        stranger = newcomer()
        assert connector.find(replace(person(stranger), name=who.name)).accounts == ()

    @pytest.mark.parametrize("login", AWKWARD)
    def test_awkward_names_are_found_exactly(self, world: AccountsWorld, login: str) -> None:
        who = newcomer(login)
        account, _bystander, connector = world.add(who), world.add(newcomer()), world.connect()
        assert [found.id for found in connector.find(Person("", (), (who.login,))).accounts] == [account]
        connector.lock(connector.before(account))
        assert connector.observe([account])[account].verdict is Verdict.LOCKED
        assert not world.can_log_in(who.login, who.password)

    @pytest.mark.parametrize("text", WILD)
    def test_wildcards_match_nobody(self, world: AccountsWorld, text: str) -> None:
        world.add(newcomer())
        connector = world.connect()
        assert connector.find(Person("", (text,))).accounts == ()
        assert connector.find(Person("", (), (text,))).accounts == ()

    def test_two_matches_are_both_returned(self, world: AccountsWorld) -> None:
        one, other = newcomer(), newcomer()
        ids, _bystander = {world.add(one), world.add(other)}, world.add(newcomer())
        lookup = world.connect().find(Person("", (one.email,), (other.login,)))
        assert {found.id for found in lookup.accounts} == ids

    def test_who_is_locked_is_found_as_locked(self, world: AccountsWorld) -> None:
        who = newcomer()
        account, connector = world.add(who), world.connect()
        connector.lock(connector.before(account))
        found = world.connect().find(person(who)).accounts
        assert [(one.id, one.verdict) for one in found] == [(account, Verdict.LOCKED)]

    def test_a_before_image_that_comes_with_the_lookup_is_the_one_that_a_read_gives(self, world: AccountsWorld) -> None:
        who = newcomer()
        world.add(who)
        connector = world.connect()
        [account] = connector.find(person(who)).accounts
        assert account.before in (None, connector.before(account.id))

    def test_lock_changes_the_named_account_and_nobody_else(self, world: AccountsWorld) -> None:
        account, bystander = world.add(newcomer()), world.add(newcomer())
        connector, truth = world.connect(), dict(world.truth())
        locked = connector.lock(connector.before(account))
        after = dict(world.truth())
        assert locked.change is Change.MADE
        assert after.pop(account) != truth.pop(account)
        assert after == truth
        assert bystander in truth
        seen = connector.observe([account, bystander])
        assert {key: value.verdict for key, value in seen.items()} == {account: Verdict.LOCKED, bystander: Verdict.OPEN}
        assert all(value.how for value in seen.values())

    def test_lock_refuses_the_log_in_and_unlock_restores_it(self, world: AccountsWorld) -> None:
        who = newcomer()
        account, connector = world.add(who), world.connect()
        assert world.can_log_in(who.login, who.password)
        before = connector.before(account)
        assert connector.lock(before).login is not Login.ACCEPTED
        assert not world.can_log_in(who.login, who.password)
        assert connector.unlock(before) is Change.MADE
        self.after_unlock(world, who)
        assert world.can_log_in(who.login, who.password)
        assert connector.observe([account])[account].verdict is Verdict.OPEN

    def test_a_second_lock_is_already_and_writes_nothing(self, world: AccountsWorld) -> None:
        account, connector = world.add(newcomer()), world.connect()
        before = connector.before(account)
        assert connector.lock(before).change is Change.MADE
        truth, writes = world.truth(), world.writes()
        assert world.connect().lock(before).change is Change.ALREADY
        assert connector.lock(connector.before(account)).change is Change.ALREADY
        assert (world.truth(), world.writes()) == (truth, writes)

    def test_a_second_unlock_is_already_and_writes_nothing(self, world: AccountsWorld) -> None:
        account, connector = world.add(newcomer()), world.connect()
        before = connector.before(account)
        connector.lock(before)
        connector.unlock(before)
        truth, writes = world.truth(), world.writes()
        assert connector.unlock(before) is Change.ALREADY
        assert (world.truth(), world.writes()) == (truth, writes)

    def test_a_stale_before_is_a_conflict_and_writes_nothing(self, world: AccountsWorld) -> None:
        account, connector = world.add(newcomer()), world.connect()
        before = connector.before(account)
        assert before.state, "a before-image that holds nothing restores nothing"
        stale = replace(before, state={key: f"{value} long ago" for key, value in before.state.items()})
        truth, writes = world.truth(), world.writes()
        with pytest.raises(Conflict):
            connector.lock(stale)
        assert (world.truth(), world.writes()) == (truth, writes)

    def test_an_unknown_id_is_missing_to_write_and_absent_to_read(self, world: AccountsWorld) -> None:
        nobody, account, connector = world.nobody(), world.add(newcomer()), world.connect()
        truth, writes = world.truth(), world.writes()
        with pytest.raises(Missing):
            connector.before(nobody)
        with pytest.raises(Missing):
            connector.lock(replace(connector.before(account), account=nobody))
        assert connector.observe([nobody])[nobody].verdict is Verdict.ABSENT
        assert (world.truth(), world.writes()) == (truth, writes)

    def test_observes_hundreds_at_once(self, world: AccountsWorld) -> None:
        locked, opened, connector = world.add(newcomer()), world.add(newcomer()), world.connect()
        connector.lock(connector.before(locked))
        real, gone = list(world.truth()), [world.nobody() for _ in range(300)]
        with within(60):  # generous for a busy machine; its requests reveal a connector without bulk reads
            seen = connector.observe([*gone, *real])
        assert set(seen) == {*gone, *real}
        assert {seen[account].verdict for account in gone} == {Verdict.ABSENT}
        assert {seen[account].verdict for account in real} == {Verdict.OPEN, Verdict.LOCKED}
        assert (seen[locked].verdict, seen[opened].verdict) == (Verdict.LOCKED, Verdict.OPEN)

    def test_reads_accounts_as_they_are_now_by_their_ids_and_leaves_out_who_is_gone(self, world: AccountsWorld) -> None:
        people = [newcomer() for _ in range(3)]
        ids, gone = [world.add(who) for who in people], world.nobody()
        connector = world.connect()
        connector.lock(connector.before(ids[0]))
        seen = world.connect().read([*ids, gone])
        assert set(seen) == set(ids)
        for who, account, verdict in zip(people, ids, (Verdict.LOCKED, Verdict.OPEN, Verdict.OPEN), strict=True):
            one = seen[account]
            assert (one.id, one.login, one.name, one.email) == (account, who.login, who.name, who.email)
            assert one.verdict is verdict
            assert one.before in (None, connector.before(account))
        assert dict(connector.read([])) == {}

    def test_observing_nobody_asks_nothing(self, world: AccountsWorld) -> None:
        assert dict(world.connect().observe([])) == {}

    def test_a_dead_server_is_unavailable_and_nothing_else(self, world: AccountsWorld) -> None:
        who = newcomer()
        account = world.add(who)
        warm, cold = world.connect(), world.connect()
        before = warm.before(account)
        with world.stopped():
            for connector in (warm, cold):
                for verb, call in calls(connector, before, who).items():
                    with within(world.patience), pytest.raises(Unavailable):
                        pytest.fail(f"{verb} answered {call()!r}")
        assert warm.observe([account])[account].verdict is Verdict.OPEN

    def test_a_silent_server_is_unavailable_in_time(self, world: AccountsWorld) -> None:
        who = newcomer()
        account = world.add(who)
        warm, cold = world.connect(), world.connect()
        before = warm.before(account)
        asked = [call for connector in (warm, cold) for call in calls(connector, before, who).values()]
        with world.silent(), ThreadPoolExecutor(len(asked)) as pool, within(world.patience):
            errors = [future.exception() for future in [pool.submit(call) for call in asked]]
        assert [error for error in errors if not isinstance(error, Unavailable)] == []
        assert warm.observe([account])[account].verdict is Verdict.OPEN

    def test_secrets_are_never_shown(self, world: AccountsWorld) -> None:
        who = newcomer()
        account, connector = world.add(who), world.connect()
        with all_logs() as shown:
            before = connector.before(account)
            shown += [repr(connector), repr(before), repr(connector.lock(before)), repr(connector.find(person(who)))]
            with world.stopped():
                for call in calls(connector, before, who).values():
                    with pytest.raises(ConnectorError) as caught:
                        call()
                    shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
            with pytest.raises(BadCredential) as refused:
                world.connect("wrong").check()
            shown += [str(refused.value), repr(refused.value.__cause__)]
        for secret in (*world.secrets(), who.password):
            assert not [line for line in shown if secret in line]

    def test_an_account_opened_behind_the_bots_back_is_seen(self, world: AccountsWorld) -> None:
        account, connector = world.add(newcomer()), world.connect()
        connector.lock(connector.before(account))
        world.reopen(account)
        assert connector.observe([account])[account].verdict is Verdict.OPEN
        assert connector.lock(connector.before(account)).change is Change.MADE
        assert connector.observe([account])[account].verdict is Verdict.LOCKED
