"""App Home: the person's tasks, then open cases, then ended cases, by role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.slack.messages import delegate, manual, requests, share
from bot.slack.messages.audit import kind, lock_again
from bot.slack.messages.blocks import VIEW_BLOCKS, Block, button, divider, fit, header, section
from bot.slack.messages.guide import CHOOSE, guide, line
from bot.slack.messages.phrases import short
from bot.slack.messages.proposal import headline
from bot.text import _, mrkdwn, ngettext
from workflows.access.views import StepView
from workflows.cases.views import CaseBrief, FindingLine
from workflows.clients.views import DelegationView, ProposalView

MOST = 20


@dataclass(frozen=True, slots=True)
class Cases:
    """The newest of `total` cases, `MOST` at most."""

    newest: Sequence[CaseBrief] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class ListedFindings:
    """The most urgent of `total` findings, `MOST` at most."""

    urgent: Sequence[FindingLine] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class Home:
    """Contents of one person's App Home. An empty part is not shown."""

    waiting: Sequence[ProposalView]
    findings: ListedFindings
    open: Cases
    ended: Cases
    may_open: bool
    may_lock: bool
    steps: Sequence[StepView] = ()
    """Manual steps that this person is asked to do."""
    delegations: Sequence[DelegationView] = ()
    """Delegations of this person and to this person."""
    user: str = ""


def build(home: Home) -> dict[str, Any]:
    """Return the view."""
    blocks: list[Block] = [header(_("Waiting for you"))]
    blocks += [_proposal(view, home.user) for view in home.waiting[:MOST]]
    blocks += [manual.waiting(step) for step in home.steps[:MOST]]
    blocks += _findings(home.findings, home.may_lock)
    if not home.waiting and not home.findings.total and not home.steps:
        blocks.append(section(_("You have nothing to do.")))
    blocks += delegate.part(home.delegations, home.user)
    blocks += _part(_("Open cases"), home.open) + _part(_("Recent cases"), home.ended)
    if home.may_open:
        start = button(_("Offboard Someone"), CHOOSE)
        blocks += [divider(), section(_("To start, type `/offboard @person` anywhere in Slack."), start), *guide()]
    return {"type": "home", "blocks": list(fit(blocks, VIEW_BLOCKS))}


def _proposal(view: ProposalView, user: str) -> Block:
    asked = requests.of(view, user)
    point = share.point(view, asked, user) if asked and asked.share else headline(view)
    return section(_("*{point}* Decide in Handover's direct message to you.").format(point=mrkdwn(point, 300)))


def _findings(findings: ListedFindings, may_lock: bool) -> list[Block]:
    shown = findings.urgent[:MOST]
    blocks = [_finding(finding, may_lock) for finding in shown]
    if findings.total > len(shown):
        rest = findings.total - len(shown)
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


def _part(title: str, cases: Cases) -> list[Block]:
    if not cases.total:
        return []
    shown = cases.newest[:MOST]
    blocks = [divider(), header(title), *(section(line(view)) for view in shown)]
    if cases.total > len(shown):
        blocks.append(section(_("… and {count} more: `/offboard list`").format(count=cases.total - len(shown))))
    return blocks
