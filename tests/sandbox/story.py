"""The main story: HR offboards, the manager approves, the audit finds a re-opened account.

Each step acts as a person in Slack and waits for the visible effect. The true state is read from the servers
themselves, never from the connectors. `Chapter.claims` has the bot's claims, `Chapter.facts` the servers' state.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER, SECURITY, Employee
from tests.sandbox.practice import Practice
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.forms import OpenView
from tests.sandbox.slack.records import Message, words

SUCCESSORS = ("bob.ross", "carol.diaz", "li.wei")
LOCKED_OUT = "is locked out of 2 of 2 systems"
DAY = 86_400.0


@dataclass
class Chapter:
    """One step of the story: what the bot said and what the servers say, per system."""

    title: str
    seconds: float = 0.0
    said: str = ""
    claims: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def true(self) -> bool:
        """Return whether the bot's claims equal the servers' state."""
        return self.claims == self.facts


def filled(
    person: Person, form: OpenView, successors: Sequence[Employee], reason: str = "other", strategy: str = "single"
) -> OpenView:
    """Fill in a lock-out at once, and the form about clients where the plan has any; return the last form."""
    form.fill("when", "now").fill("reason", reason)
    if form.submit_label == "Start Offboarding":
        return form
    form.submit()
    last = person.wait_for(
        lambda: person.view if person.view and person.view.submit_label == "Start Offboarding" else None
    )
    last.fill("approver", MANAGER.slack_id).fill("successors", [one.slack_id for one in successors])
    return last.fill("strategy", strategy)


class Story:
    """The practice company's busiest day."""

    def __init__(self, practice: Practice, tell: Callable[[Chapter], None]) -> None:
        self._practice = practice
        self._tell = tell
        self.chapters: list[Chapter] = []

    def play(self) -> list[Chapter]:
        """Play everything; report each chapter at its end."""
        for title, step in (
            ("HR offboards Dana now", self._offboard),
            ("Security sees what Dana exported", self._see_exports),
            ("Max approves the handover", self._approve),
            ("The clients move", self._move),
            ("A day later the audit reads everything", self._audit),
            ("Someone re-opens Dana's account; the audit catches it", self._catch),
            ("Security locks it again", self._lock_again),
            ("The journal is proven", self._verify),
        ):
            started = time.monotonic()
            chapter = Chapter(title)
            step(chapter)
            chapter.seconds = round(time.monotonic() - started, 2)
            self.chapters.append(chapter)
            self._tell(chapter)
        return self.chapters

    def _offboard(self, chapter: Chapter) -> None:
        hr = self._person(HR.slack_id)
        hr.command("/offboard", f"@{LEAVER.uid}", "offboarding")
        modal = hr.wait_for(lambda: hr.view if hr.view and hr.view.submit_label else None)
        filled(hr, modal, [BY_UID[uid] for uid in SUCCESSORS], "dismissal", "balanced").submit()
        message = self._message(hr, "offboarding", lambda text: LOCKED_OUT in text)
        chapter.said = first_line(message)
        chapter.claims = self._bot_verdicts()
        chapter.facts = self._server_verdicts()

    def _see_exports(self, chapter: Chapter) -> None:
        security = self._person(SECURITY.slack_id)
        chapter.said = first_line(self._message(security, "security-alerts", lambda text: "export" in text.lower()))

    def _approve(self, chapter: Chapter) -> None:
        manager = self._person(MANAGER.slack_id)
        proposal = self._message(manager, "", lambda text: "Approve the handover" in text)
        chapter.said = first_line(proposal)
        manager.click(proposal, "proposal_approve")
        self._message(manager, "", lambda text: "approved" in text.lower() and "Approve the handover" not in text)

    def _move(self, chapter: Chapter) -> None:
        before = dict(self._practice.crm.counts())
        hr = self._person(HR.slack_id)
        message = self._message(hr, "offboarding", lambda text: "*Clients* handed over" in text)
        chapter.said = next((line for line in text_of(message).splitlines() if line.startswith("*Clients*")), "")
        case = self._case()
        after = self._practice.crm.counts()
        left = case["clients"]["left"] + case["clients"]["staying"]
        chapter.claims = {"left with Dana": str(left), "records in all": "unchanged"}
        same = sum(before.values()) == sum(after.values())
        chapter.facts = {
            "left with Dana": str(after.get(LEAVER.uid, 0)),
            "records in all": "unchanged" if same else f"{sum(before.values())} -> {sum(after.values())}",
        }

    def _audit(self, chapter: Chapter) -> None:
        self._practice.jump(DAY)
        chapter.said = first_line(self._new_audit(1))
        chapter.claims = self._bot_verdicts()
        chapter.facts = self._server_verdicts()

    def _catch(self, chapter: Chapter) -> None:
        self._practice.reopen(LEAVER)
        self._practice.jump(DAY)
        chapter.said = first_line(self._new_audit(2))
        chapter.claims = self._bot_verdicts()
        chapter.facts = self._server_verdicts()

    def _lock_again(self, chapter: Chapter) -> None:
        security = self._person(SECURITY.slack_id)
        digest = self._new_audit(2)
        hr = self._person(HR.slack_id)
        # what the case message said of the first lock-out must not pass for the second one's word
        hr.wait_for(lambda: not any(LOCKED_OUT in text_of(one) for one in hr.messages("offboarding")))
        security.click(digest, "Lock Again")
        message = self._message(hr, "offboarding", lambda text: LOCKED_OUT in text)
        chapter.said = first_line(message)
        chapter.claims = self._bot_verdicts()
        chapter.facts = self._server_verdicts()

    def _verify(self, chapter: Chapter) -> None:
        ended = self._practice.handover("verify", "--json")
        proof = json.loads(ended.stdout)
        chapter.said = f"{proof['entries']} entries, each linked to the one before; head signed"
        chapter.claims = {"journal": "proven" if proof["ok"] else "broken"}
        chapter.facts = {"journal": "proven" if ended.returncode == 0 else "broken"}

    # --- what people see, and what is true

    def _person(self, slack_id: str) -> Person:
        return self._practice.slack.as_user(slack_id)

    def _message(self, person: Person, channel: str, wanted: Callable[[str], bool]) -> Message:
        return person.wait_for(
            lambda: next((one for one in reversed(person.messages(channel)) if wanted(text_of(one))), None)
        )

    def _new_audit(self, number: int) -> Message:
        person = self._person(SECURITY.slack_id)
        return person.wait_for(
            lambda: posts[number - 1] if len(posts := person.messages("access-audit")) >= number else None
        )

    def _case(self) -> dict[str, Any]:
        found = json.loads(self._practice.handover("status", LEAVER.email, "--json").stdout)
        case: dict[str, Any] = found[0] if isinstance(found, list) else found
        return case

    def _bot_verdicts(self) -> dict[str, str]:
        return {line["system"]: line["verdict"] for line in self._case()["systems"]}

    def _server_verdicts(self) -> dict[str, str]:
        return {name: "open" if is_open else "locked" for name, is_open in self._practice.is_open(LEAVER).items()}


def text_of(message: Message) -> str:
    """Return all words of a message."""
    return "\n".join([message.text, *words(message.blocks)])


def first_line(message: Message) -> str:
    """Return the point of a message."""
    return message.text.splitlines()[0]
