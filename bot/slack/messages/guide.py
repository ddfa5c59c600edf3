"""Private answers to the command: help, the list of cases, the refusal of a bare name."""

import re
from collections.abc import Sequence

from bot.slack.messages.blocks import Block, actions, button, context, paragraphs, section
from bot.slack.messages.case import headline, state
from bot.text import _, moment, mrkdwn
from workflows.cases.views import CaseBrief
from workflows.storage.rows.case import CaseState

CHOOSE = "choose_person"
MOST = 40
_MENTION = re.compile(r"<@(\w+)(?:\|([^>]*))?>")
_ADDRESS = re.compile(r"<mailto:[^|>]*\|([^>]*)>")


def guide() -> list[Block]:
    """Return the help text."""
    return paragraphs(
        [
            _("*What you can type*"),
            _("`/offboard @person` shows the plan. Nothing starts until you confirm"),
            _("`/offboard` lets you choose the person"),
            _("`/offboard status @person` shows a person's case. Without a person it shows all open cases"),
            _("`/offboard week` shows who leaves this week"),
            _("`/offboard reschedule @person` moves the last day"),
            _("`/offboard cancel @person` ends a case before the lock-out"),
            _("`/offboard undo @person` gives access back"),
            _("`/offboard list` shows all cases"),
            _("`/offboard audit` checks every past leaver now (security and administrators)"),
            _("`/offboard help` shows this"),
            _("An address or a case's id can stand in place of `@person`"),
        ]
    )


def as_typed(words: str) -> str:
    """Return a command's words as the person typed them: Slack sends `<@U1|dana>` for `@dana`."""
    people = _MENTION.sub(lambda found: f"@{found[2] or found[1]}", words)
    return mrkdwn(_ADDRESS.sub(r"\1", people), 100)


def unknown(words: str) -> list[Block]:
    """Return the help for a command that was not understood, with a button to choose a person."""
    return [section(_("“{words}” is not a command.").format(words=as_typed(words))), *_offer(), *guide()]


def bare_name(words: str) -> list[Block]:
    """Return the refusal of a bare name, with what to do instead."""
    return [
        section(
            _(
                "“{words}” is only a name, and names are not unique. "
                "Type `@` and pick the person from Slack's list, or choose here:"
            ).format(words=as_typed(words))
        ),
        *_offer(),
        context(_("If you did, an administrator must set “Escape channels, users, and links” for this command.")),
    ]


def _offer() -> list[Block]:
    return [actions("choose", button(_("Choose Person"), CHOOSE))]


def cases(views: Sequence[CaseBrief], total: int) -> list[Block]:
    """Return the newest of `total` cases, a line each, and the number of the others."""
    if not views:
        return [section(_("There are no cases. `/offboard @person` starts one."))]
    lines = [line(view) for view in views[:MOST]]
    if total > len(lines):
        lines.append(
            _("… and {count} more: `handover status` on the server shows all.").format(count=total - len(lines))
        )
    return paragraphs(lines)


def reference(case_id: str, link: str = "") -> str:
    """Return a case's id in Slack's markup, as a link to its message if there is one."""
    return f"<{link}|{mrkdwn(case_id)}>" if link else mrkdwn(case_id)


def line(view: CaseBrief, link: str = "") -> str:
    """Return a case as one line. `link`: the address of its message."""
    text = _("• {point} – {state}, opened {when} (case {id})")
    if view.state is CaseState.SCHEDULED:
        text = _("• {point} – {state}, {when} (case {id})")
    when = view.effective_at if view.state is CaseState.SCHEDULED else view.opened_at
    return text.format(
        point=mrkdwn(headline(view), 200), state=state(view), when=moment(when), id=reference(view.id, link)
    )
