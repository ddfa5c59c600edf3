"""Private answers to the command: help, the list of cases, a name that nobody can be found by."""

from collections.abc import Sequence

from bot.slack.messages.blocks import Block, actions, button, context, paragraphs, section
from bot.slack.messages.case import headline, state
from bot.text import _, moment, mrkdwn
from workflows.cases.views import CaseBrief
from workflows.storage.rows.case import CaseState

CHOOSE = "choose_person"
MOST = 40


def guide() -> list[Block]:
    """Return what can be typed."""
    return paragraphs(
        [
            _("*What you can type*"),
            _("`/offboard @person` shows what would happen, and starts it only when you confirm"),
            _("`/offboard` asks whom"),
            _("`/offboard status @person` shows where a case stands; without a person, all open cases"),
            _("`/offboard list` shows all cases"),
            _("`/offboard audit` checks every past leaver now (security and administrators)"),
            _("`/offboard help` shows this"),
        ]
    )


def unknown(words: str) -> list[Block]:
    """Return help for words that mean nothing, with a way to choose a person."""
    return [section(_("I do not know “{words}”.").format(words=mrkdwn(words, 100))), *_offer(), *guide()]


def bare_name(words: str) -> list[Block]:
    """Return why a bare name is refused, and what to do."""
    return [
        section(
            _(
                "“{words}” is only a name, and names are not unique, so nobody is looked up by it. "
                "Type `@` and pick the person from Slack's list, or choose here:"
            ).format(words=mrkdwn(words, 100))
        ),
        *_offer(),
        context(_("If you did: an administrator must set “Escape channels, users, and links” on this command.")),
    ]


def _offer() -> list[Block]:
    return [actions("choose", button(_("Choose Person"), CHOOSE))]


def cases(views: Sequence[CaseBrief], total: int) -> list[Block]:
    """Return the newest of `total` cases, a line each; the others are counted."""
    if not views:
        return [section(_("There are no cases. `/offboard @person` starts one."))]
    lines = [line(view) for view in views[:MOST]]
    if total > len(lines):
        lines.append(
            _("… and {count} more: `handover status` on the server shows all.").format(count=total - len(lines))
        )
    return paragraphs(lines)


def line(view: CaseBrief) -> str:
    """Return a case in a line."""
    when = view.effective_at if view.state is CaseState.SCHEDULED else view.opened_at
    return _("• {point} – {state}, {when} (case {id})").format(
        point=mrkdwn(headline(view), 200), state=state(view), when=moment(when), id=mrkdwn(view.id)
    )
