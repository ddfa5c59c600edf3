"""The page in Chromium: a story by keyboard and mouse; nothing that people wrote becomes markup or leaves loopback."""

import re

import httpx
from playwright.sync_api import Browser, Route, expect

from bot.text import mrkdwn
from tests.sandbox.company.people import HR, LEAVER, SECURITY
from tests.sandbox.slack import SlackServer, seed
from tests.sandbox.slack.api.views import build
from tests.sandbox.slack.look_messages import NASTY
from tests.sandbox.slack.records import JSON
from tests.sandbox.watched import Watched


def test_a_story_from_command_to_decision(slack: SlackServer, watched: Watched) -> None:
    page = watched.page
    page.click(f"[data-place={seed.OFFBOARDING}]")
    page.keyboard.type("/off")
    expect(page.locator("#hints [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.type("@dana")
    page.keyboard.press("Enter")
    expect(page.locator("#composer-text")).to_have_value(f"/offboard @{LEAVER.uid} ")
    page.keyboard.press("Enter")
    modal = page.locator("#modal")
    expect(modal.locator("h2")).to_have_text("Offboard a colleague")
    expect(modal.get_by_role("combobox", name="Who leaves?")).to_have_value(LEAVER.name)
    modal.get_by_role("button", name="Start Offboarding").click()
    expect(modal.locator(".wrong")).to_have_count(2)
    modal.get_by_role("combobox", name="Who approves the clients?").fill("hanna")
    page.keyboard.press("Enter")
    modal.get_by_label("At the end of the last working day").check()
    modal.get_by_label("Last working day").last.fill("2026-11-30")
    modal.get_by_role("combobox", name="Successor").fill("car")
    expect(modal.locator(".choices:visible li")).to_contain_text("Carol Díaz")
    page.keyboard.press("Enter")
    modal.get_by_label("Reason").fill(NASTY)
    modal.get_by_role("button", name="Start Offboarding").click()
    expect(modal).to_be_hidden()
    sent = next(one.payload for one in slack.workspace.deliveries if one.payload.get("type") == "view_submission")
    state = sent["view"]["state"]["values"]
    assert state["when"]["when"]["selected_option"]["value"] == "later"
    assert state["day"]["day"]["selected_date"] == "2026-11-30"
    assert state["heir"]["successor"]["selected_option"]["value"] == "Carol Díaz"
    assert state["reason"]["text"]["value"] == NASTY
    request = page.locator("article", has_text="Reassign 3 clients?")
    expect(request).to_contain_text(NASTY.replace("*not bold*", "not bold"))
    request.get_by_role("button", name="Approve 3 Reassignments").click()
    page.locator("#confirm").get_by_role("button", name="Approve").click()
    expect(request).to_contain_text("Approved by @Hanna Lindqvist")
    expect(request).to_contain_text("(edited)")
    expect(request.get_by_role("button", name="Approve 3 Reassignments")).to_have_count(0)
    expect(page.locator(".story .done")).to_have_count(2)


def test_a_link_to_a_message_opens_it_in_the_page(watched: Watched) -> None:
    page = watched.page
    page.click(f"[data-place={seed.OFFBOARDING}]")
    ts = page.locator("#feed article").first.get_attribute("data-ts") or ""
    made = """([id, ts]) => document.querySelector("#place").append(
        anchor(`${location.origin}/archives/${id}/p${ts.replace(".", "")}`, "Open the message"))"""
    page.click(f"[data-place={seed.GENERAL}]")
    page.evaluate(made, [seed.OFFBOARDING, ts])
    page.get_by_role("link", name="Open the message").click()
    expect(page.locator(f'#feed article[data-ts="{ts}"]')).to_be_in_viewport()
    assert page.url.startswith(f"{page.evaluate('location.origin')}/?as="), "the page itself stays open"


def test_what_people_write_stays_text(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#feed")).to_contain_text(NASTY.replace("*not bold*", "not bold"))
    assert page.locator("#feed script, #feed img").count() == 0
    expect(page.locator("#feed .loud")).to_have_count(0)
    page.locator("#composer-text").click()
    page.keyboard.type("<b>x</b> <!channel> *bold* `code`")
    page.keyboard.press("Enter")
    mine = page.locator("article", has_text="<b>x</b>").last
    expect(mine).to_contain_text("<b>x</b> <!channel> bold code")
    assert mine.locator("b").count() == 0
    expect(mine.locator("strong").last).to_have_text("bold")


def test_what_the_bot_quotes_formats_nothing(watched: Watched) -> None:
    page = watched.page
    page.locator("#composer-text").click()
    page.keyboard.insert_text(f"*{mrkdwn('a *b* _c d_ ~e~ `f` ```g``` :tada: dana_o_neill 16:41:00')}*")
    page.keyboard.press("Enter")
    mine = page.locator("article", has_text="dana_o_neill").last
    expect(mine).to_contain_text("dana_o_neill 16:41:00")
    expect(mine.locator(".b-text strong")).to_have_count(1)
    expect(mine.locator(".b-text").locator("em, s, code, pre, .emoji")).to_have_count(0)


def test_what_can_be_seen_can_be_used_before_the_servers_speak(browser: Browser, slack: SlackServer) -> None:
    page, held = browser.new_page(), list[Route]()
    page.route("**/ui/panel*", lambda route: held.append(route))  # noqa: PLW0108 - a builtin cannot be wrapped there
    page.goto(f"{slack.url}/?as={HR.slack_id}")
    page.wait_for_selector("article")
    page.click("#me")
    expect(page.locator("#switch input")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#composer-text").fill("sent at once")
    page.keyboard.press("Enter")
    expect(page.locator("article", has_text="sent at once")).to_have_count(1)
    assert held, "the panel was asked for and has not come"
    page.close()


def test_who_becomes_another_while_the_page_is_being_drawn_comes_where_they_wanted(
    slack: SlackServer, browser: Browser
) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.goto(f"{slack.url}/?as={HR.slack_id}")
    page.wait_for_selector("#places button")
    page.route(f"**/ui/state?user={HR.slack_id}", lambda route: held.append(route))  # noqa: PLW0108
    page.evaluate("void refresh()")
    while not held:
        page.wait_for_timeout(20)
    page.evaluate(f"become('{SECURITY.slack_id}', '{seed.SECURITY_ALERTS}')")
    for route in held:
        route.continue_()
    expect(page.locator("#me")).to_contain_text(SECURITY.name)
    expect(page.locator("#place")).to_contain_text("security-alerts")
    page.close()


def show(slack: SlackServer) -> None:
    """Open a form with a file, and a search at its very end, in front of HR."""
    label = {"type": "plain_text", "text": "CSV file"}
    file = {"type": "file_input", "action_id": "file", "filetypes": ["csv"], "max_files": 1}
    heir = {"type": "external_select", "action_id": "successor", "min_query_length": 0}
    form: JSON = {
        "type": "modal",
        "callback_id": "upload",
        "title": {"type": "plain_text", "text": "Upload"},
        "submit": {"type": "plain_text", "text": "Upload"},
        "blocks": [
            {"type": "input", "block_id": "file", "label": label, "element": file},
            {"type": "input", "block_id": "heir", "label": {"type": "plain_text", "text": "Go to"}, "element": heir},
        ],
    }
    slack.workspace.stacks[HR.slack_id] = [build(slack.workspace, HR.slack_id, form)]
    slack.workspace.touch()


def test_a_file_is_handed_in_and_another_kind_is_refused(slack: SlackServer, watched: Watched) -> None:
    modal, workspace = watched.page.locator("#modal"), slack.workspace
    show(slack)
    modal.get_by_role("button", name="Upload").click()
    expect(modal.locator(".wrong:visible")).to_have_count(2)
    chooser = modal.get_by_label("CSV file")
    chooser.set_input_files({"name": "list.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(modal.locator("[data-block=file] .wrong:visible")).to_have_text(re.compile("list.txt is not one of"))
    for name in ("wrong.csv", "split.csv"):
        chooser.set_input_files({"name": name, "mimeType": "text/csv", "buffer": f"address\n{name}\nß\n".encode()})
        expect(modal.locator(".chip")).to_contain_text(name)
    expect(modal.locator("[data-block=file] .wrong:visible")).to_have_count(0)
    modal.get_by_role("combobox", name="Go to").fill("car")
    expect(modal.locator(".choices:visible li")).to_contain_text("Carol Díaz")
    watched.page.keyboard.press("Enter")
    modal.get_by_role("button", name="Upload").click()
    sent = slack.wait_for(
        lambda: [one.payload for one in workspace.deliveries if one.payload.get("type") == "view_submission"]
    )
    [file] = sent[-1]["view"]["state"]["values"]["file"]["file"]["files"]
    assert (file["name"], workspace.files[file["id"]].data) == ("split.csv", "address\nsplit.csv\nß\n".encode())


def test_the_choices_of_the_last_field_are_seen_whole_with_what_they_say(slack: SlackServer, watched: Watched) -> None:
    show(slack)
    modal = watched.page.locator("#modal")
    modal.get_by_role("combobox", name="Go to").click()
    choice = modal.locator(".choices:visible li").last
    expect(choice).to_contain_text("now 12 clients")
    expect(choice).to_be_in_viewport(ratio=1)


def test_a_form_that_the_app_changes_meanwhile_lets_one_go_on_choosing(slack: SlackServer, watched: Watched) -> None:
    show(slack)
    modal = watched.page.locator("#modal")
    modal.get_by_role("combobox", name="Go to").press_sequentially("car")
    expect(modal.locator(".choices:visible li")).to_contain_text("Carol Díaz")
    [view] = slack.workspace.stacks[HR.slack_id]
    view.body["title"]["text"], view.hash = "Upload it", f"{view.hash} changed"
    slack.workspace.touch()
    expect(modal.locator("h2")).to_have_text("Upload it")
    expect(modal.locator(".choices:visible li")).to_contain_text("Carol Díaz")
    watched.page.keyboard.type("ol")
    watched.page.keyboard.press("Enter")
    expect(modal.get_by_role("combobox", name="Go to")).to_have_value("Carol Díaz")


def test_half_a_client_is_on_no_axis(slack: SlackServer, watched: Watched) -> None:
    points = [{"label": name, "value": value} for name, value in (("Bob", 11), ("Carol", 12))]
    axes = {"categories": ["Bob", "Carol"]}
    bars = {"type": "bar", "series": [{"name": "Clients", "data": points}], "axis_config": axes}
    block = {"type": "data_visualization", "title": "Clients", "chart": bars}
    slack.workspace.post(seed.GENERAL, slack.workspace.app.bot_user, {"text": "Clients", "blocks": [block]})
    watched.page.click(f"[data-place={seed.GENERAL}]")
    expect(watched.page.locator("svg.chart .tick.end")).to_have_text(["0", "5", "10", "15"])


def test_only_the_person_meant_sees_a_private_note(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("article.only")).to_contain_text("Only visible to you")
    page.click("#me")
    page.fill("#switch input", "Okafor")
    page.click(f"[data-person={SECURITY.slack_id}]")
    expect(page.locator("#me")).to_contain_text(SECURITY.name)
    expect(page.locator("article").first).to_be_visible()
    expect(page.locator("article.only")).to_have_count(0)


def test_tables_sort_and_page_and_their_buttons_act(slack: SlackServer, watched: Watched) -> None:
    page = watched.page
    page.click(f"[data-place={seed.ACCESS_AUDIT}]")
    rows = page.locator(".data-table tbody tr")
    expect(rows).to_have_count(5)
    page.get_by_role("button", name="Days", exact=True).click()
    page.get_by_role("button", name="Days", exact=True).click()
    expect(rows.first).to_contain_text("42")
    rows.first.get_by_role("button", name="Lock Again").click()
    slack.wait_for(lambda: slack.workspace.deliveries[-1].payload["actions"][0]["value"] == "row-6")
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(2)
    expect(page.locator("svg.chart")).to_have_count(2)
    expect(page.locator(".csv")).to_contain_text("Kunde 0, GmbH")


def test_threads_home_and_the_clock(slack: SlackServer, watched: Watched) -> None:
    page = watched.page
    page.click(f"[data-place={seed.OFFBOARDING}]")
    page.get_by_role("button", name="2 replies").click()
    page.get_by_label("Reply", exact=True).fill("Thanks")
    page.keyboard.press("Enter")
    expect(page.locator(".thread-feed article")).to_have_count(4)
    page.keyboard.press("Escape")
    before = page.locator(".clock").inner_text()
    page.get_by_role("button", name="+30 days").click()
    expect(page.locator(".clock")).not_to_have_text(before)
    page.click("[data-place=home]")
    expect(page.locator(".home")).to_contain_text("Waiting on you")


def test_unread_channels_are_marked_at_once(slack: SlackServer, watched: Watched) -> None:
    page = watched.page
    page.click(f"[data-place={seed.OFFBOARDING}]")
    page.click(f"[data-place={seed.GENERAL}]")
    expect(page.locator(f"[data-place={seed.OFFBOARDING}] .count")).to_have_count(0)
    slack.as_user(SECURITY.slack_id).say("hello", "offboarding")
    expect(page.locator(f"[data-place={seed.OFFBOARDING}] .count")).to_have_text("1 unread")


def test_a_narrow_window_still_reaches_everything(browser: Browser, slack: SlackServer) -> None:
    one = Watched(browser, slack.url, 390)
    one.page.get_by_role("button", name="Show channels").click()
    one.page.click(f"[data-place={seed.OFFBOARDING}]")
    expect(one.page.locator("#place")).to_contain_text("offboarding")
    one.page.get_by_role("button", name="Story and servers").click()
    expect(one.page.locator(".truth").first).to_be_in_viewport()
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert one.faults == []
    one.page.close()


def test_another_site_cannot_act_for_a_person(slack: SlackServer) -> None:
    body = {"user": HR.slack_id, "channel": seed.GENERAL, "text": "x"}
    assert httpx.post(f"{slack.url}/ui/say", data=body, timeout=60).status_code == 415
    assert httpx.get(f"{slack.url}/", headers={"Host": "evil.example"}, timeout=60).status_code == 403
    assert "script-src 'self'" in httpx.get(f"{slack.url}/", timeout=60).headers["Content-Security-Policy"]
