"""Likely faults of a SCIM connector, planted one by one: each is caught by the test for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors.conformance.groups import GroupsSuite
from connectors.contract import Observation, Person, Verdict
from connectors.errors import ConnectorError
from connectors.http import Api
from connectors.identifiers import folded
from connectors.scim import bulk_observation, connector, filters, lookups, matches, membership_changes, service, wire
from connectors.scim.bulk_observation import Removals
from connectors.scim.faults import RequestRejected
from connectors.scim.membership_changes import MembershipChanges
from connectors.scim.memberships import Memberships
from connectors.scim.service import Progress, Service
from tests.conformance.planted import CAUGHT
from tests.connectors.scim import test_absence, test_locks, test_lookups, test_memberships, test_paging, test_sweep
from tests.connectors.scim.conftest import Open
from tests.connectors.scim.proxy import Act

GROUPS = GroupsSuite()
Plant = Callable[[pytest.MonkeyPatch], None]
Run = Callable[[Open], None]


def _truthy_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "truth", lambda value: None if value is None else bool(value))


def _no_version(patch: pytest.MonkeyPatch) -> None:
    write = service.Service.write

    def bare(
        one: service.Service, method: str, kind: str, account: str, _version: str, body: Mapping[str, Any]
    ) -> None:
        write(one, method, kind, account, "", body)

    patch.setattr(service.Service, "write", bare)


def _page_one_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(service, "following", lambda *_, **__: None)


def _an_empty_page_is_the_end(patch: pytest.MonkeyPatch) -> None:
    def lenient(page: wire.Page, seen: int, *, by_cursor: bool) -> Mapping[str, str] | None:
        return wire.following(page, seen, by_cursor=by_cursor) if page.records else None

    patch.setattr(service, "following", lenient)
    patch.setattr(Progress, "finish", lambda _: None)


def _believes_emptiness(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Service, "sees", lambda _: 1)


def _unescaped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(filters, "equals", lambda attribute, value: f'{attribute} eq "{value}"')


def _believes_the_filter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "matched_by", lambda *_: "userName")


def _matches_beginnings(patch: pytest.MonkeyPatch) -> None:
    def wrong(user: wire.User, who: Person) -> str:
        texts = [text for text in (*user.emails, user.login, user.external) if text]
        return "userName" * any(text.startswith(name) for text in texts for name in (*who.emails, *who.logins))

    patch.setattr(wire, "matched_by", wrong)


def _believes_every_total(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Progress, "may_go_on", lambda *_: False)


def _counts_repeats(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Progress, "finish", lambda _: None)


def _tries_in_one_case(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lookups, "LIST_AT_MOST", 0)
    patch.setattr(filters, "_swapped", lambda text: text)


def _proves_or_by_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lookups, "LIST_AT_MOST", 0)
    patch.setattr(filters, "_usable", lambda samples: [one for one in samples if one.value][:1])
    patch.setattr(filters, "_one_by_one", lambda *_, **__: replace(filters.UNTRIED, joined=True, sure=True))


def _hidden_is_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memberships, "_search", lambda *_, **__: [])


def _writes_to_whoever_answers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Service, "user", lambda self, account: wire.User.read(*self.resource(service.USERS, account)))


def _minds_case(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "key", lambda text: text)


def _gone_is_always_ours(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Removals, "explains", lambda self, _: self.removes)


def _gone_is_never_ours(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Removals, "explains", lambda *_: False)


def _unlisted_is_absent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        bulk_observation.BulkObservation, "_read", lambda *_, **_same: Observation(Verdict.ABSENT, "not in the list")
    )


def _reads_each(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bulk_observation, "FEW", 10_000)


def _around_refusals(patch: pytest.MonkeyPatch) -> None:
    for module in (connector, membership_changes):
        patch.setattr(module, "Unsupported", RequestRejected)


def _removes_all_members(patch: pytest.MonkeyPatch) -> None:
    right = wire.patch

    def wrong(*operations: Mapping[str, Any]) -> dict[str, Any]:
        return right(*({**one, "path": one["path"].partition("[")[0]} for one in operations))

    patch.setattr(wire, "patch", wrong)


def _puts_without_version(patch: pytest.MonkeyPatch) -> None:
    right = Service.write

    def wrong(self: Service, method: str, kind: str, group: str, version: str, body: Mapping[str, Any]) -> None:
        right(self, method, kind, group, "" if method == "PUT" else version, body)

    patch.setattr(Service, "write", wrong)


def _repeats_writes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Api, "write", Api.read)


def _no_trial(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(filters, "finds", lambda *_: True)
    patch.setattr(filters, "_tried", lambda *_: filters.ProbeResult(works=True))


def _believes_404(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        bulk_observation.BulkObservation,
        "_judge",
        lambda self, gone, _: {one: self._removals.gone(one, "by id") for one in gone},
    )


def _believes_no_match(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lookups.Lookups, "_proven", lambda *_: True)


def _has_no_doubts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(matches.MatchCollector, "doubts", lambda _: ())


def _compares_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MembershipChanges, "_report", lambda *_, **__: None)


def _folds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "key", folded)


def _inactive_when_unsaid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire, "verdict", lambda user: Verdict.OPEN if user.active else Verdict.LOCKED)


CASES: tuple[tuple[Plant, Run], ...] = (
    (_believes_404, lambda new: test_absence.test_a_server_that_finds_nobody_by_id_proves_nothing(new(), "removed")),
    (
        _believes_no_match,
        lambda new: test_absence.test_a_filter_that_hides_one_account_is_contradicted_by_the_list(new()),
    ),
    (
        _compares_nobody,
        lambda new: test_memberships.test_a_server_that_clears_the_group_is_stopped_and_everybody_is_named(new()),
    ),
    (_has_no_doubts, lambda new: test_absence.test_a_system_with_one_account_proves_nothing(new, 0)),
    (
        _folds,
        lambda new: test_absence.test_what_unicode_folds_together_is_asked_about_and_never_linked(
            new, True, "strauss@x.example", "strau\xdf@x.example"
        ),
    ),
    (
        _truthy_text,
        lambda new: test_locks.test_active_as_text_is_read_and_nonsense_is_unknown(new(), "False", Verdict.LOCKED),
    ),
    (
        _inactive_when_unsaid,
        lambda new: test_locks.test_active_as_text_is_read_and_nonsense_is_unknown(new(), "disabled", Verdict.UNKNOWN),
    ),
    (_no_version, lambda new: test_locks.test_the_write_insists_on_the_version_that_was_read(new())),
    (_no_version, lambda new: test_locks.test_a_change_between_read_and_write_is_a_conflict(new())),
    (
        _page_one_only,
        lambda new: test_lookups.test_the_last_of_hundreds_is_found_page_by_page(new, {"filters": False}, 100),
    ),
    (
        _an_empty_page_is_the_end,
        lambda new: test_lookups.test_a_list_that_breaks_off_is_never_an_empty_one(new, {"Resources": []}),
    ),
    (_believes_emptiness, lambda new: test_lookups.test_an_empty_company_is_not_believed(new(), {"totalResults": 0})),
    (
        _believes_emptiness,
        lambda new: test_sweep.test_no_such_object_for_everybody_is_trouble_and_not_absence(new(), 2),
    ),
    (_unescaped, lambda new: test_lookups.test_a_name_that_ends_its_quotes_is_found_by_a_filter(new())),
    (_believes_the_filter, lambda new: test_lookups.test_a_server_that_does_not_mind_filters_finds_nobody_else(new())),
    (_matches_beginnings, lambda new: test_lookups.test_a_server_that_does_not_mind_filters_finds_nobody_else(new())),
    (_believes_every_total, test_paging.test_a_total_that_counts_the_page_alone_ends_no_list),
    (_counts_repeats, test_paging.test_pages_that_overlap_are_no_whole_list),
    (
        _tries_in_one_case,
        lambda new: test_lookups.test_a_server_that_minds_case_hides_nobody_whom_the_directory_writes_otherwise(new()),
    ),
    (_proves_or_by_one, lambda new: test_lookups.test_or_is_proven_by_several_people_alone(new, 1)),
    (_hidden_is_nobody, lambda new: test_memberships.test_members_that_are_shown_nowhere_are_not_nobody(new())),
    (_around_refusals, lambda new: test_memberships.test_a_group_is_not_put_where_a_patch_is_disliked(new())),
    (
        _writes_to_whoever_answers,
        lambda new: test_locks.test_nothing_is_written_to_somebody_whom_the_server_shows_in_anothers_place(new()),
    ),
    (_minds_case, lambda new: test_lookups.test_one_request_finds_by_all_attributes_whatever_their_case(new())),
    (_gone_is_always_ours, test_locks.test_gone_without_our_lock_is_absent),
    (_gone_is_never_ours, test_locks.test_a_removal_whose_answer_was_lost_is_still_ours),
    (
        _unlisted_is_absent,
        lambda new: test_sweep.test_who_is_hidden_in_lists_is_asked_for_before_being_absent(new, True),
    ),
    (
        _no_trial,
        lambda new: (
            test_lookups.test_every_match_is_found_where_the_server_refuses_filters_or_answers_them_with_nothing(
                new(), test_lookups._without_or, True
            )
        ),
    ),
    (
        _no_trial,
        lambda new: test_memberships.test_groups_are_found_where_filters_by_member_are_refused(new(), "members", True),
    ),
    (_reads_each, lambda new: test_sweep.test_a_few_of_very_many_take_few_requests(new())),
    (_around_refusals, lambda new: test_locks.test_a_refusal_is_not_got_around_by_put(new())),
    (_removes_all_members, lambda new: GROUPS.test_remove_takes_out_one_member_of_one_group(new())),
    (
        _puts_without_version,
        lambda new: test_memberships.test_who_joins_while_the_whole_group_is_put_is_not_thrown_out(new()),
    ),
    (_repeats_writes, lambda new: test_locks.test_no_answer_to_a_write_is_unknown_and_not_repeated(new(), Act.LOSE)),
)


@pytest.mark.parametrize(("plant", "run"), CASES, ids=lambda value: value.__name__.strip("_"))
def test_a_planted_fault_is_caught(open_world: Open, monkeypatch: pytest.MonkeyPatch, plant: Plant, run: Run) -> None:
    plant(monkeypatch)
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        run(open_world)
    assert isinstance(caught.value, (*CAUGHT, ConnectorError)), caught.value
