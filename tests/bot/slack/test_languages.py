"""The language of each reader: own choice, Slack's hint, company; of channels, answers, forms and later updates."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.slack import languages as module
from bot.slack.languages import Languages
from config.settings import Settings
from tests.bot import workplace as workplaces
from tests.bot.fakes import FakeLanguages
from tests.bot.workplace import Workplace, make_settings, said, workplace_in
from tests.marking import tag_languages
from tests.sandbox.company.people import HR, MANAGER
from tests.sandbox.slack import seed
from workflows.storage.store import StorageFailed

TAG = re.compile(r"\[(pl|ru|zh_Hans|zh_Hant)\]")


def settings(company: str = "en", channel: str = "", *, use_locale: bool = True) -> Settings:
    made = make_settings()
    return made.model_copy(
        update={
            "company": made.company.model_copy(update={"language": company}),
            "slack": made.slack.model_copy(update={"channel_language": channel or None, "use_locale": use_locale}),
        }
    )


def languages(locale: str, chosen: str = "", **given: Any) -> Languages:
    choices = FakeLanguages()
    choices.chosen["U1"] = chosen
    return Languages(settings(**given), choices, lambda _user: locale)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (languages("zh-CN", "pl", company="ru"), "pl"),
        (languages("zh-TW", company="ru"), "zh_Hant"),
        (languages("zh-TW", company="ru", use_locale=False), "ru"),
        (languages("en-US", company="ru"), "ru"),
        (languages("de-DE", company="pl"), "pl"),
        (languages("zh-CN", "en"), "en"),
        (languages(""), "en"),
    ],
)
def test_the_own_choice_goes_before_slacks_hint_before_the_company(made: Languages, expected: str) -> None:
    assert made.person("U1") == expected
    assert made.at("D1", "U1") == made.at("U1") == made.asker({"user": {"id": "U1"}}) == expected
    assert made.asker({"event": {"user": "U1"}}) == made.asker({"user_id": "U1"}) == expected


def test_a_channel_has_its_own_language_or_the_companys() -> None:
    assert languages("zh-CN", company="pl").at("C1") == languages("zh-CN", company="pl").at("D1") == "pl"
    assert languages("zh-CN", company="pl", channel="ru").at("G1", "U1") == "ru"
    assert languages("zh-CN", company="pl").asker({"event": {}}) == "pl"


def test_slack_is_asked_once_and_never_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    answer, asked = threading.Event(), list[str]()

    def slowly(user: str) -> str:
        asked.append(user)
        answer.wait(60)
        return "zh-CN"

    made = Languages(settings("pl"), FakeLanguages(), slowly)  # type: ignore[arg-type]
    assert made.asker({"user_id": "U1"}) == "pl"
    answer.set()
    assert [made.person("U1"), made.person("U1")] == ["zh_Hans", "zh_Hans"]
    assert asked == ["U1"]


def test_rows_or_a_slack_that_fail_make_nobody_mute() -> None:
    class Broken(FakeLanguages):
        def get(self, user: str) -> str:
            raise StorageFailed("gone")

    def refuse(_user: str) -> str:
        raise OSError("no network")

    assert Languages(settings("ru"), Broken(), refuse).person("U1") == "ru"  # type: ignore[arg-type]


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    """A workplace whose channels are Russian, where HR's Slack is Chinese."""

    def in_russian(api_url: str) -> Settings:
        made = make_settings(api_url)
        return made.model_copy(update={"slack": made.slack.model_copy(update={"channel_language": "ru"})})

    tag_languages(monkeypatch)
    monkeypatch.setattr(workplaces, "make_settings", in_russian)
    with workplace_in(tmp_path) as opened:
        opened.slack.workspace.users[HR.slack_id].locale = "zh-CN"
        yield opened


def spoken(words: str) -> set[str]:
    return set(TAG.findall(words))


def test_everybody_reads_their_own_language_and_a_channel_its_own(firm: Workplace) -> None:
    manager = firm.manager
    manager.home()
    manager.wait_for(lambda: manager.home_now and "Language of what" in manager.home_now.text)
    assert manager.home_now
    assert spoken(manager.home_now.text) == set()
    manager.home_now.fill("choose_language", "polski (unreviewed translation)")
    manager.wait_for(lambda: manager.home_now and "[pl] You have nothing to do." in manager.home_now.text)
    assert firm.services.languages.get(MANAGER.slack_id) == "pl"
    case_id = firm.propose(3)
    assert spoken(said(firm.post(f"case:{case_id}"))) == {"ru"}
    assert {tag for one in manager.messages() for tag in spoken(said(one))} == {"pl"}
    [asked] = [one for one in manager.messages() if "Decline" in said(one)]
    manager.click(asked, "[pl] Decline")
    manager.wait_for(lambda: manager.view and spoken(manager.view.text) == {"pl"})
    firm.hr.command("/offboard", "list")
    answer = firm.private(firm.hr, "[zh_Hans]")
    assert spoken(said(answer)) == {"zh_Hans"}
    assert firm.slack.refused() == []


def test_a_direct_message_keeps_its_readers_language_when_it_is_updated(firm: Workplace) -> None:
    firm.services.languages.set(MANAGER.slack_id, "pl")
    firm.hand_over(3)
    assert {tag for one in firm.manager.messages() for tag in spoken(said(one))} == {"pl"}
    assert {one.recipient for one in firm.posts().values()} == {"", MANAGER.slack_id, HR.slack_id}
    firm.services.languages.set(MANAGER.slack_id, "")
    assert firm.services.languages.get(MANAGER.slack_id) == ""
    assert seed.OFFBOARDING in {one.channel for one in firm.posts().values() if not one.recipient}
