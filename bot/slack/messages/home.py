"""App Home: the person's tasks and delegations, then open cases, then ended cases, by role."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.slack.messages import enrolment, language, manual, requests, share
from bot.slack.messages.audit import kind, lock_again
from bot.slack.messages.blocks import VIEW_BLOCKS, Block, button, divider, fit, header, pack, section
from bot.slack.messages.guide import CHOOSE, guide, line
from bot.slack.messages.phrases import short
from bot.slack.messages.proposal import headline
from bot.text import _, day, mrkdwn, ngettext
from config.languages import SOURCE
from workflows.access.views import StepView
from workflows.cases.views import CaseBrief, FindingLine
from workflows.clients.views import DelegationView, ProposalView

NAME_DELEGATE, END_DELEGATION = "delegate_ask", "delegate_end"
MOST = 20


@dataclass(frozen=True, slots=True)
class Home:
    """Contents of one person's App Home, with at most `MOST` of each list. An empty part is not shown."""

    waiting: Sequence[ProposalView] = ()
    findings: Sequence[FindingLine] = ()
    """The most urgent of `all_findings` findings."""
    all_findings: int = 0
    open: Sequence[CaseBrief] = ()
    """The newest of `all_open` cases."""
    all_open: int = 0
    ended: Sequence[CaseBrief] = ()
    """The newest of `all_ended` cases."""
    all_ended: int = 0
    may_open: bool = False
    may_lock: bool = False
    steps: Sequence[StepView] = ()
    """Manual steps that this person is asked to do."""
    delegations: Sequence[DelegationView] = ()
    """Delegations of this person and to this person."""
    user: str = ""
    enrolled: bool | None = None
    """True if this person has one-time codes. None: no role."""
    language: str = ""
    """The language that this person chose, or empty."""
    default_language: str = SOURCE
    """The language without a choice."""


def build(home: Home) -> dict[str, Any]:
    """Return the view."""
    blocks = [
        header(_("Waiting for you")),
        *(_proposal(view, home.user) for view in home.waiting[:MOST]),
        *(manual.waiting(step) for step in home.steps[:MOST]),
        *_findings(home),
    ]
    if not home.waiting and not home.all_findings and not home.steps:
        blocks.append(section(_("You have nothing to do.")))
    blocks += [
        *_delegations(home),
        *_cases(_("Open cases"), home.open, home.all_open),
        *_cases(_("Recent cases"), home.ended, home.all_ended),
    ]
    if home.may_open:
        start = button(_("Offboard Someone"), CHOOSE)
        blocks += [divider(), section(_("To start, type `/offboard @person` anywhere in Slack."), start), *guide()]
    blocks += enrolment.part(home.enrolled)
    own = language.part(home.language, home.default_language)
    return {"type": "home", "blocks": [*fit(blocks, VIEW_BLOCKS - len(own)), *own]}


def _proposal(view: ProposalView, user: str) -> Block:
    asked = requests.of(view, user)
    point = share.point(view, asked, user) if asked and asked.share else headline(view)
    return section(_("*{point}* Decide in Handover's direct message to you.").format(point=mrkdwn(point, 300)))


def _findings(home: Home) -> list[Block]:
    blocks = [_finding(finding, home.may_lock) for finding in home.findings[:MOST]]
    if (rest := home.all_findings - len(blocks)) > 0:
        more = ngettext(
            "… and {count} more finding: `handover findings` on the server shows all.",
            "… and {count} more findings: `handover findings` on the server shows all.",
            rest,
        )
        blocks.append(section(more.format(count=rest)))
    return blocks


def _finding(finding: FindingLine, may_lock: bool) -> Block:
    text = _("✗ *{name}*: {kind} in {system}. {detail}").format(
        name=mrkdwn(finding.leaver.name, 80),
        kind=kind(finding),
        system=mrkdwn(finding.system),
        detail=short(finding.detail),
    )
    return section(text, lock_again(finding) if may_lock and finding.can_lock_again else None)


def _delegations(home: Home) -> list[Block]:
    """Return a person's delegations with buttons to end their own and to name a delegate."""
    ask = button(_("Name a Delegate"), NAME_DELEGATE)
    return [
        divider(),
        header(_("While you are away")),
        *(_delegation(delegation, home.user) for delegation in home.delegations),
        section(_("A delegate approves handovers in your place for some days."), ask),
    ]


def _delegation(delegation: DelegationView, user: str) -> Block:
    text = _("*{delegate}* decides for {principal}, {period}").format(
        delegate=mrkdwn(delegation.delegate.name, 60),
        principal=mrkdwn(delegation.principal.name, 60),
        period=period(delegation),
    )
    end = button(_("End Delegation"), END_DELEGATION, pack(delegation=delegation.id))
    return section(text, end if delegation.principal.slack_id == user else None)


def period(delegation: DelegationView) -> str:
    """Return the first and the last day. The delegation ends at the end of the last day."""
    last = delegation.until - timedelta(seconds=1)
    return _("{since} to {until}").format(since=day(delegation.since), until=day(last))


def _cases(title: str, newest: Sequence[CaseBrief], total: int) -> list[Block]:
    if not total:
        return []
    blocks = [divider(), header(title), *(section(line(view)) for view in newest[:MOST])]
    if (rest := total - len(newest[:MOST])) > 0:
        blocks.append(section(_("… and {count} more: `/offboard list`").format(count=rest)))
    return blocks
