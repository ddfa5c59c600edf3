"""Approval requests in each person's message: decisions, awaited people, buttons only before an answer."""

from dataclasses import replace

import pytest

from bot.slack.client import web_client
from bot.slack.members import SlackMembers
from bot.slack.messages import home, proposal, requests, share
from bot.slack.messages.home import Home
from bot.slack.notifier import SlackNotifier
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.bot.samples import BOB, CAROL, MAX, NOW
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.slack.records import Message
from workflows.clients.views import DecisionView, ProposalView, RequestView
from workflows.people import Successor
from workflows.ports import DeliveryFailed
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState, RequestState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

ADA = Successor("ada@x.example", samples.NASTY, "ada@x.example", "U0ADA")
MANAGED = RequestView("p#manager", "manager", 1, RequestState.WAITING, (MAX,), ())
BOARD = RequestView(
    "p#board",
    "board",
    2,
    RequestState.WAITING,
    (ADA, CAROL),
    (DecisionView(ADA, ADA, True, NOW),),
    expires_at=NOW,
    escalated_at=NOW,
    problem="Eve: is deactivated",
)
SHARE = RequestView("p#receiver-1", "receiver", 1, RequestState.WAITING, (BOB,), (), share=BOB)
WAITING = replace(samples.proposal(), requests=(MANAGED, BOARD, SHARE))


def labels(view: ProposalView, viewer: str) -> set[str]:
    made = proposal.build(view, samples.client_lines(3), 3, viewer=viewer)
    every = [one for block in made.blocks if block["type"] == "actions" for one in block["elements"]]
    return {one["text"]["text"] for one in every if one["type"] == "button"}


def words(view: ProposalView) -> str:
    return "\n".join(str(block["text"]["text"]) for block in requests.blocks(view))


def test_the_message_says_who_has_decided_and_who_is_awaited() -> None:
    told = words(WAITING)
    assert f"*Approver*: waiting for {MAX.name}" in told
    assert "*board, 1 of 2*: ✓ approved by" in told
    assert f"waiting for {CAROL.name}, escalated" in told
    assert "problem: Eve: is deactivated" in told
    assert "<!channel>" not in told
    assert f"*{BOB.name}, for their own share*" in told


def test_one_approver_alone_needs_no_list() -> None:
    assert requests.blocks(replace(WAITING, requests=(MANAGED,))) == []
    assert requests.blocks(samples.proposal()) == []


def test_who_has_answered_or_is_not_asked_has_nothing_to_press() -> None:
    assert "Approve 60 Records" in labels(WAITING, MAX.slack_id)
    assert "Approve 60 Records" in labels(WAITING, CAROL.slack_id)
    for nothing in (ADA.slack_id, "U0STRANGER"):
        assert not {"Approve 60 Records", "Decline"} & labels(WAITING, nothing)


def test_a_void_word_a_delegate_and_an_expiry_are_said() -> None:
    void = DecisionView(ADA, ADA, True, NOW, void="is deactivated")
    board = replace(
        BOARD, decisions=(void, DecisionView(CAROL, BOB, True, NOW, reason="fine")), state=RequestState.EXPIRED
    )
    away = replace(MANAGED, delegates={MAX.slack_id: CAROL})
    told = words(replace(WAITING, requests=(away, board)))
    assert "which no longer counts: is deactivated" in told
    assert f"{CAROL.name} for {BOB.name}" in told
    assert f"{MAX.name} (away: {CAROL.name})" in told
    expired = replace(WAITING, state=ProposalState.EXPIRED, settled_at=NOW, requests=(away, board))
    assert "expired without an answer" in words(expired)
    assert "not everybody answered in time" in proposal.outcome(expired)


@pytest.fixture
def own(office: Office) -> Message:
    """Return Bob's message about his own share."""
    office.handover.proposal = WAITING
    for place, line in enumerate(office.handover.records):
        office.handover.records[place] = replace(line, successor=BOB if place < 25 else CAROL)
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    bob = BY_UID["bob.ross"].slack_id
    notifier.show(OutboxMessage(id="q", kind=MessageKind.PROPOSAL, subject=f"proposal-1@{bob}", channel=bob))
    return office.person(bob).messages()[-1]


def test_a_receiver_sees_their_own_share_and_no_more(office: Office, own: Message) -> None:
    told = said(own)
    assert "Take over 25 records" in told
    assert "Records 1 to 10 of 25" in told
    assert CAROL.name not in told
    assert "Take 25 Records" in told
    bob = office.person(BY_UID["bob.ross"].slack_id)
    bob.click(own, "Next")
    bob.wait_for(lambda: "Records 11 to 20 of 25" in said(bob.messages()[0]))
    assert office.slack.refused() == []


def shares(view: ProposalView, viewer: str) -> str:
    made = share.build(view, view.requests[-1], samples.lines(3), 3, 0, viewer)
    return "\n".join(str(block) for block in made.blocks)


def test_a_stand_in_is_not_told_that_clients_become_theirs() -> None:
    own, other = shares(WAITING, BOB.slack_id), shares(WAITING, CAROL.slack_id)
    assert "would become yours" in own
    assert "yours" not in other
    assert f"would go to {BOB.name}. You decide while {BOB.name} is away" in other
    assert f"for {BOB.name}?" in other


def test_a_settled_share_asks_no_question_any_more() -> None:
    told = shares(replace(WAITING, state=ProposalState.DECLINED, settled_by="Max", settled_at=NOW), BOB.slack_id)
    assert "records of Dana O'Neill: declined" in told
    assert "?" not in told.splitlines()[0]
    assert "would become" not in told


def test_the_home_tab_asks_a_receiver_about_their_own_share_alone() -> None:
    mine = Home(waiting=[WAITING], user=BOB.slack_id)
    records = next(one.records for one in WAITING.shares if one.successor.key == BOB.key)
    assert f"Take over {records} records of" in str(home.build(mine))
    assert "Approve the handover" not in str(home.build(mine))
    assert "Approve the handover" in str(home.build(replace(mine, user=MAX.slack_id)))


def test_a_receiver_opens_nothing_of_the_whole_proposal(office: Office, own: Message) -> None:
    """Return a click that no message offers to this person, as forged or from a forwarded message."""
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    notifier.show(OutboxMessage(id="p", kind=MessageKind.PROPOSAL, subject="proposal-1", channel=MANAGER.slack_id))
    whole = office.person(MANAGER.slack_id).messages()[-1]
    bob = office.person(BY_UID["bob.ross"].slack_id)
    offered = ("Find Clients", "Change Clients", "Keep Clients", "Get CSV", "Upload CSV")
    for label in offered:
        bob.click(whole, label, stale=True)
    bob.wait_for(lambda: len(bob.ephemerals) == len(offered))
    assert bob.view is None
    assert (office.handover.kept, office.handover.reassigned, office.handover.uploaded) == ([], [], [])


def test_members_are_looked_up_with_every_flag(office: Office) -> None:
    members = SlackMembers(web_client(office.services.settings.slack))
    user = office.slack.workspace.users[MANAGER.slack_id]
    found = members.find(MANAGER.slack_id)
    assert found is not None
    assert (found.name, found.email, found.timezone, found.standing) == (
        MANAGER.name,
        MANAGER.email,
        MANAGER.timezone,
        "",
    )
    for flag in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"):
        setattr(user, flag, True)
        changed = members.find(MANAGER.slack_id)
        assert changed is not None
        assert changed.standing, flag
        setattr(user, flag, False)
    user.team = "T0OTHER"
    elsewhere = members.find(MANAGER.slack_id)
    assert elsewhere is not None
    assert elsewhere.standing == "is not known to belong to this Slack workspace"
    assert members.find("U0NOBODY") is None
    assert members.group("S0NOGROUP") == ()
    office.slack.fault("users.info", "internal_error", times=3)
    with pytest.raises(DeliveryFailed):
        members.find(MANAGER.slack_id)
    office.slack.fault("usergroups.users.list", "internal_error", times=3)
    with pytest.raises(DeliveryFailed):
        members.group("S0NOGROUP")


def case_message(office: Office) -> Message:
    case = samples.case(CaseState.RUNNING, Verdict.LOCKED)
    office.offboarding.known["case-1"] = replace(case, clients=samples.clients(WAITING))
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    channel = office.services.settings.slack.case_channel
    notifier.show(OutboxMessage(id="c", kind=MessageKind.CASE, subject="case-1", channel=channel))
    return office.hr.messages("offboarding")[-1]


def test_hr_asks_somebody_else_where_who_is_asked_cannot(office: Office) -> None:
    shown = case_message(office)
    assert "problem: Eve: is deactivated" in said(shown)
    office.hr.click(shown, f"{requests.ASK}:board")
    office.hr.modal("Ask someone else").fill("who", BY_UID["raj.patel"].slack_id).submit()
    assert "direct message" in office.hr.modal("Asked").text
    assert office.handover.appointed == [(BY_UID["raj.patel"].slack_id, "board", f"slack:{HR.slack_id}")]
    office.hr.click(shown, f"{requests.ASK}:manager")
    office.hr.modal("Ask someone else").fill("who", LEAVER.slack_id).submit()
    assert "is leaving" in office.hr.modal("This did not work").text
    assert office.slack.refused() == []


def test_nobody_else_names_an_approver(office: Office) -> None:
    shown = case_message(office)
    raj = office.person(BY_UID["raj.patel"].slack_id)
    office.slack.workspace.channels[shown.channel].members.add(raj.id)
    raj.click(shown, f"{requests.ASK}:board")
    office.private(raj, "not allowed")
    assert office.handover.appointed == []
