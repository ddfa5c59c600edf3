"""Words on the first screen of the messages people read most: a budget, counted as a reader sees them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.slack.messages import audit, case, details, home, proposal
from bot.slack.messages.blocks import Message
from config.text import shown
from connectors.contract import Verdict
from connectors.ldap import MANIFEST as LDAP
from connectors.tryton import MANIFEST as TRYTON
from tests.bot import samples
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.views import CaseView, FollowUpLine
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState

DATE = re.compile(r"<!date[^>]*>")


def seen(thing: Any) -> Iterator[str]:
    """Yield the texts that a reader sees without pressing anything."""
    if isinstance(thing, list | tuple):
        for part in thing:
            yield from seen(part)
    elif isinstance(thing, dict) and thing.get("type") != "overflow":
        if isinstance(thing.get("text"), str):
            yield thing["text"]
        for name, part in thing.items():
            if name not in ("confirm", "chart"):
                yield from seen(part)


def words(message: Message) -> int:
    return count(message.blocks)


def count(blocks: Any) -> int:
    text = DATE.sub("yesterday", " ".join(seen(blocks)))
    return len([word for word in text.split() if re.search(r"\w", word)])


def line(manifest: Any, how: str, done: tuple[str, ...], verdict: Verdict = Verdict.LOCKED, reason: str = "") -> Any:
    account = AccountLine(manifest.kind, "1", "dana.oneill", "mail", verdict, reason, how, samples.NOW, (), done)
    cannot = tuple(map(shown, manifest.cannot))
    return SystemLine(
        manifest.kind, shown(manifest.title), verdict, reason, how, samples.NOW, False, None, 1, (account,), cannot
    )


def real_case(*, bad: bool = False) -> CaseView:
    """Return a case as two real servers make it, a month after the lock-out."""
    refused, groups = (
        "locked; a log-in was tried and refused",
        [f"taken out of group {one}" for one in ("sales", "exporters", "vpn")],
    )
    verdict, reason = (Verdict.OPEN, "the account is enabled again") if bad else (Verdict.LOCKED, "")
    systems = (
        line(
            LDAP,
            "read pwdAccountLockedTime of uid=dana.oneill,ou=people,dc=northwind,dc=example",
            (refused, *groups),
            verdict,
            reason,
        ),
        line(
            TRYTON,
            "read active of user dana.oneill; all users read",
            ("locked", "3 sessions ended", "taken out of group Sales"),
        ),
    )
    moved = replace(
        samples.clients(samples.proposal(ProposalState.APPROVED)),
        listed=60,
        moved=60,
        left=0,
        rate=0.0,
        problems=(),
        complete=True,
        balance=("opportunity: 60 before = 60 after", "party: 20 before = 20 after"),
    )
    said = "directory: locked; crm: locked, 4 records stay, as the handover says"
    checks = tuple(
        FollowUpLine(
            f"f{day}",
            day,
            samples.NOW + timedelta(days=day),
            samples.NOW if day < 90 else None,
            said if day < 90 else "",
        )
        for day in (1, 7, 30, 90)
    )
    findings = (
        (replace(samples.finding(), system=LDAP.kind, changed_by="cn=admin,dc=northwind,dc=example"),) if bad else ()
    )
    view = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    return replace(
        view,
        systems=systems,
        clients=moved,
        exports="recorded at notice, lock, day 1; ldap keeps no export log",
        follow_ups=checks,
        findings=findings,
        can_undo=True,
    )


def test_a_case_fits_the_screen_of_a_phone() -> None:
    assert words(case.build(real_case(), samples.NOW)) <= 64  # 256 before the evidence went behind Details
    assert words(case.build(real_case(bad=True), samples.NOW)) <= 90  # 282


def test_what_the_case_does_not_say_stands_in_its_details() -> None:
    evidence = " ".join(seen(details.blocks(real_case())))
    for what in ("uid=dana.oneill,ou=people", "taken out of group vpn", "60 before = 60 after", "day 30: directory"):
        assert what in evidence
        assert what not in str(case.build(real_case(), samples.NOW).blocks)
    assert all(shown(limit) in evidence.replace("&#x27;", "'") for limit in LDAP.cannot[:2])


def test_an_audit_says_each_finding_in_one_sentence_and_many_in_one_table() -> None:
    assert words(audit.build(samples.audit(3), "audit-1")) <= 62  # 71
    assert words(audit.build(replace(samples.audit(0), by_verdict={Verdict.LOCKED: 28}), "audit-1")) <= 15
    for count in (15, 100):
        whole = audit.build(samples.audit(count), "audit-1")
        assert words(whole) <= 240
        assert whole.rest == (), "it fits, and the CSV has all"


def test_a_proposal_asks_before_it_lists() -> None:
    view = replace(samples.proposal(), asked_by="Hanna Lindqvist", last_day=samples.NOW)
    whole = proposal.build(view, samples.client_lines(proposal.PER_PAGE), 60)
    assert words(whole) <= 116  # 288


def test_home_is_short_on_a_quiet_day() -> None:
    one = [samples.case(CaseState.SCHEDULED, Verdict.UNKNOWN)]
    of_hr = home.Home(leaving=one, open=one, all_open=1, may_open=True, enrolled=True)
    assert count(home.build(of_hr)["blocks"]) <= 116  # 190 with the whole help
    of_manager = home.Home(leaving=one, own=one, waiting=[samples.proposal()])
    assert count(home.build(of_manager)["blocks"]) <= 74


def test_every_message_stays_within_the_size_that_slack_takes() -> None:
    for count in (1, 10, 30):
        view = samples.case(CaseState.RUNNING, *[Verdict.OPEN, Verdict.LOCKED, Verdict.UNKNOWN] * 10)
        assert case.build(replace(view, systems=view.systems[:count]), samples.NOW).rest == (), count
    for shares in (1, 20, 150):
        lines = samples.client_lines(proposal.PER_PAGE)
        assert proposal.build(samples.proposal(shares=shares), lines, 60).rest == (), shares
