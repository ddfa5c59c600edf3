"""The company's rules for introductions: in which systems clients are told, in which way, and with which text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.text import N_, Sentence, _, gettext_lazy, language
from connectors.contract import Introductions, IntroductionWay
from workflows.systems.registry import System

DEFAULT = N_(
    "Hello,\n\nyour contact at {company} is now {successor}, in place of {leaver}.\n\nBest regards\n{successor}"
)
PLACES = re.compile(r"\{(client|successor|leaver|company)\}")
NOTES: Mapping[IntroductionWay, str] = {
    IntroductionWay.TASK: N_("each new contact gets a task in {system} to introduce themselves to each client: {text}"),
    IntroductionWay.MESSAGE: N_("{system} writes to each client after the move: {text}"),
}
"""Sentences for those who approve, by way. The text stands there as clients read it."""


@dataclass(frozen=True, slots=True)
class IntroductionPlan:
    """The way and the text for clients of one system, as the people who approve are shown them."""

    way: IntroductionWay
    text: str
    """With names in braces, which `render` puts in."""
    company: str

    def render(self, *, leaver: str, successor: str, client: str) -> str:
        """Return the text for one client. Names are put in as they are, whatever they contain."""
        names = {"leaver": leaver, "successor": successor, "client": client, "company": self.company}
        return PLACES.sub(lambda found: names[found[1]], self.text)


@dataclass(frozen=True, slots=True)
class IntroductionPolicy:
    """The company's rules. Without `ways`, nobody is told."""

    ways: Mapping[str, IntroductionWay] = field(default_factory=dict)
    """By system."""
    text: str = ""
    """The company's own text. Empty: `DEFAULT`."""
    language: str = "en"
    company: str = ""

    def plan(self, system: str) -> IntroductionPlan | None:
        """Return how clients of a system are told; None: they are not."""
        way = self.ways.get(system)
        if way is None:
            return None
        with language(self.language):
            return IntroductionPlan(way, self.text or str(_(DEFAULT)), self.company)


def plan_note(system: str, plan: IntroductionPlan, leaver: str, spoken: str) -> Sentence:
    """Return the sentence for those who approve, with the text in the language `spoken` to clients."""
    with language(spoken):
        text = plan.render(leaver=leaver, successor=_("(new contact)"), client=_("(client)"))
    return gettext_lazy(NOTES[plan.way], system=system, text=text)


def introduction_plan(policy: IntroductionPolicy, system: System) -> IntroductionPlan | None:
    """Return how clients of a system are told; None if nobody set that, or the system does not offer that way."""
    plan, connector = policy.plan(system.name), system.having(Introductions)
    offered = connector.introduction_ways() if connector else ()
    return plan if plan and plan.way in offered else None
