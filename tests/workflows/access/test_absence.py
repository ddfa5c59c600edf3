"""No account is a claim: it is believed with proof or by a person's word, and is otherwise unknown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar, cast

import pytest

from connectors.contract import Account, AccountId, BeforeImage, Connector, Locked, Lookup, Observation, Person, Verdict
from connectors.errors import Missing, Unavailable
from tests.workflows.memory import MemoryCrm, MemoryDirectory, MemoryListing, World, _Log
from tests.workflows.office import BOB, DANA, NONE, SECURITY, Office
from workflows.access.views import SystemLine
from workflows.people import Leaver
from workflows.refusals import Code, Refused
from workflows.storage.rows.watch import FindingKind

NOBODY_KNOWN = "no other account is known there"
OUTSIDER = replace(DANA, directory_id="")


class Blind(MemoryCrm):
    """A CRM whose lookups find nothing by one kind of name."""

    by = "address"

    def find(self, person: Person) -> Lookup:
        sought = replace(person, emails=()) if self.by == "address" else replace(person, logins=())
        return super().find(sought)


class BlindToLogins(Blind):
    by = "log-in"


class Careless(MemoryCrm):
    """A CRM that shows everybody but the leaver, whatever is looked up."""

    def find(self, person: Person) -> Lookup:
        if DANA.email in person.emails:
            return super().find(person)
        return Lookup(tuple(self._account(user, set()) for user in self.world.users.values()), "everybody")


class OwnAlone(MemoryListing):
    """A CRM that shows Handover its own account and no other."""

    def own_account(self) -> str:
        return "bot"

    def everyone(self) -> Iterator[Account]:
        return (one for one in super().everyone() if one.login == "bot")

    def find(self, person: Person) -> Lookup:
        found = super().find(person)
        return replace(found, accounts=tuple(one for one in found.accounts if one.login == "bot"))


class Forgetful(MemoryCrm):
    """A CRM that shows no account by its id, though its lookups find them."""

    blind = False

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        seen = super().observe(accounts)
        return {one: Observation(Verdict.ABSENT, "read by id") for one in seen} if self.blind else seen


class Removing(MemoryCrm):
    """A CRM that hides locked accounts: `locked` is concluded from an account that is not shown."""

    def find(self, person: Person) -> Lookup:
        found = super().find(person)
        return replace(found, accounts=tuple(one for one in found.accounts if one.verdict is Verdict.OPEN))

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        return {
            one: replace(seen, hidden=True)
            if seen.verdict is Verdict.LOCKED
            else Observation(Verdict.ABSENT, "read by id")
            for one, seen in super().observe(accounts).items()
        }


class Listing(MemoryListing):
    """A CRM whose list shows the leaver, and whose lookup does not."""

    def find(self, person: Person) -> Lookup:
        found = super().find(person)
        return replace(found, accounts=tuple(one for one in found.accounts if one.email != DANA.email))


C = TypeVar("C", bound=_Log)
ELSEWHERE = replace(BOB, key="nobody@x.example", email="nobody@x.example")


def _crm(office: Office, kind: type[C]) -> C:
    system = office.crm.system(cast("type[Connector]", kind))
    office.systems._systems["crm"] = system
    assert isinstance(system.connector, kind)
    return system.connector


def _lock(office: Office, leaver: Leaver = DANA, **change: object) -> str:
    case_id = office.offboarding.open(office.request(leaver=leaver, **change))
    office.work("revoke")
    return case_id


def _line(office: Office, case_id: str, system: str = "crm") -> SystemLine:
    return next(line for line in office.offboarding.case(case_id).systems if line.system == system)


def _without_dana(office: Office) -> None:
    del office.crm.users[AccountId("crm-dana")]


def test_nobody_is_absent_who_is_not_matched_in_the_directory_until_a_person_says_so(office: Office) -> None:
    _without_dana(office)
    case_id = _lock(office, OUTSIDER)
    line = _line(office, case_id)
    assert (line.verdict, line.choose) == (Verdict.UNKNOWN, True)
    assert "not matched in the company's directory" in line.reason
    assert [one.kind for one in office.offboarding.case(case_id).findings] == [FindingKind.NOT_LINKED]
    office.linking.none(case_id, "directory", SECURITY, *NONE)
    office.offboarding.retry(case_id, "crm", SECURITY)
    office.work("revoke")
    line = _line(office, case_id)
    assert (line.verdict, line.reason) == (Verdict.ABSENT, "")
    assert "finds an account that is known" in line.how


def test_no_account_costs_at_most_three_further_lookups_and_an_account_none(office: Office) -> None:
    _without_dana(office)
    _lock(office, replace(DANA, logins=("dana",)))
    assert office.crm.calls["find"] <= 1 + 3
    assert office.directory.calls["find"] <= 2  # once more for the names of now


@pytest.mark.parametrize(
    ("kind", "logins", "verdict"),
    [
        (Blind, (), Verdict.UNKNOWN),
        (BlindToLogins, ("d.oneill",), Verdict.UNKNOWN),
        (BlindToLogins, (), Verdict.ABSENT),
        (Careless, (), Verdict.UNKNOWN),
        (Listing, (), Verdict.UNKNOWN),
        (OwnAlone, (), Verdict.UNKNOWN),
    ],
)
def test_a_lookup_that_cannot_find_a_known_account_proves_nothing(
    office: Office, kind: type[_Log], logins: tuple[str, ...], verdict: Verdict
) -> None:
    _crm(office, kind)
    if kind is OwnAlone:
        office.crm.user("bot", "bot@x.example", login="bot")
    user = office.crm.users[AccountId("crm-dana")]
    if kind not in (Listing, OwnAlone):
        user.email, user.login = "dana@private.example", "dana.private"
    colleagues = {"approver": ELSEWHERE, "successors": (ELSEWHERE,)} if kind is Listing else {}
    case_id = _lock(office, replace(DANA, logins=logins), **colleagues)
    assert _line(office, case_id).verdict is verdict
    assert office.offboarding.case(case_id).locked_out is (verdict is Verdict.ABSENT)


def test_a_system_with_one_user_waits_for_the_word_of_a_person_which_ends(office: Office) -> None:
    wiki = World("wiki")
    wiki.user("wiki-zoe", "zoe@x.example")
    office.systems._systems["wiki"] = wiki.system(MemoryCrm)
    case_id = _lock(office)
    assert NOBODY_KNOWN in _line(office, case_id, "wiki").reason
    assert not office.offboarding.case(case_id).locked_out
    for reason, day, code in (
        (" ", NONE[1], Code.NEEDS_REASON),
        ("none", date(2026, 3, 1), Code.PAST_TIME),
        ("none", date(2027, 6, 1), Code.LONG_STATEMENT),
    ):
        with pytest.raises(Refused) as refused:
            office.linking.none(case_id, "wiki", SECURITY, reason, day)
        assert refused.value.code is code
    office.linking.none(case_id, "wiki", SECURITY, "never had one", date(2026, 3, 31))
    office.work("revoke")
    line = _line(office, case_id, "wiki")
    assert (line.verdict, office.offboarding.case(case_id).findings) == (Verdict.ABSENT, ())
    assert "the word of Sam, until 2026-03-31: never had one" in line.how
    assert office.audits.run_now(SECURITY).findings == ()
    office.clock.pass_(days=30)
    [found] = office.audits.run_now(SECURITY).findings
    assert (found.kind, found.system) == (FindingKind.NOT_LINKED, "wiki")
    assert "Sam said that there is none, and that statement ended on 2026-03-31" in found.detail
    line = _line(office, case_id, "wiki")
    assert (line.verdict, line.choose) == (Verdict.UNKNOWN, True)
    office.linking.none(case_id, "wiki", SECURITY, "asked again", NONE[1])
    office.work("revoke")
    assert _line(office, case_id, "wiki").verdict is Verdict.ABSENT
    assert office.audits.run_now(SECURITY).findings == ()


def test_a_list_shows_the_known_account_where_no_colleague_has_one(office: Office) -> None:
    wiki = World("wiki")
    wiki.user("wiki-zoe", "zoe@x.example")
    office.systems._systems["wiki"] = wiki.system(MemoryListing)
    assert _line(office, _lock(office), "wiki").verdict is Verdict.ABSENT
    assert wiki.calls["find"] <= 1 + 3


def test_an_account_of_another_case_is_known(office: Office) -> None:
    wiki = World("wiki")
    wiki.user("wiki-zoe", "zoe@x.example")
    office.systems._systems["wiki"] = wiki.system(MemoryCrm)
    _lock(office, replace(DANA, name="Zoe", email="zoe@x.example", slack_id="U0ZOE2", directory_id="directory-zoe"))
    assert _line(office, _lock(office), "wiki").verdict is Verdict.ABSENT


def test_an_audit_checks_a_lookup_once_for_all_leavers(office: Office) -> None:
    for number in range(6):
        office.directory.user(f"directory-{number}", f"p{number}@x.example")
        leaver = Leaver(f"P{number}", f"p{number}@x.example", directory_id=f"directory-{number}")
        office.offboarding.open(office.request(leaver=leaver))
    office.work("revoke")
    office.clock.pass_(hours=2)
    before = office.crm.calls["find"]
    assert office.audits.run_now(SECURITY).by_verdict[Verdict.ABSENT] == 6
    assert office.crm.calls["find"] - before <= 6 + 3


def test_an_audit_that_can_no_longer_find_anybody_calls_nobody_absent(office: Office) -> None:
    crm = _crm(office, Forgetful)
    _without_dana(office)
    case_id = _lock(office)
    assert _line(office, case_id).verdict is Verdict.ABSENT
    find = crm.find
    crm.find = lambda person: replace(find(person), accounts=())  # type: ignore[method-assign]
    office.clock.pass_(days=1)
    view = office.audits.run_now(SECURITY)
    assert (view.by_verdict[Verdict.ABSENT], view.by_verdict[Verdict.UNKNOWN]) == (0, 1)
    assert [one.kind for one in view.findings] == [FindingKind.NOT_LINKED]
    assert not office.offboarding.case(case_id).locked_out
    crm.find = find  # type: ignore[method-assign]
    office.clock.pass_(days=1)
    assert office.audits.run_now(SECURITY).findings == ()
    assert office.offboarding.case(case_id).locked_out


def test_an_account_gone_by_its_id_is_unknown_where_no_account_is_shown_by_id(office: Office) -> None:
    crm = _crm(office, Forgetful)
    case_id = _lock(office)
    assert _line(office, case_id).verdict is Verdict.LOCKED
    crm.blind = True
    office.clock.pass_(days=1)
    view = office.audits.run_now(SECURITY)
    assert (view.by_verdict[Verdict.ABSENT], view.by_verdict[Verdict.UNKNOWN]) == (0, 1)
    assert not office.offboarding.case(case_id).locked_out


def test_a_lock_that_hides_accounts_is_believed_only_where_others_are_shown(office: Office) -> None:
    _crm(office, Removing)
    case_id = _lock(office)
    assert not office.crm.users[AccountId("crm-dana")].active
    line = _line(office, case_id)
    assert (line.verdict, line.choose) == (Verdict.UNKNOWN, True)


def test_an_account_that_lookups_show_and_reads_by_id_do_not_is_unknown(office: Office) -> None:
    class Gone(Forgetful):
        """A CRM that answers "no such account" to every use of the leaver's id, and lists the account."""

        def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
            gone = {one: Observation(Verdict.ABSENT, "read by id") for one in accounts if one == "crm-dana"}
            return {**super().observe(accounts), **gone}

        def lock(self, before: BeforeImage) -> Locked:
            raise Missing("no such account")

    _crm(office, Gone)
    case_id = _lock(office)
    assert _line(office, case_id).verdict is Verdict.UNKNOWN
    assert not office.offboarding.case(case_id).locked_out


def test_an_account_that_is_deleted_at_the_lock_is_absent(office: Office) -> None:
    def delete() -> None:
        office.crm.users.pop(AccountId("crm-dana"), None)

    office.crm.before_call["lock"] = delete
    assert _line(office, _lock(office)).verdict is Verdict.ABSENT


def test_a_plus_sign_needs_a_known_account_with_one(office: Office) -> None:
    _without_dana(office)
    case_id = _lock(office, replace(DANA, email="dana+sales@x.example"))
    assert "no known account there has + in its address" in _line(office, case_id).reason
    assert not office.offboarding.case(case_id).locked_out


def test_a_check_that_fails_leaves_no_other_account_open(office: Office) -> None:
    office.crm.user("crm-dana2", "d2@x.example", login="dana2")
    case_id = office.offboarding.open(office.request())
    for account in ("dana", "dana2"):
        office.linking.link(case_id, "crm", SECURITY, login=account)

    def delete() -> None:
        office.crm.users.pop(AccountId("crm-dana"), None)
        office.crm.fail("find", Unavailable("down"), times=5)

    office.crm.before_call["lock"] = delete
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-dana2")].active
    assert _line(office, case_id).verdict is Verdict.UNKNOWN


def test_a_linked_account_that_is_not_shown_stays_in_the_verdict_beside_a_locked_one(office: Office) -> None:
    office.crm.user("crm-second", "d.oneill@y.example", login="second")
    crm = _crm(office, Forgetful)
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=30)))
    for login in ("dana", "second"):
        office.linking.link(case_id, "crm", SECURITY, login=login)
    hidden = {AccountId("crm-second")}
    read_all = crm.read

    def read(accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        return {one: seen for one, seen in read_all(accounts).items() if one not in hidden}

    def observe(accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        gone = {one: Observation(Verdict.ABSENT, "read by id") for one in accounts if one != "crm-dana"}
        return {**MemoryCrm.observe(crm, accounts), **gone}

    crm.observe = observe  # type: ignore[method-assign]
    crm.read = read  # type: ignore[method-assign]
    office.clock.pass_(days=30)
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-dana")].active
    assert _line(office, case_id).verdict is Verdict.UNKNOWN
    assert "second is linked and not there by its id" in _line(office, case_id).reason


def test_an_entry_that_is_deleted_is_proven_gone_by_its_id(office: Office) -> None:
    office.systems._systems["directory"] = replace(office.systems["directory"], expects_account=True)
    del office.directory.users[AccountId("directory-dana")]
    line = _line(office, _lock(office), "directory")
    assert (line.verdict, line.reason) == (Verdict.ABSENT, "")


def test_an_entry_that_only_changed_its_names_is_found_by_its_id(office: Office) -> None:
    user = office.directory.users[AccountId("directory-dana")]
    user.email, user.login = "dana.smith@x.example", "dana.smith"
    case_id = _lock(office)
    assert _line(office, case_id, "directory").verdict is Verdict.LOCKED
    assert not user.active


def test_a_new_system_with_a_doubtful_answer_has_nobody_absent(office: Office) -> None:
    case_id = _lock(office)
    wiki = World("wiki")
    wiki.user("wiki-bob", "bob@x.example")
    system = wiki.system(MemoryDirectory)
    find = system.connector.find  # type: ignore[attr-defined]
    system.connector.find = lambda person: replace(find(person), doubts=("half a list",))  # type: ignore[attr-defined]
    office.systems._systems["wiki"] = system
    office.clock.pass_(days=1)
    view = office.audits.run_now(SECURITY)
    assert "half a list" in _line(office, case_id, "wiki").reason
    assert (view.by_verdict[Verdict.ABSENT], view.by_verdict[Verdict.UNKNOWN]) == (0, 1)
    assert [(one.kind, one.system) for one in view.findings] == [(FindingKind.NOT_LINKED, "wiki")]


def test_a_follow_up_says_unknown_where_absence_is_not_proven(office: Office) -> None:
    _without_dana(office)
    case_id = _lock(office)
    connector = office.systems["crm"].connector
    find = connector.find  # type: ignore[attr-defined]
    connector.find = lambda person: replace(find(person), accounts=())  # type: ignore[attr-defined]
    office.clock.pass_(days=1, hours=1)
    office.work("follow_up")
    done = [line for line in office.offboarding.case(case_id).follow_ups if line.summary]
    assert "crm: unknown" in done[0].summary


def test_a_word_of_an_earlier_version_counts_for_a_year(tmp_path: Path) -> None:
    office = Office(tmp_path)
    _without_dana(office)
    case_id = _lock(office, OUTSIDER)
    office.linking._keep(case_id, "crm", SECURITY, "", "")
    office.work("revoke")
    assert _line(office, case_id).verdict is Verdict.ABSENT
    assert "no reason on record" in _line(office, case_id).how


def test_an_account_that_the_list_shows_and_the_lookup_does_not_is_a_finding(office: Office) -> None:
    _crm(office, Listing)
    case_id = _lock(office)
    assert _line(office, case_id).verdict is Verdict.ABSENT
    office.clock.pass_(days=1)
    for _day in range(2):
        [found] = office.audits.run_now(SECURITY).findings
        assert (found.kind, found.system, found.login) == (FindingKind.NEW_ACCOUNT, "crm", "dana")
        assert _line(office, case_id).verdict is Verdict.OPEN
