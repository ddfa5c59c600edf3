"""Locking on servers with versions, without them, with other dialects, and with removal of inactive users."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, BeforeImage, Change, Person, Verdict
from connectors.errors import Conflict, ConnectorError, Forbidden, Missing, OutcomeUnknown, Unavailable
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.proxy import Act, Fault
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.scim import Call


def _refuse(status: int, *methods: str, times: int = 1_000) -> "_Refusals":
    return _Refusals(status, methods, times)


class _Refusals:
    """Refuses the first requests of some methods."""

    def __init__(self, status: int, methods: tuple[str, ...], times: int) -> None:
        self.status, self.methods, self.left = status, methods, times

    def __call__(self, call: Call) -> int:
        if call.method not in self.methods or not self.left:
            return 0
        self.left -= 1
        return self.status


def _active(world: ScimWorld, account: AccountId) -> object:
    return world.server.users()[account]["active"]


def test_the_write_insists_on_the_version_that_was_read(world: ScimWorld) -> None:
    account, connector = world.add(newcomer()), world.connect()
    version = world.server.users()[account]["meta"]["version"]
    connector.lock(connector.before(account))
    [call] = world.server.asked("PATCH")
    assert call.headers.get("if-match") == version


def test_a_change_between_read_and_write_is_a_conflict(world: ScimWorld) -> None:
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)

    def meanwhile(call: Call) -> int:
        if call.method == "PATCH":
            world.server.change(account, title="Promoted a moment ago")
        return 0

    world.server.manners.refuse = meanwhile
    with pytest.raises(Conflict):
        connector.lock(before)
    assert _active(world, account) is True


def test_a_server_that_never_matches_weak_versions_is_asked_without(world: ScimWorld) -> None:
    world.server.manners.refuse = lambda call: 412 if "if-match" in call.headers else 0
    account, connector = world.add(newcomer()), world.connect()
    assert connector.lock(connector.before(account)).change is Change.MADE
    assert _active(world, account) is False


@pytest.mark.parametrize("version", [True, False])
def test_a_server_that_says_yes_and_does_nothing_is_found_out(open_world: Open, version: bool) -> None:
    world = open_world(etag=version)
    world.server.manners.refuse = _refuse(204, "PATCH", "PUT")
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)
    if version:
        connector.lock(before)
    else:
        with pytest.raises(Conflict, match="still active"):
            connector.lock(before)
    assert connector.observe([account])[account].verdict is Verdict.OPEN


def test_a_server_that_dislikes_paths_gets_the_form_without(world: ScimWorld) -> None:
    world.server.manners.refuse = _refuse(400, "PATCH", times=1)
    account, connector = world.add(newcomer()), world.connect()
    assert connector.lock(connector.before(account)).change is Change.MADE
    assert (_active(world, account), len(world.server.asked("PATCH"))) == (False, 2)


@pytest.mark.parametrize("status", [405, 501])
def test_put_where_patch_is_announced_and_not_there(world: ScimWorld, status: int) -> None:
    world.server.manners.refuse = _refuse(status, "PATCH")
    account, connector = world.add(newcomer()), world.connect()
    truth = dict(world.server.users()[account])
    connector.lock(connector.before(account))
    after = dict(world.server.users()[account])
    assert [after.pop("active"), truth.pop("active")] == [False, True]
    assert {**after, "meta": None} == {**truth, "meta": None}


def test_a_refusal_is_not_got_around_by_put(world: ScimWorld) -> None:
    world.server.manners.refuse = _refuse(400, "PATCH")
    account, connector = world.add(newcomer()), world.connect()
    with pytest.raises(Conflict):
        connector.lock(connector.before(account))
    assert world.server.asked("PUT") == []


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (404, Missing), (409, Conflict), (412, Conflict)])
def test_refused_writes_are_their_errors_and_are_sent_once(
    world: ScimWorld, status: int, error: type[ConnectorError]
) -> None:
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)
    world.server.manners.refuse = _refuse(status, "PATCH", "PUT")
    with pytest.raises(error) as caught:
        connector.lock(before)
    assert type(caught.value).__mro__.index(error) <= 1
    assert world.server.writes() <= 1 + (status == 412)


def test_a_change_meanwhile_is_a_conflict_whatever_is_announced_about_versions(world: ScimWorld) -> None:
    none = {"etag": {"supported": False}}
    world.server.manners.rewrite = lambda call, body: body | none if call.path == "/ServiceProviderConfig" else body
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)

    def meanwhile(call: Call) -> int:
        if call.method == "PUT":
            with world.server.storage.lock:
                kind = world.server._service.get_resource_type("User")
                stored: Any = world.server.storage.get(kind, account)
                stored.title = "Promoted"
                world.server.storage.update(kind, stored)
        return 501 * (call.method == "PATCH")

    world.server.manners.refuse = meanwhile
    with pytest.raises(Conflict):
        connector.lock(before)
    assert world.server.users()[account].get("title") == "Promoted"


def test_a_server_that_insists_on_a_version_and_says_it_has_none_gets_one(open_world: Open) -> None:
    world = open_world()
    none = {"etag": {"supported": False}}
    world.server.manners.rewrite = lambda call, body: body | none if call.path == "/ServiceProviderConfig" else body
    world.server.manners.refuse = lambda call: 428 * (call.method == "PATCH" and "if-match" not in call.headers)
    account, connector = world.add(newcomer()), world.connect()
    group = world.add_group("team", [account])
    assert connector.lock(connector.before(account)).change is Change.MADE
    assert connector.remove(account, group) is Change.MADE
    assert _active(world, account) is False
    assert world.members(group) == set()


def test_nothing_is_written_to_somebody_whom_the_server_shows_in_anothers_place(world: ScimWorld) -> None:
    account, other = world.add(newcomer()), world.add(newcomer())
    connector = world.connect()
    before = connector.before(account)
    world.server.manners.rewrite = lambda call, body: (
        body | {"id": other} if call.method == "GET" and call.path == f"/Users/{account}" else body
    )
    for call in (connector.lock, connector.unlock):
        with pytest.raises(Conflict, match="another account"):
            call(before)
    assert (world.writes(), _active(world, other)) == (0, True)


# -- network faults


@pytest.mark.parametrize("act", [Act.LOSE, Act.HANG, Act.RESET])
def test_no_answer_to_a_write_is_unknown_and_not_repeated(world: ScimWorld, act: Act) -> None:
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)
    if act is Act.RESET:
        world.server.manners.refuse = _refuse(200, "PATCH")  # an answer with a body, to be cut
    with world.proxy.fault(Fault(act, "PATCH")), pytest.raises(OutcomeUnknown):
        connector.lock(before)
    world.server.manners.refuse = lambda _: 0
    assert world.server.writes() == (act is not Act.HANG)
    again = connector.lock(before)
    assert again.change is (Change.ALREADY if act is Act.LOSE else Change.MADE)
    assert _active(world, account) is False


def test_busy_without_a_time_is_waited_out(world: ScimWorld) -> None:
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)
    with world.proxy.fault(Fault(Act.STATUS, "PATCH", times=2, answer="429 Too Many Requests")):
        assert connector.lock(before).change is Change.MADE
    assert world.server.writes() == 1


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_busy_for_long_says_how_long(world: ScimWorld, status: str) -> None:
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)
    busy = Fault(Act.STATUS, "PATCH", answer=f"{status}\r\nRetry-After: 120")
    with world.proxy.fault(busy), pytest.raises(Unavailable) as caught:
        connector.lock(before)
    assert caught.value.retry_after == timedelta(seconds=120)
    assert (world.server.writes(), _active(world, account)) == (0, True)


def test_a_failing_server_leaves_it_unknown(world: ScimWorld) -> None:
    account, connector = world.add(newcomer()), world.connect()
    before = connector.before(account)
    with world.proxy.fault(Fault(Act.STATUS, "PATCH", answer="502 Bad Gateway")), pytest.raises(OutcomeUnknown):
        connector.lock(before)


# -- the meanings of inactive


def test_where_inactive_users_are_removed_gone_is_locked_and_said_so(open_world: Open) -> None:
    world = open_world()
    world.server.manners.removes = True
    account, connector = world.add(newcomer()), world.connect(inactive_means="removed")
    before = connector.before(account)
    locked = connector.lock(before)
    assert account not in world.server.users()
    assert (locked.change, "removed" in locked.detail) == (Change.MADE, True)
    seen = connector.observe([account])[account]
    assert (seen.verdict, "removes such users" in seen.how) == (Verdict.LOCKED, True)
    assert connector.lock(before).change is Change.ALREADY
    with pytest.raises(Missing, match="created anew"):
        connector.unlock(before)


def test_gone_without_our_lock_is_absent(open_world: Open) -> None:
    world = open_world()
    world.server.manners.removes = True
    account, other = world.add(newcomer()), world.add(newcomer())
    connector = world.connect(inactive_means="removed")
    before = connector.before(account)
    connector.lock(connector.before(other))
    world.server.delete(account)
    assert connector.observe([account])[account].verdict is Verdict.ABSENT
    with pytest.raises(Missing):
        connector.lock(before)
    assert world.connect(inactive_means="removed").observe([other])[other].verdict is Verdict.ABSENT


def test_a_removal_whose_answer_was_lost_is_still_ours(open_world: Open) -> None:
    world = open_world()
    world.server.manners.removes = True
    account, connector = world.add(newcomer()), world.connect(inactive_means="removed")
    before = connector.before(account)
    with world.proxy.fault(Fault(Act.LOSE, "PATCH")), pytest.raises(OutcomeUnknown):
        connector.lock(before)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED


def test_a_refused_lock_does_not_explain_that_somebody_is_gone(open_world: Open) -> None:
    world = open_world()
    account, connector = world.add(newcomer()), world.connect(inactive_means="removed")
    world.server.manners.refuse = _refuse(403, "PATCH", "PUT")
    with pytest.raises(Forbidden):
        connector.lock(connector.before(account))
    world.server.delete(account)
    assert connector.observe([account])[account].verdict is Verdict.ABSENT


def test_where_the_setting_is_wrong_the_read_back_says_so(open_world: Open) -> None:
    world = open_world(etag=False)
    world.server.manners.removes = True
    account, connector = world.add(newcomer()), world.connect()
    assert "inactive_means should be removed" in connector.lock(connector.before(account)).detail
    assert connector.observe([account])[account].verdict is Verdict.ABSENT


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("False", Verdict.LOCKED),
        ("false", Verdict.LOCKED),
        (0, Verdict.LOCKED),
        ("True", Verdict.OPEN),
        (None, Verdict.UNKNOWN),
        ("", Verdict.UNKNOWN),
        ("disabled", Verdict.UNKNOWN),
        ([False], Verdict.UNKNOWN),
    ],
)
def test_active_as_text_is_read_and_nonsense_is_unknown(world: ScimWorld, said: object, verdict: Verdict) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()

    def mangle(call: Call, body: dict[str, object]) -> dict[str, object]:
        for one in [body, *body.get("Resources", [])]:  # type: ignore[misc]
            if isinstance(one, dict) and "userName" in one:
                one["active"] = said
        return body

    world.server.manners.rewrite = mangle
    seen = connector.observe([account])[account]
    assert (seen.verdict, bool(seen.reason)) == (verdict, verdict is not Verdict.LOCKED)
    assert [one.verdict for one in connector.find(Person("", (), (who.login,))).accounts] == [verdict]
    if verdict is Verdict.LOCKED:
        assert connector.lock(connector.before(account)).change is Change.ALREADY


def test_an_account_that_says_nothing_of_active_can_be_locked_and_unlocked(open_world: Open) -> None:
    world = open_world()
    account, connector = AccountId(world.server.add_user("quiet", active=None)), world.connect()
    before = connector.before(account)
    assert before.state == {"active": "unknown"}
    connector.lock(before)
    assert _active(world, account) is False
    assert connector.unlock(before) is Change.MADE
    assert _active(world, account) is True


def test_unlock_leaves_alone_who_was_inactive_before(world: ScimWorld) -> None:
    account, connector = AccountId(world.server.add_user("left.earlier", active=False)), world.connect()
    before: BeforeImage = connector.before(account)
    assert connector.lock(before).change is Change.ALREADY
    assert connector.unlock(before) is Change.ALREADY
    assert _active(world, account) is False


@pytest.mark.parametrize("identifier", ["..", ".", "", "../ServiceProviderConfig", "a/b", "?x=1", "#"])
def test_an_odd_id_stays_one_segment(world: ScimWorld, identifier: str) -> None:
    connector, account = world.connect(), AccountId(identifier)
    with pytest.raises(Missing):
        connector.before(account)
    assert connector.observe([account])[account].verdict is Verdict.ABSENT
    with pytest.raises(Missing):
        connector.lock(replace(connector.before(AccountId(world.server.user_id("max.weber"))), account=account))
