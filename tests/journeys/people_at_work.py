"""Acts of people in Slack during a journey, as short functions."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.sandbox.company.people import HR, MANAGER, Employee
from tests.sandbox.practice import Practice
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.forms import OpenView
from tests.sandbox.slack.records import Message
from tests.sandbox.story import filled, text_of


class Office:
    """HR and a manager in front of the practice company's Slack."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.hr = practice.slack.as_user(HR.slack_id)
        self.manager = practice.slack.as_user(MANAGER.slack_id)

    def form(self, leaver: Employee, by: Person | None = None) -> OpenView:
        """Type the command and wait for the filled form."""
        person = by or self.hr
        person.command("/offboard", f"@{leaver.uid}", "offboarding")
        return person.wait_for(lambda: person.view if person.view and person.view.submit_label else None)

    def offboard(self, leaver: Employee, successors: Sequence[Employee]) -> None:
        """Lock somebody out now."""
        self.filled(leaver, successors, "balanced").submit()

    def filled(self, leaver: Employee, successors: Sequence[Employee], strategy: str = "single") -> OpenView:
        """Return the last form of a lock-out at once, ready to submit."""
        return filled(self.hr, self.form(leaver), successors, "resignation", strategy)

    def case(self, leaver: Employee) -> dict[str, Any]:
        """Read the case as the command line shows it."""
        found = json.loads(self.practice.handover("status", leaver.email, "--json").stdout)
        case: dict[str, Any] = found[0] if isinstance(found, list) else found
        return case

    def verdicts(self, leaver: Employee) -> dict[str, str]:
        """Read the verdict per system."""
        return {line["system"]: line["verdict"] for line in self.case(leaver)["systems"]}

    def message(self, person: Person, channel: str, wanted: Callable[[str], bool], seconds: float = 90) -> Message:
        """Wait for a message in a channel, or in the direct messages with the bot where `channel` is empty."""
        return person.wait_for(
            lambda: next((one for one in reversed(person.messages(channel)) if wanted(text_of(one))), None), seconds
        )

    def locked_out(self, leaver: Employee, seconds: float = 90) -> Message:
        """Wait for the case message to say that the leaver is locked out everywhere."""
        return self.message(
            self.hr, "offboarding", lambda text: f"{leaver.name} is locked out of 2 of 2" in text, seconds
        )

    def approve(self, leaver: Employee, seconds: float = 90) -> Message:
        """Wait for the proposal, and approve it."""
        proposal = self.message(
            self.manager, "", lambda text: "Approve the handover" in text and leaver.name in text, seconds
        )
        self.manager.click(proposal, "proposal_approve")
        return proposal
