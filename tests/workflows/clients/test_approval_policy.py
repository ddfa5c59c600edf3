"""The people who must agree, as a pure function of a proposal and the company's rules; and a person's business days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.business_days import business_days_later
from workflows.clients.approval_policy import (
    AdditionalApproval,
    ApprovalPolicy,
    ApprovalRole,
    ProposalSummary,
    required,
    same_person,
)
from workflows.people import Leaver, Successor

DANA = Leaver("Dana", "dana@x.example", "U0DANA")


def person(name: str) -> Successor:
    return Successor(f"{name}@x.example", name.capitalize(), f"{name}@x.example", f"U0{name.upper()}")


MAX, BOB, CAROL = person("max"), person("bob"), person("carol")
DIRECTOR = AdditionalApproval(
    "director",
    ("U0EVE",),
    above_clients=100,
    above_value={"EUR": Decimal(1000), "USD": Decimal(2000)},
    sensitivity=("key",),
)


def asked(
    summary: ProposalSummary, *rules: AdditionalApproval, receivers: bool = False, approver: Successor = MAX
) -> list[str]:
    policy = ApprovalPolicy(receivers=receivers, rules=rules)
    return [need.share or need.role for need in required(summary, policy, DANA, approver, (BOB, CAROL))]


def book(clients: int = 1, tiers: str = "", **value: int) -> ProposalSummary:
    amounts = {currency: Decimal(amount) for currency, amount in value.items()}
    return ProposalSummary(clients, amounts, (BOB.key, CAROL.key), frozenset(tiers.split()))


@pytest.mark.parametrize(
    ("summary", "second"),
    [
        (book(), False),
        (book(100), False),
        (book(101), True),
        (book(EUR=1000), False),
        (book(EUR=1001), True),
        (book(USD=2000), False),
        (book(EUR=500, USD=1000), False),
        (book(EUR=500, USD=1001), True),  # parts of their limits add up: nobody splits a book over two currencies
        (book(CHF=1), True),  # a currency without a limit is above any
        (book(CHF=0), False),
        (book(tiers="key"), True),
        (book(tiers="usual Key"), True),
        (book(tiers="usual"), False),
    ],
)
def test_a_second_role_is_asked_above_a_limit(summary: ProposalSummary, second: bool) -> None:
    assert asked(summary, DIRECTOR) == ([ApprovalRole.MANAGER, "director"] if second else [ApprovalRole.MANAGER])


def test_a_rule_without_conditions_is_always_asked() -> None:
    assert asked(book(0), AdditionalApproval("works council", ("S0COUNCIL",))) == [
        ApprovalRole.MANAGER,
        "works council",
    ]


def test_receivers_agree_to_their_own_share_and_nobody_is_asked_twice() -> None:
    assert asked(book(), receivers=True) == [ApprovalRole.MANAGER, BOB.key, CAROL.key]
    assert asked(book(), receivers=True, approver=BOB) == [ApprovalRole.MANAGER, CAROL.key]
    two_accounts = Successor("b", "Bob again", "BOB@x.example", "U0BOB2")
    assert asked(book(), receivers=True, approver=two_accounts) == [ApprovalRole.MANAGER, CAROL.key]
    nothing = ProposalSummary(1, {}, (CAROL.key,))
    assert asked(nothing, receivers=True) == [ApprovalRole.MANAGER, CAROL.key]


names = st.sampled_from(["max", "bob", "carol", "eve", "dana"])
rules = st.lists(
    st.builds(
        AdditionalApproval,
        st.sampled_from(["director", "council", "board"]),
        st.lists(names.map(lambda name: f"U0{name.upper()}"), min_size=1, unique=True).map(tuple),
        above_clients=st.none() | st.integers(0, 50),
        above_value=st.dictionaries(st.sampled_from(["EUR", "USD"]), st.decimals(1, 100, places=0), max_size=2),
        sensitivity=st.lists(st.sampled_from(["key", "vip"]), max_size=2).map(tuple),
    ),
    unique_by=lambda rule: rule.name,
)
summaries = st.builds(
    ProposalSummary,
    st.integers(0, 100),
    st.dictionaries(st.sampled_from(["EUR", "USD", "CHF"]), st.decimals(0, 200, places=0)),
    st.lists(st.sampled_from([BOB.key, CAROL.key, MAX.key, "dana@x.example"]), unique=True).map(tuple),
    st.frozensets(st.sampled_from(["key", "vip", "usual"])),
)


@given(summaries, rules, st.booleans(), st.sampled_from([MAX, BOB]))
def test_the_approver_is_always_asked_and_the_leaver_never_by_name(
    summary: ProposalSummary, given_rules: list[AdditionalApproval], receivers: bool, approver: Successor
) -> None:
    policy = ApprovalPolicy(receivers=receivers, rules=tuple(given_rules))
    takers = (MAX, BOB, CAROL, person("dana"))
    needs = required(summary, policy, DANA, approver, takers)
    assert needs[0].people == (approver,)
    named = [one for need in needs for one in need.people]
    assert not any(same_person(one, other) for n, one in enumerate(named) for other in named[n + 1 :])
    assert "U0DANA" not in {one.slack_id for one in named}
    assert {need.share for need in needs if need.role == ApprovalRole.RECEIVER} <= set(summary.shares)


@given(summaries, rules, st.integers(0, 50), st.sampled_from(["EUR", "CHF"]))
def test_more_in_a_book_never_asks_fewer(
    summary: ProposalSummary, given_rules: list[AdditionalApproval], more: int, currency: str
) -> None:
    value = {**summary.value, currency: summary.value.get(currency, Decimal(0)) + more}
    bigger = ProposalSummary(summary.clients + more, value, summary.shares, summary.tiers | {"vip"})
    roles = [
        {need.role for need in required(one, ApprovalPolicy(rules=tuple(given_rules)), DANA, MAX, (BOB,))}
        for one in (summary, bigger)
    ]
    assert roles[0] <= roles[1]


@pytest.mark.parametrize(
    ("start", "days", "zone", "country", "end"),
    [
        ("2026-11-23T10:00", 1, "UTC", "", "2026-11-24T10:00"),
        ("2026-11-27T16:00", 1, "UTC", "", "2026-11-30T16:00"),  # Friday to Monday
        ("2026-11-28T16:00", 1, "UTC", "", "2026-12-01T00:00"),  # what begins on Saturday has the whole of Monday
        ("2026-12-24T09:00", 1, "Europe/Berlin", "DE", "2026-12-28T09:00"),  # Christmas is a holiday there
        ("2026-12-24T09:00", 1, "Europe/Berlin", "", "2026-12-25T09:00"),
        ("2026-11-26T09:00", 1, "Asia/Jerusalem", "IL", "2026-11-29T09:00"),  # their weekend is Friday and Saturday
        ("2026-10-23T09:00", 1, "Europe/Berlin", "", "2026-10-26T10:00"),  # same time of day across the change of hour
        ("2026-11-23T23:30", 1, "Pacific/Auckland", "NZ", "2026-11-24T23:30"),
    ],
)
def test_business_days_are_those_of_the_person(start: str, days: int, zone: str, country: str, end: str) -> None:
    began = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert business_days_later(began, days, zone, country) == datetime.fromisoformat(end).replace(tzinfo=UTC)


YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(0, 500_000), st.integers(0, 15), st.sampled_from(["", "DE", "IL"]))
def test_a_later_day_is_never_earlier(minute: int, days: int, country: str) -> None:
    start = YEAR + timedelta(minutes=minute)
    one, two = (business_days_later(start, n, "Europe/Berlin", country) for n in (days, days + 1))
    assert start <= one < two
