"""Planted faults of connectors: each must be caught by the test for it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from connectors.conformance.accounts import AccountsSuite
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    Locked,
    Login,
    Lookup,
    Observation,
    Person,
    Verdict,
)
from connectors.errors import Conflict, ConnectorError, Missing, Unavailable
from connectors.ldap.connector import Ldap
from tests.conformance.planted import assert_bites
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company.slapd import Slapd


class LocksTheNextOneToo(Ldap):
    """Also locks another account."""

    victim: AccountId

    def lock(self, before: BeforeImage) -> Locked:
        done = super().lock(before)
        super().lock(super().before(self.victim))
        return done


class IgnoresBefore(Ldap):
    """Locks without comparing the before-image."""

    def lock(self, before: BeforeImage) -> Locked:
        return super().lock(super().before(before.account))


class DoesNothing(Ldap):
    """Reports a lock without locking."""

    def lock(self, before: BeforeImage) -> Locked:
        return Locked(Change.MADE, Login.REFUSED)


class BelievesTheWrite(Ldap):
    """Reports its last write, and reads nothing."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.believed: dict[AccountId, Verdict] = {}

    def lock(self, before: BeforeImage) -> Locked:
        self.believed[before.account] = Verdict.LOCKED
        return super().lock(before)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        seen = super().observe(accounts)
        return {a: replace(o, verdict=self.believed.get(a, o.verdict)) for a, o in seen.items()}


class AbsentWhenDown(Ldap):
    """Reports an unreachable server as an empty one."""

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        try:
            return super().observe(accounts)
        except Unavailable:
            return {account: Observation(Verdict.ABSENT, "") for account in accounts}


class MissingWhenRefused(Ldap):
    """Reports a wrong password as an empty directory."""

    def find(self, person: Person) -> Lookup:
        try:
            return super().find(person)
        except ConnectorError:
            return Lookup((), "")


class OldImageWithTheLookup(Ldap):
    """Returns a before-image that differs from a read."""

    def find(self, person: Person) -> Lookup:
        lookup = super().find(person)
        stale = [replace(one, before=BeforeImage(one.id, {"lock": "long ago"})) for one in lookup.accounts]
        return replace(lookup, accounts=tuple(stale))


class FirstMatchOnly(Ldap):
    """Returns one of two matching people."""

    def find(self, person: Person) -> Lookup:
        lookup = super().find(person)
        return replace(lookup, accounts=lookup.accounts[:1])


class HidesTheLocked(Ldap):
    """Lists only open accounts, as many a search does by default."""

    def find(self, person: Person) -> Lookup:
        lookup = super().find(person)
        return replace(lookup, accounts=tuple(one for one in lookup.accounts if one.verdict is Verdict.OPEN))


class SaysNotHow(Ldap):
    """Reports `absent` without a source."""

    def find(self, person: Person) -> Lookup:
        return replace(super().find(person), how="nobody")


class WritesEveryTime(Ldap):
    """Locks a locked account again, with another password."""

    def lock(self, before: BeforeImage) -> Locked:
        if super().observe([before.account])[before.account].verdict is Verdict.LOCKED:
            super().unlock(replace(before, state={"lock": "", "password": ""}))
            super().lock(super().before(before.account))
            return Locked(Change.ALREADY, Login.REFUSED)
        return super().lock(before)


class StopsAtPageOne(Ldap):
    """Reads the first hundred ids and reports the rest as absent."""

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        rest = {account: Observation(Verdict.ABSENT, "") for account in accounts[100:]}
        return {**super().observe(accounts[:100]), **rest}


class ForgetsTheGone(Ldap):
    """Leaves missing ids out of the answer."""

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        return {a: o for a, o in super().observe(accounts).items() if o.verdict is not Verdict.ABSENT}


class ReadsTheGone(Ldap):
    """Returns an account for an id that is gone."""

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        seen = super().read(accounts)
        return {account: seen.get(account, next(iter(seen.values()))) for account in accounts} if seen else seen


class ReadsAllAsOpen(Ldap):
    """Reads by id and never looks at the lock."""

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        return {key: replace(one, verdict=Verdict.OPEN) for key, one in super().read(accounts).items()}


class MakesUpMissing(Ldap):
    """Reports a missing account as locked."""

    def lock(self, before: BeforeImage) -> Locked:
        try:
            return super().lock(before)
        except Missing:
            return Locked(Change.ALREADY, Login.REFUSED)


class WarnsAfterWriting(Ldap):
    """Detects the stale before-image after the write."""

    def lock(self, before: BeforeImage) -> Locked:
        now = super().before(before.account)
        done = super().lock(now)
        if now != before:
            raise Conflict("too late")
        return done


class UnlocksHalf(Ldap):
    """Removes the lock and keeps the random password."""

    def unlock(self, before: BeforeImage) -> Change:
        return super().unlock(replace(before, state={**before.state, "password": ""}))


class TakesWildcards(Ldap):
    """Inserts the person's text into the query unescaped."""

    def find(self, person: Person) -> Lookup:
        if any("*" in text for text in (*person.emails, *person.logins)):
            return super().find(replace(person, logins=("max.weber",)))
        return super().find(person)


class LooksByName(Ldap):
    """Matches by display name."""

    def find(self, person: Person) -> Lookup:
        lookup = super().find(person)
        root = person.name.rsplit(" ", 1)[-1]
        return lookup if lookup.accounts or not root else super().find(replace(person, logins=(f"leaver.{root}",)))


class TellsSecrets(Ldap):
    """Logs its own credential."""

    def lock(self, before: BeforeImage) -> Locked:
        logging.getLogger("ldap").debug("binding with %s", self._settings.password.get_secret_value())
        return super().lock(before)


class NeverGivesUp(Ldap):
    """Repeats without end while the server is silent."""

    def check(self) -> str:
        for _ in range(12):
            try:
                return super().check()
            except Unavailable:
                continue
        return super().check()


class Planted(LdapWorld):
    """The practice directory, seen through a wrong connector."""

    def __init__(self, slapd: Slapd, wrong: type[Ldap]) -> None:
        super().__init__(slapd)
        self.wrong = wrong

    def connect(self, password: str = "good") -> Ldap:
        self.connectors.append(self.wrong(super().connect(password)._settings))
        return self.connectors[-1]


SUITE = AccountsSuite()
CASES: tuple[tuple[type[Accounts], Callable[..., None], tuple[str, ...]], ...] = (
    (LocksTheNextOneToo, SUITE.test_lock_changes_the_named_account_and_nobody_else, ()),
    (IgnoresBefore, SUITE.test_a_stale_before_is_a_conflict_and_writes_nothing, ()),
    (WarnsAfterWriting, SUITE.test_a_stale_before_is_a_conflict_and_writes_nothing, ()),
    (DoesNothing, SUITE.test_lock_changes_the_named_account_and_nobody_else, ()),
    (DoesNothing, SUITE.test_lock_refuses_the_log_in_and_unlock_restores_it, ()),
    (DoesNothing, SUITE.test_awkward_names_are_found_exactly, ("a*b(c)\\d",)),
    (UnlocksHalf, SUITE.test_lock_refuses_the_log_in_and_unlock_restores_it, ()),
    (BelievesTheWrite, SUITE.test_an_account_opened_behind_the_bots_back_is_seen, ()),
    (AbsentWhenDown, SUITE.test_a_dead_server_is_unavailable_and_nothing_else, ()),
    (AbsentWhenDown, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (NeverGivesUp, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (MissingWhenRefused, SUITE.test_wrong_credential_is_told_from_everything_else, ()),
    (OldImageWithTheLookup, SUITE.test_a_before_image_that_comes_with_the_lookup_is_the_one_that_a_read_gives, ()),
    (FirstMatchOnly, SUITE.test_two_matches_are_both_returned, ()),
    (HidesTheLocked, SUITE.test_who_is_locked_is_found_as_locked, ()),
    (SaysNotHow, SUITE.test_unknown_person_is_absent_and_it_says_how, ()),
    (WritesEveryTime, SUITE.test_a_second_lock_is_already_and_writes_nothing, ()),
    (StopsAtPageOne, SUITE.test_observes_hundreds_at_once, ()),
    (ForgetsTheGone, SUITE.test_observes_hundreds_at_once, ()),
    (ReadsTheGone, SUITE.test_reads_accounts_as_they_are_now_by_their_ids_and_leaves_out_who_is_gone, ()),
    (ReadsAllAsOpen, SUITE.test_reads_accounts_as_they_are_now_by_their_ids_and_leaves_out_who_is_gone, ()),
    (MakesUpMissing, SUITE.test_an_unknown_id_is_missing_to_write_and_absent_to_read, ()),
    (TakesWildcards, SUITE.test_wildcards_match_nobody, ("*",)),
    (LooksByName, SUITE.test_finds_by_address_and_by_login_and_never_by_name, ()),
    (TellsSecrets, SUITE.test_secrets_are_never_shown, ()),
)


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(
    slapd: Slapd, wrong: type[Ldap], test: Callable[..., None], arguments: tuple[str, ...]
) -> None:
    world = Planted(slapd, wrong)
    if wrong is LocksTheNextOneToo:
        victim = LdapWorld(slapd).connect().find(Person("", (), ("tom.baker",))).accounts[0].id
        LocksTheNextOneToo.victim = victim
        try:
            assert_bites(test, world, *arguments)
        finally:
            world.slapd.reopen("tom.baker")
        return
    assert_bites(test, world, *arguments)
