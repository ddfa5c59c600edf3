"""Planted faults of connectors that change duties: each must be caught by the test for it."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import ldap
import pytest

from connectors.conformance.duty_changes import DutyChangesSuite
from connectors.contract import AccountId, Change, DutyAct, DutyId, DutyImage
from connectors.errors import ConnectorError, Forbidden, Missing, OutcomeUnknown
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.wire import Modification, equals
from tests.conformance.planted import assert_bites
from tests.connectors.ldap.duty_changes_world import DutyChangesLdapWorld, changing_directory


class Planted(Ldap):
    """Writes by itself."""

    def write(self, image: DutyImage, changes: Callable[[str, str], Sequence[Modification]], query: str = "") -> Change:
        """Write what `changes` makes of the attribute's name and the leaver's DN: in one entry, or all that match."""
        name, _colon, number = image.duty.partition(":")

        def write(link: LdapConnection) -> Change:
            leaver, base = self._directory.person(link, image.account), self._settings.base_dn
            for row in list(link.search(base, query or self._dialect.matches(number), ["1.1"])):
                link.modify(row.dn, changes(name, leaver.dn))
            return Change.MADE

        return self._connections.run(write, "planted")

    def place(self, account: AccountId) -> str:
        return self._connections.run(lambda link: self._directory.person(link, account), "planted").dn


class RemovesAllHolders(Planted):
    """Replaces all values."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        super().give(image, successor)
        new = self.place(successor).encode()
        return self.write(image, lambda name, _leaver: [(ldap.MOD_REPLACE, name, [new])])

    def stop(self, image: DutyImage) -> Change:
        super().stop(image)
        return self.write(image, lambda name, _leaver: [(ldap.MOD_REPLACE, name, None)])


class BelievesTheAnswer(Ldap):
    """Says that it is done, and does nothing."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        return Change.MADE

    def stop(self, image: DutyImage) -> Change:
        return Change.MADE

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        return Change.MADE


class LeavesTheLeaver(Planted):
    """Adds the successor, and leaves the leaver in it."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        new = self.place(successor).encode()
        return self.write(image, lambda name, _leaver: [(ldap.MOD_ADD, name, [new])])


class GivesEverything(Planted):
    """Gives everything of the leaver that is of this type."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        new, name = self.place(successor).encode(), image.duty.partition(":")[0]
        old = self.place(image.account)
        return self.write(image, lambda name, _dn: [(ldap.MOD_REPLACE, name, [new])], equals(name, old))


class Overwrites(Planted):
    """Does not compare the duty with its image."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        new = self.place(successor).encode()
        return self.write(image, lambda name, _leaver: [(ldap.MOD_REPLACE, name, [new])])

    def stop(self, image: DutyImage) -> Change:
        return super().stop(super().duty_image(image.account, image.duty))

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        return self.write(image, lambda name, leaver: [(ldap.MOD_REPLACE, name, [leaver.encode()])])


class GivesAsItIsNow(Ldap):
    """Takes a new image at each write."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        return super().give(super().duty_image(image.account, image.duty), successor)


class DeletesTheObject(Planted):
    """Deletes the entry in place of taking the leaver out."""

    def stop(self, image: DutyImage) -> Change:
        query = self._dialect.matches(image.duty.partition(":")[2])

        def delete(link: LdapConnection) -> Change:
            for row in list(link.search(self._settings.base_dn, query, ["1.1"])):
                link._raw.delete_s(row.dn)
            return Change.MADE

        return self._connections.run(delete, "planted")


class WritesTwice(Planted):
    """Is not idempotent: writes again what is there."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        if super().give(image, successor) is Change.MADE:
            return Change.MADE
        new = self.place(successor).encode()
        return self.write(image, lambda name, _leaver: [(ldap.MOD_REPLACE, name, [new])])

    def stop(self, image: DutyImage) -> Change:
        super().stop(image)
        return Change.MADE


class OffersEverything(Ldap):
    """Does not look at its rights."""

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        return replace(super().duty_image(account, duty), acts=frozenset(DutyAct), why_not="")


class OffersNothing(Ldap):
    """Offers no act for what can be changed."""

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        return replace(super().duty_image(account, duty), acts=frozenset({DutyAct.GIVE}), why_not="no")


class ImagesOfOthers(Ldap):
    """Makes an image of a duty that somebody else has."""

    def duty_image(self, account: AccountId, duty: DutyId) -> DutyImage:
        try:
            return super().duty_image(account, duty)
        except Missing:
            return DutyImage(duty, account, {"value": "", "others": json.dumps([])})


class AnyoneWillDo(Planted):
    """Does not look at the successor."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        try:
            return super().give(image, successor)
        except Forbidden:
            return self.write(image, lambda name, _leaver: [(ldap.MOD_REPLACE, name, [b"cn=x"])])


class TakesGoneForDone(Ldap):
    """Says that a deleted object is done."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        try:
            return super().give(image, successor)
        except Missing:
            return Change.ALREADY

    def stop(self, image: DutyImage) -> Change:
        try:
            return super().stop(image)
        except Missing:
            return Change.ALREADY


class TakesALostAnswerForDone(Ldap):
    """Says that it is done when no answer came."""

    def give(self, image: DutyImage, successor: AccountId) -> Change:
        try:
            return super().give(image, successor)
        except OutcomeUnknown:
            return Change.MADE

    def stop(self, image: DutyImage) -> Change:
        try:
            return super().stop(image)
        except OutcomeUnknown:
            return Change.MADE


class DoneWhenDown(Ldap):
    """Says that all is as it should be when the server does not answer."""

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        try:
            return super().put_back(image, successor)
        except ConnectorError:
            return Change.ALREADY


class ForgetsTheLeaver(Ldap):
    """Puts nothing back."""

    def put_back(self, image: DutyImage, successor: AccountId | None) -> Change:
        return Change.ALREADY


SUITE, GIVE, STOP = DutyChangesSuite(), DutyAct.GIVE, DutyAct.STOP
Case = tuple[type[Ldap], Callable[..., None], Collection[object]]
CASES: tuple[Case, ...] = (
    (RemovesAllHolders, SUITE.test_other_holders_stay, (0, GIVE)),
    (RemovesAllHolders, SUITE.test_other_holders_stay, (0, STOP)),
    (RemovesAllHolders, SUITE.test_a_successor_who_has_it_already_keeps_it, (0,)),
    (BelievesTheAnswer, SUITE.test_a_change_concerns_one_duty_of_the_leaver, (0, GIVE)),
    (BelievesTheAnswer, SUITE.test_a_change_concerns_one_duty_of_the_leaver, (0, STOP)),
    (BelievesTheAnswer, SUITE.test_a_title_is_data, ("a b",)),
    (BelievesTheAnswer, SUITE.test_put_back_leaves_what_somebody_else_changed, (0, GIVE)),
    (LeavesTheLeaver, SUITE.test_a_change_concerns_one_duty_of_the_leaver, (0, GIVE)),
    (LeavesTheLeaver, SUITE.test_other_holders_stay, (0, GIVE)),
    (GivesEverything, SUITE.test_a_change_concerns_one_duty_of_the_leaver, (0, GIVE)),
    (Overwrites, SUITE.test_what_somebody_else_changed_is_not_overwritten, (0,)),
    (Overwrites, SUITE.test_a_new_holder_is_a_conflict, (0, STOP)),
    (Overwrites, SUITE.test_put_back_leaves_what_somebody_else_changed, (0, GIVE)),
    (Overwrites, SUITE.test_put_back_leaves_what_somebody_else_changed, (0, STOP)),
    (GivesAsItIsNow, SUITE.test_a_new_holder_is_a_conflict, (0, GIVE)),
    (DeletesTheObject, SUITE.test_a_change_concerns_one_duty_of_the_leaver, (0, STOP)),
    (WritesTwice, SUITE.test_twice_is_already_and_writes_nothing, (0, GIVE)),
    (WritesTwice, SUITE.test_twice_is_already_and_writes_nothing, (0, STOP)),
    (OffersEverything, SUITE.test_a_reader_is_offered_nothing, (0,)),
    (OffersNothing, SUITE.test_an_image_tells_the_acts_and_changes_nothing, (0,)),
    (ImagesOfOthers, SUITE.test_somebody_elses_duty_is_missing, ()),
    (AnyoneWillDo, SUITE.test_nobody_and_somebody_locked_get_nothing, (0,)),
    (TakesGoneForDone, SUITE.test_what_is_gone_is_missing, (GIVE,)),
    (TakesGoneForDone, SUITE.test_what_is_gone_is_missing, (STOP,)),
    (TakesALostAnswerForDone, SUITE.test_a_lost_answer_is_unknown_and_the_next_try_finds_it, (GIVE,)),
    (TakesALostAnswerForDone, SUITE.test_a_lost_answer_is_unknown_and_the_next_try_finds_it, (STOP,)),
    (DoneWhenDown, SUITE.test_a_dead_server_and_a_wrong_credential_are_told_apart, ()),
    (DoneWhenDown, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (ForgetsTheLeaver, SUITE.test_put_back_restores_the_duty, (0, GIVE)),
    (ForgetsTheLeaver, SUITE.test_put_back_restores_the_duty, (0, STOP)),
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DutyChangesLdapWorld]:
    with changing_directory(tmp_path_factory.mktemp("slapd")) as world:
        yield world


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(
    own: DutyChangesLdapWorld, wrong: type[Ldap], test: Callable[..., None], arguments: Collection[object]
) -> None:
    world = DutyChangesLdapWorld(own.slapd)
    world.made = wrong
    assert_bites(test, world, *arguments)


def test_an_act_that_is_not_offered_must_be_refused(own: DutyChangesLdapWorld) -> None:
    world = DutyChangesLdapWorld(own.slapd)
    world.offered = {"owner": (DutyAct.GIVE,)}
    assert_bites(SUITE.test_an_act_that_is_not_offered_is_refused, world, 0)
