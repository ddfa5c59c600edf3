"""The split with the company's data: rates of exchange, present load, stages, segments; and what is not known."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.policies import Policies
from config.client_book import CurrencySettings
from connectors.errors import Forbidden
from tests.workflows.memory import World
from tests.workflows.office import services_on
from tests.workflows.splits import book
from tests.workflows.stage import BOB, CAROL, LEAVER, Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy, ProposalSummary, required
from workflows.clients.rates import Rates
from workflows.clients.split.allocation import AllocationRule, AllocationTarget, allocate
from workflows.clients.split.rules import AllocationPolicy
from workflows.clients.views import Preview
from workflows.storage.rows.case import Strategy

RATES = Rates("EUR", {"USD": Decimal("0.5")}, date(2026, 3, 1), 45)


def preview(folder: Path, world: World, policy: AllocationPolicy, strategy: Strategy = Strategy.BALANCED) -> Preview:
    folder.mkdir(exist_ok=True)
    stage = Stage(folder, world.system(), successors=(BOB, CAROL), strategy=strategy)
    handover = services_on(stage.context, stage.members, Policies(approvals=stage.policy, allocation=policy)).handover
    return handover.proposals.preview(LEAVER, (BOB, CAROL), strategy, b"")


def families(seen: Preview) -> dict[str, int]:
    return {one.successor.key: one.families for one in seen.shares}


def currencies(*amounts: tuple[int, str]) -> World:
    world = crm(records=0)
    for number, (value, currency) in enumerate(amounts):
        world.record(f"deal:{number}", "dana", family=f"party:{number}", value=value, currency=currency)
    return world


def test_values_are_compared_by_the_companys_rates(tmp_path: Path) -> None:
    world = currencies((1000, "USD"), (300, "EUR"), (200, "EUR"))  # 500, 300 and 200 EUR
    seen = preview(tmp_path, world, AllocationPolicy(rates=RATES))
    assert sorted(families(seen).values()) == [1, 2]
    assert seen.notes == ()
    [alone] = [one for one in seen.shares if one.families == 1]
    assert alone.value == {"USD": Decimal(1000)}  # the two in EUR are worth as much


@pytest.mark.parametrize("rates", [None, RATES])
def test_currencies_without_a_rate_are_said_not_to_be_compared(tmp_path: Path, rates: Rates | None) -> None:
    world = currencies((1000, "CHF"), (300, "EUR"), (200, "EUR"))
    [note] = preview(tmp_path, world, AllocationPolicy(rates=rates)).notes
    assert "Values in CHF, EUR are not compared" in note
    assert ("CHF has no rate" if rates else "no table of rates") in note


def test_one_currency_needs_no_rate(tmp_path: Path) -> None:
    assert preview(tmp_path, currencies((10, "CHF"), (20, "CHF")), AllocationPolicy()).notes == ()


def test_old_rates_are_said(tmp_path: Path) -> None:
    old = Rates("EUR", {"USD": Decimal("0.5")}, date(2025, 12, 1), 45)
    [note] = preview(tmp_path, currencies((10, "USD"), (20, "EUR")), AllocationPolicy(rates=old)).notes
    assert note == "Values are compared by rates of 2025-12-01, which are old."


def loaded(records: int) -> World:
    world = currencies(*[(10, "EUR")] * 6)
    for number in range(records):
        world.record(f"own:{number}", "bob", family=f"own:{number}")
    return world


def test_who_has_a_large_book_gets_less(tmp_path: Path) -> None:
    world = loaded(4)
    counted = preview(tmp_path / "counted", world, AllocationPolicy(counts_present_load=True))
    assert families(counted) == {BOB.key: 1, CAROL.key: 5}
    [note] = counted.notes
    assert "Bob Ross 4, Carol Díaz 0" in note
    assert families(preview(tmp_path / "usual", world, AllocationPolicy())) == {BOB.key: 3, CAROL.key: 3}


def test_a_load_that_cannot_be_read_is_said_and_is_not_none(tmp_path: Path) -> None:
    world = loaded(4)
    world.fail("count", Forbidden("the scope books:read is missing"), times=9)
    seen = preview(tmp_path, world, AllocationPolicy(counts_present_load=True))
    assert families(seen) == {BOB.key: 3, CAROL.key: 3}
    [note] = seen.notes
    assert "do not count" in note
    assert "lacks a permission" in note


def test_a_load_counts_in_the_evenness_too() -> None:
    people = [AllocationTarget("a", owned=30), AllocationTarget("b")]
    done = allocate(book(*[(1, 10)] * 20), people, Strategy.BALANCED)
    assert set(done.chosen.values()) == {"b"}
    assert done.notes == ()  # no split is more even


def test_a_rule_takes_clients_by_the_stage_of_an_open_deal(tmp_path: Path) -> None:
    world = crm(records=0)
    world.record("deal:0", "dana", family="party:0", stage="Negotiation")
    world.record("deal:1", "dana", family="party:1", stage="Negotiation", open=False)
    world.record("deal:2", "dana", family="party:2", stage="Lead")
    rule = AllocationRule(frozenset({("stage", "negotiation")}), (CAROL.key,))
    one = AllocationPolicy((rule,), {BOB.key: AllocationTarget(BOB.key), CAROL.key: AllocationTarget(CAROL.key)})
    seen = preview(tmp_path, world, one, Strategy.RULES)
    assert families(seen) == {CAROL.key: 1, BOB.key: 2}


RULE = AdditionalApproval("director", ("U0EVE",), above_value={"EUR": Decimal(1000)})


@pytest.mark.parametrize(
    ("rates", "amounts", "asked"),
    [
        (RATES, {"USD": Decimal(1900)}, False),  # 950 EUR
        (RATES, {"USD": Decimal(1900), "EUR": Decimal(100)}, True),
        (RATES, {"CHF": Decimal(1)}, True),  # no rate leads to the limit
        (None, {"USD": Decimal(1)}, True),
    ],
)
def test_a_currency_without_a_limit_is_converted_or_above(
    rates: Rates | None, amounts: dict[str, Decimal], asked: bool
) -> None:
    policy = ApprovalPolicy(rules=(RULE,), rates=rates)
    needed = required(ProposalSummary(1, amounts), policy, LEAVER, BOB, (CAROL,))
    assert (len(needed) == 2) is asked


def test_the_base_has_no_rate() -> None:
    with pytest.raises(ValidationError, match="EUR is the base"):
        CurrencySettings(base="EUR", as_of=date(2026, 3, 1), rates={"EUR": Decimal(1)})
