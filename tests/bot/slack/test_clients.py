"""The clients of a proposal in Slack: search, change of successor, exclusion, assignment file."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.slack.client import web_client
from bot.slack.notifier import SlackNotifier
from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.sandbox.company.people import BY_UID, LEAVER, MANAGER
from tests.sandbox.slack.records import File, Message
from workflows.clients.split.assignment_file import MOST_BYTES, InvalidAssignmentFile
from workflows.clients.views import ExclusionLine, LineFault, Share
from workflows.people import Successor
from workflows.storage.rows.clients import ProposalState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage


def show(office: Office) -> Message:
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    notifier.show(OutboxMessage(id="p", kind=MessageKind.PROPOSAL, subject="proposal-1", channel=MANAGER.slack_id))
    return office.manager.messages()[-1]


def crowd(office: Office, successors: int, clients: int, name: str = "Colleague") -> None:
    """Set the number of colleagues and clients in the proposal."""
    heirs = tuple(Successor(f"s{n}@x.example", f"{name} {n}", f"s{n}@x.example") for n in range(successors))
    each = clients // successors
    shares = tuple(Share(one, 400, each, {"EUR": Decimal(1000 + n)}, 0, 7) for n, one in enumerate(heirs))
    office.handover.heirs = heirs
    office.handover.clients = samples.client_lines(clients, name)
    office.handover.proposal = replace(office.handover.proposal, shares=shares, families=clients, records=3 * clients)


@pytest.mark.parametrize("name", ["Colleague", "N" * 80, samples.NASTY])
@pytest.mark.parametrize("successors", [5, 150])
def test_nothing_is_cut_in_silence_at_any_size(office: Office, successors: int, name: str) -> None:
    crowd(office, successors, 20_000, name)
    message = show(office)
    assert office.slack.refused() == []
    text = said(message)
    assert "Clients 1 to 10 of 20,000" in text
    charts = [block for block in message.blocks if block["type"] == "data_visualization"]
    if successors == 5:
        assert len(charts[0]["chart"]["series"][0]["data"]) == 5
        return
    assert charts == []
    assert "130 more colleagues" in text
    office.manager.click(message, "All Colleagues")
    every = office.manager.modal("All colleagues")
    assert every.text.count("7 open deals") == 150
    assert office.slack.refused() == []


def test_a_slack_without_charts_gets_lines_alone(office: Office) -> None:
    office.slack.fault("chat.postMessage", "invalid_blocks")
    message = show(office)
    assert "data_visualization" not in {block["type"] for block in message.blocks}
    assert "*Bob Ross*: 10 clients" in said(message)
    office.slack.fault("chat.update", "invalid_blocks")
    office.manager.click(message, "Next")
    office.manager.wait_for(lambda: "Clients 11 to 20 of 45" in said(office.manager.messages()[0]))


def test_clients_are_searched_and_every_page_can_be_reached(office: Office) -> None:
    office.manager.click(show(office), "Find Clients")
    view = office.manager.modal("Clients")
    office.manager.wait_for(lambda: "Clients 1 to 25 of 45" in office.manager.modal("Clients").text)
    office.manager.modal("Clients").click("Next")
    office.manager.wait_for(lambda: "Clients 26 to 45 of 45" in office.manager.modal("Clients").text)
    office.manager.modal("Clients").fill("search", "acme 4")
    office.manager.wait_for(lambda: "Clients 1 to 6 of 6" in office.manager.modal("Clients").text)
    office.manager.modal("Clients").fill("search", "acme 1").submit()
    office.manager.wait_for(lambda: "Clients 1 to 11 of 11" in office.manager.modal("Clients").text)
    office.manager.modal("Clients").fill("search", "<!channel>")
    office.manager.wait_for(lambda: "An empty field shows all" in office.manager.modal("Clients").text)
    assert view.title == "Clients"


def test_of_150_colleagues_each_can_be_chosen(office: Office) -> None:
    crowd(office, 150, 300)
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    assert len(form.search("successor", "")) == 100
    assert form.search("successor", "s149@") == ["Colleague 149"]
    form.search("clients", "Colleague 299")
    form.fill("clients", ["line-299"]).fill("successor", "s149@x.example").submit()
    assert office.handover.reassigned == [(("line-299",), "s149@x.example")]


def test_all_clients_of_one_go_to_another_at_once(office: Office) -> None:
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    form.search("all_of", "carol")
    form.search("successor", "bob")
    form.fill("all_of", samples.CAROL.key).fill("successor", samples.BOB.key).submit()
    office.manager.modal("Changed")
    [(lines, key)] = office.handover.reassigned
    assert (len(lines), key) == (23, samples.BOB.key)


def test_a_colleague_who_is_not_listed_receives_clients_and_a_guest_does_not(office: Office) -> None:
    new = BY_UID["raj.patel"]
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    form.search("clients", "acme 7")
    form.search("successor", "bob")
    form.fill("clients", ["line-7"]).fill("successor", samples.BOB.key).fill("new_receiver", new.slack_id).submit()
    assert "Choose one colleague" in office.manager.modal("Change clients").errors["new_receiver"]
    form.close()
    office.slack.workspace.users[new.slack_id].is_restricted = True
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    form.search("clients", "acme 7")
    form.fill("clients", ["line-7"]).fill("new_receiver", new.slack_id).submit()
    assert "cannot receive clients" in office.manager.modal("This did not work").text
    assert office.handover.reassigned == []


def test_a_colleague_who_is_not_listed_is_passed_on_with_their_profile(office: Office) -> None:
    new = BY_UID["raj.patel"]
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    form.search("clients", "acme 7")
    form.fill("clients", ["line-7"]).fill("new_receiver", new.slack_id).submit()
    office.manager.modal("Changed")
    assert office.handover.reassigned == [(("line-7",), new.email)]
    assert office.handover.added == [Successor(new.email, new.name, new.email, new.slack_id)]


def test_a_file_may_name_a_colleague_who_is_not_listed(office: Office) -> None:
    new = BY_UID["raj.patel"]
    hand_in(office, f"client id,address\nparty:1,{new.email}\nparty:2,bob@x.example\nparty:3,ext@y.example\n".encode())
    office.manager.modal("Changed")
    known = Successor(new.email, new.name, new.email, new.slack_id)
    assert [one for one in office.handover.added if one.key != "bob@x.example"] == [
        known,
        Successor("ext@y.example", "ext@y.example", "ext@y.example"),
    ]


def test_who_may_not_receive_is_a_fault_of_their_line_beside_all_the_others(office: Office) -> None:
    guest = BY_UID["raj.patel"]
    office.slack.workspace.users[guest.slack_id].is_restricted = True
    faults = [LineFault(2, "no account"), LineFault(3, "is no successor"), LineFault(4, "is no successor")]
    office.handover.unfit = InvalidAssignmentFile(faults)
    rows = ("party:1,ext@y.example", f"party:2,{guest.email}", f"party:3,{LEAVER.email}")
    hand_in(office, "\n".join(("client id,address", *rows, "")).encode())
    text = office.manager.modal("This file has faults").text
    assert "3 lines have faults" in text
    assert "line 2: no account" in text
    assert f"line 3: {guest.name} cannot receive clients. This person is a guest" in text
    assert f"line 4: {LEAVER.name} cannot receive clients. This is the person who leaves" in text


def test_a_change_says_what_it_changed_and_whom_it_waits_for(office: Office) -> None:
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    form.search("clients", "acme 7")
    form.search("successor", "bob")
    form.fill("clients", ["line-7"]).fill("successor", samples.BOB.key).submit()
    text = office.manager.modal("Changed").text
    assert office.handover.proposal.why in text
    assert f"waits for approval by {samples.MAX.name}" in text


def test_only_a_file_moves_many_and_no_file_keeps_any(office: Office) -> None:
    office.manager.click(show(office), "Change Clients")
    assert "upload a CSV" in str(office.manager.modal("Change clients").blocks)
    office.manager.modal("Change clients").close()
    office.manager.click(show(office), "Keep Clients")
    assert "CSV" not in str(office.manager.modal("Keep clients").blocks)


def test_a_change_of_nothing_is_refused_at_the_fields(office: Office) -> None:
    office.manager.click(show(office), "Change Clients")
    form = office.manager.modal("Change clients")
    form.search("successor", "bob")
    form.fill("successor", samples.BOB.key).submit()
    assert "Choose at least one client" in office.manager.modal("Change clients").errors["clients"]


def test_clients_stay_with_a_reason_which_is_shown(office: Office) -> None:
    office.manager.click(show(office), "Keep Clients")
    form = office.manager.modal("Keep clients")
    form.search("clients", "acme 7")
    form.fill("clients", ["line-7"]).fill("reason", "a lawsuit <!here>").submit()
    office.manager.modal("Changed")
    assert office.handover.kept == [(("line-7",), "a lawsuit <!here>")]
    stays = ExclusionLine("a lawsuit <!here>", "Max Weber", samples.NOW, 1, 3)
    office.handover.proposal = replace(samples.proposal(ProposalState.APPROVED), kept=(stays,))
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    notifier.show(OutboxMessage(id="o", kind=MessageKind.OUTCOME, subject="proposal-1", channel=MANAGER.slack_id))
    told = said(office.manager.messages()[-1])
    assert "1 client (3 records) stays with Dana O'Neill: a lawsuit &lt;!here&gt; (decided by Max Weber)" in told


def hand_in(office: Office, content: bytes) -> None:
    file = File("F0CSV", "split.csv", "split.csv", data=content)
    office.slack.workspace.files[file.id] = file
    office.manager.click(show(office), "Upload CSV")
    form = office.manager.modal("Upload a CSV")
    form.fill("file", [file.payload(office.slack.workspace.base)]).submit()


def test_a_file_makes_a_new_version(office: Office) -> None:
    hand_in(office, b"client id,address\nparty:1,bob@x.example\n")
    assert "Version 2" in office.manager.modal("Changed").text
    assert office.handover.uploaded == [b"client id,address\nparty:1,bob@x.example\n"]
    assert "Replaced by a newer version" in said(office.manager.messages()[0])


def test_faults_of_a_file_are_told_by_line_in_private_all_of_them(office: Office) -> None:
    office.handover.unfit = InvalidAssignmentFile(
        [LineFault(n, "eve <!channel> is no successor") for n in range(2, 102)]
    )
    before = len(office.manager.messages())
    hand_in(office, b"client,address\n")
    text = office.manager.modal("This file has faults").text
    assert "100 lines have faults" in text
    assert "line 2: eve &lt;!channel&gt; is no successor" in text
    assert "60 more" in text
    assert "is in Handover's direct message" not in "".join(said(one) for one in office.manager.messages())
    assert b"101,eve" in (office.slack.workspace.files[max(office.slack.workspace.files, key=_number)].data or b"")
    assert "Replaced" not in said(office.manager.messages()[before])


def _number(file_id: str) -> int:
    digits = "".join(one for one in file_id if one.isdigit())
    return int(digits or 0)


def test_a_file_that_is_too_large_is_not_even_fetched(office: Office) -> None:
    hand_in(office, b"x" * (MOST_BYTES + 1))
    assert "more than 20 MB" in office.manager.modal("This did not work").text


def test_only_those_of_the_case_look_and_change(office: Office) -> None:
    message, bob = show(office), office.person(BY_UID["bob.ross"].slack_id)
    office.slack.workspace.channels[message.channel].members.add(bob.id)
    for label in ("Find Clients", "Change Clients", "Keep Clients", "Upload CSV"):
        bob.click(message, label)
    bob.wait_for(lambda: len(bob.ephemerals) == 4)
    assert bob.view is None


def test_an_old_message_opens_no_form(office: Office) -> None:
    message = show(office)
    office.handover.proposal = samples.proposal(version=2)
    for label in ("Change Clients", "Keep Clients", "Upload CSV"):
        office.manager.click(message, label, stale=True)
    office.manager.wait_for(lambda: len(office.manager.ephemerals) == 3)
    assert office.manager.view is None
