"""The bot's own account in the application, the administrators there, and the number of people."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from config.secrets import FileSecret
from connectors.contract import Verdict
from connectors.errors import BadCredential, Missing, Unavailable
from connectors.scim.connector import Scim as Connector
from connectors.scim.settings import ScimSettings
from tests.connectors.scim.world import ScimWorld

ME = {"id": "bot-1", "userName": "handover"}


class _Answers(BaseHTTPRequestHandler):
    """Answers `/Me` as configured, and counts its requests."""

    status, asked, page = 200, 0, b""

    def do_GET(self) -> None:
        type(self).asked += self.path.endswith("/Me")
        body = json.dumps(ME).encode()
        if self.page:
            body = self.page if self.path.endswith("/Me") else b'{"totalResults": 1, "Resources": [{"id": "1"}]}'
        self.send_response(type(self).status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def answers() -> Iterator[tuple[type[_Answers], str]]:
    kind = type("Answers", (_Answers,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield kind, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _connector(url: str, own_account: str = "") -> Connector:
    token = SecretStr("t")
    return Connector(ScimSettings(url=url, token=token, inactive_means="suspended", own_account=own_account))


def test_me_is_asked_once_and_gives_the_stable_id(answers: tuple[type[_Answers], str]) -> None:
    kind, url = answers
    connector = _connector(url)
    assert [connector.own_account() for _ in range(3)] == ["bot-1"] * 3
    assert kind.asked == 1


@pytest.mark.parametrize("status", [404, 403, 501, 400])
def test_most_servers_have_no_me_and_that_is_nobody(answers: tuple[type[_Answers], str], status: int) -> None:
    kind, url = answers
    kind.status = status
    connector = _connector(url)
    assert [connector.own_account() for _ in range(2)] == ["", ""]
    assert kind.asked == 1


def test_a_server_in_trouble_is_asked_again_and_nobody_is_guessed(answers: tuple[type[_Answers], str]) -> None:
    kind, url = answers
    kind.status = 503
    connector = _connector(url)
    with pytest.raises(Unavailable):
        connector.own_account()
    kind.status = 200
    assert connector.own_account() == "bot-1"


def test_a_page_for_people_in_place_of_me_is_no_me_where_the_list_is_one(answers: tuple[type[_Answers], str]) -> None:
    kind, url = answers
    kind.page = b"<!doctype html>"
    assert _connector(url).own_account() == ""


def test_the_setting_comes_first(answers: tuple[type[_Answers], str]) -> None:
    kind, url = answers
    assert _connector(url, own_account="robot").own_account() == "robot"
    assert kind.asked == 0


def test_the_practice_server_has_no_me(world: ScimWorld) -> None:
    assert world.connect().own_account() == ""


def test_administrators_through_groups_within_groups(world: ScimWorld) -> None:
    one, two, three = list(world.truth())[:3]
    world.server.change(two, active=False)
    inner = world.server.add_group("inner", [two, "nobody-any-more"])
    outer = world.server.add_group("Admins", [one, inner])
    found = world.connect().administrators("admins")
    assert {(each.id, each.verdict) for each in found} == {(one, Verdict.OPEN), (two, Verdict.LOCKED)}
    assert three not in {each.id for each in world.connect().administrators(outer)}
    assert list(world.connect().administrators("")) == []
    for name in ("nobody knows", "adm*"):
        with pytest.raises(Missing):
            world.connect().administrators(name)


def test_two_groups_of_one_name_are_not_guessed_between(world: ScimWorld) -> None:
    for _ in range(2):
        world.server.add_group("Admins", list(world.truth())[:1])
    with pytest.raises(Missing, match="2 groups"):
        world.connect().administrators("Admins")


def test_people_are_counted_by_the_servers_own_total(world: ScimWorld) -> None:
    assert world.connect(page_size=2).headcount() == len(world.truth())


def test_a_token_renewed_in_its_file_is_taken_without_a_restart(world: ScimWorld, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("old-token", encoding="utf-8")
    connector = world.connect(token=FileSecret(file))
    with pytest.raises(BadCredential, match="without a restart") as refused:
        connector.check()
    assert "old-token" not in str(refused.value)
    file.write_text(world.server.token, encoding="utf-8")
    assert connector.check()
