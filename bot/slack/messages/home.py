"""App Home: the person's tasks and delegations, then open cases, then ended cases, by role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.slack.messages import access, earlier, enrolment, language, manual, requests, share
from bot.slack.messages.acts import last_day, leaving
from bot.slack.messages.audit import kind, lock_again
from bot.slack.messages.blocks import (
    VIEW_BLOCKS,
    Block,
    button,
    context,
    divider,
    fit,
    header,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.guide import CHOOSE, line
from bot.slack.messages.phrases import short, to_message
from bot.slack.messages.proposal import headline
from bot.text import _, day, mrkdwn, ngettext
from config.languages import SOURCE
from workflows.access.views import StepView
from workflows.cases.views import CaseBrief, CaseView, EarlierFigure, FindingLine
from workflows.clients.views import DelegationView, ProposalView

NAME_DELEGATE, END_DELEGATION, FIND = "delegate_ask", "delegate_end", "find_case"
MOST, FEW = 15, 5


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
    held: Sequence[CaseView] = ()
    """Cases that wait for this person as the second one."""
    due_back: Sequence[CaseView] = ()
    """Cases on whose return this person may answer."""
    leaving: Sequence[CaseBrief] | None = None
    """People who leave this week. None: not for this person."""
    own: Sequence[CaseBrief] = ()
    """Cases whose clients this person decides on, without those in `open`."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses of messages in Slack, by the id of the case, proposal or step that they show."""
    may_open: bool = False
    may_lock: bool = False
    steps: Sequence[StepView] = ()
    """Manual steps that this person is asked to do."""
    delegations: Sequence[DelegationView] = ()
    """Delegations of this person and to this person."""
    earlier: EarlierFigure | None = None
    """Records of earlier leavers. None: not for this person, or no system can tell."""
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
        *(_held(view, home.links.get(view.id, "")) for view in home.held[:FEW]),
        *(_proposal(view, home) for view in home.waiting[:MOST]),
        *(manual.waiting(step, home.links.get(step.id, "")) for step in home.steps[:MOST]),
        *(_due_back(view, home.links.get(view.id, "")) for view in home.due_back[:FEW]),
        *_findings(home),
        *_earlier(home),
    ]
    if len(blocks) == 1:
        blocks.append(section(_("You have nothing to do.")))
    blocks += _more(_("… and {count} more: `/offboard list`"), FEW, home.held, home.due_back)
    blocks += _more(_("… and {count} more in Handover's direct messages to you"), MOST, home.waiting, home.steps)
    if home.leaving is not None:
        blocks += [divider(), header(_("Leaving this week")), *leaving(home.leaving, links=home.links)]
    blocks += [
        *_open(home),
        *_own(home),
        *_cases(_("Recent cases"), home.ended, home.all_ended, home.links),
        *_delegations(home),
    ]
    if home.may_open:
        start = button(_("Offboard Someone"), CHOOSE)
        blocks += [divider(), section(_("To start, type `/offboard @person` anywhere in Slack."), start)]
        blocks.append(context(_("`/offboard help` shows all that you can type.")))
    blocks += enrolment.part(home.enrolled)
    own = language.part(home.language, home.default_language)
    return {"type": "home", "blocks": [*fit(blocks, VIEW_BLOCKS - len(own)), *own]}


def _more(text: str, most: int, *lists: Sequence[object]) -> list[Block]:
    """Return how many of the lists are not shown, if any."""
    rest = sum(max(0, len(one) - most) for one in lists)
    return [context(text.format(count=rest))] if rest else []


def _held(view: CaseView, link: str) -> Block:
    text = _("*HELD: {name}* – {why}").format(name=mrkdwn(view.leaver.name, 80), why=access.why_held(view))
    release, _reject = access.release_buttons(view)
    return section("\n".join([text, *to_message(link)]), release)


def _due_back(view: CaseView, link: str) -> Block:
    text = _("*{name}* is due back. The question whether the clients go back waits for an answer.")
    return section("\n".join([text.format(name=mrkdwn(view.leaver.name, 80)), *to_message(link)]))


def _proposal(view: ProposalView, home: Home) -> Block:
    asked = requests.of(view, home.user)
    point = share.point(view, asked, home.user) if asked and asked.share else headline(view)
    if link := home.links.get(view.id):
        return section("\n".join([f"*{mrkdwn(point, 300)}*", *to_message(link)]))
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


def _earlier(home: Home) -> list[Block]:
    """Return the line on records of earlier leavers, with the button that lists them."""
    told = earlier.figure(home.earlier) if home.earlier else ""
    return [section(mrkdwn(told, 300), button(_("Show Owners"), earlier.LIST))] if told else []


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


def _own(home: Home) -> list[Block]:
    """Return the cases of this person's own people who do not leave this week."""
    told = {view.id for view in home.leaving or ()}
    others = [view for view in home.own if view.id not in told][:MOST]
    return _cases(_("Your people"), others, len(others), home.links, short=True)


def _open(home: Home) -> list[Block]:
    """Return the open cases with a button to search them."""
    shown = _cases(_("Open cases"), home.open, home.all_open, home.links)
    find = button(_("Find Case"), FIND)
    return [*shown, section(_("Search by a name, an address or a case's id."), find)] if shown else []


def _cases(
    title: str, newest: Sequence[CaseBrief], total: int, links: Mapping[str, str], *, short: bool = False
) -> list[Block]:
    """Return a list of cases. `short`: without the systems, for people who see no evidence."""
    if not total:
        return []
    tell = last_day if short else line
    lines = [tell(view, links.get(view.id, "")) for view in newest[:MOST]]
    blocks = [divider(), header(title), *paragraphs(lines)]
    if (rest := total - len(lines)) > 0:
        blocks.append(section(_("… and {count} more: `/offboard list`").format(count=rest)))
    return blocks
