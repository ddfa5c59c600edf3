"""An unmodified Bolt app against the stand-in, over both transports."""

from collections.abc import Iterator

import pytest

from tests.sandbox.company.people import HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.slack import Command, SlackServer, Workspace
from tests.sandbox.slack.example import HttpBot, SocketBot, make_app


@pytest.fixture(params=["socket", "http"])
def slack(request: pytest.FixtureRequest) -> Iterator[SlackServer]:
    workspace = Workspace()
    workspace.app.commands["/slow"] = Command()
    with SlackServer(workspace, retry_after=(0.0, 0.1, 0.1)) as server:
        app = make_app(server)
        bot = SocketBot(server, app) if request.param == "socket" else HttpBot(server, app)
        yield server
        bot.stop()


def _start(slack: SlackServer) -> None:
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard", f"@{LEAVER.uid}", "offboarding")
    form = hr.modal()
    hr.wait_for(lambda: hr.view and hr.view.submit_label)
    assert form.value("Who leaves?") == LEAVER.slack_id
    form.fill("reason", "resigned <!channel> & left").fill("approver", HR.slack_id)
    assert form.submit().acked


def test_a_whole_story_with_a_refusal_a_form_and_a_decision(slack: SlackServer) -> None:
    other = slack.as_user(SECURITY.slack_id)
    assert other.command("/offboard", "@dana.oneill", "offboarding").payload["text"] == "<@U0DANAONEIL|dana.oneill>"
    refusal = other.wait_for(lambda: other.ephemerals[-1])
    assert "Only the People team" in refusal.text
    assert not other.messages("offboarding")
    _start(slack)
    hr = slack.as_user(HR.slack_id)
    request = hr.wait_for(lambda: hr.messages("offboarding")[-1])
    assert hr.view is None
    assert request.metadata["event_payload"] == {"case": "OB-1"}
    assert "resigned &lt;!channel&gt; &amp; left" in request.everything
    other.click(request, "Approve 3 Reassignments")
    other.wait_for(lambda: "Only <@" in other.ephemerals[-1].text)
    hr.click(request, "approve")
    hr.wait_for(lambda: "Approved by" in hr.messages("offboarding")[-1].everything)
    with pytest.raises(LookupError):
        hr.click(request, "approve")
    assert hr.click(request, "approve", stale=True).acked, "an old window can still send the old button"
    assert not slack.refused()


def test_the_apps_field_errors_stand_at_the_field(slack: SlackServer) -> None:
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard", f"@{LEAVER.uid}", "offboarding")
    hr.wait_for(lambda: hr.view and hr.view.submit_label)
    form = hr.modal()
    assert form.submit().problem == "invalid input"
    assert form.errors == {
        "approver": "Please complete this required field.",
        "reason": "Please complete this required field.",
    }
    form.fill("approver", LEAVER.slack_id).fill("reason", "x")
    form.submit()
    assert "can't approve" in form.errors["approver"]
    assert hr.view is not None
    assert form.search("successor", "car") == ["Carol Díaz"]
    assert form.fill("successor", "Carol Díaz").value("successor")["value"] == "Carol Díaz"
    with pytest.raises(LookupError):
        form.fill("successor", "Nobody")


def test_three_seconds_without_ack_is_operation_timeout(slack: SlackServer) -> None:
    hr = slack.as_user(HR.slack_id)
    delivery = hr.command("/slow")
    assert not delivery.acked
    assert hr.ephemerals[-1].text == '/slow failed with the error "operation_timeout"'


def test_home_is_published_on_opening_and_events_are_retried(slack: SlackServer) -> None:
    manager = slack.as_user(MANAGER.slack_id)
    slack.fault("events_api", "never", times=2)
    manager.home()
    home = manager.wait_for(lambda: manager.home_now)
    assert "Waiting on you" in home.text
    sent = slack.workspace.deliveries
    slack.wait_for(lambda: [(one.attempt, one.acked) for one in sent] == [(0, False), (1, False), (2, True)])


def test_a_double_click_reaches_the_app_twice(slack: SlackServer) -> None:
    _start(slack)
    hr = slack.as_user(HR.slack_id)
    request = hr.wait_for(lambda: hr.messages("offboarding")[-1])
    hr.click(request, "approve", times=2)
    slack.fault("interactive", "twice")
    hr.click(request, "decline", stale=True)
    acts = [
        one.payload["actions"][0]["action_id"]
        for one in slack.workspace.deliveries
        if one.payload.get("type") == "block_actions"
    ]
    assert sorted(acts) == ["approve", "approve", "decline", "decline"]
    assert slack.redeliver(slack.workspace.deliveries[-1]).kind == "interactive"
