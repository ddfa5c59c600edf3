"""Manual steps and their confirmations. A confirmation is a person's statement, never shown as read back."""

from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import short, to_message, verdict
from bot.text import _, moment, mrkdwn, plain, punctuated
from workflows.access.views import StepView, SystemLine
from workflows.cases.views import CaseBrief, CaseView
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.work_state import WorkState

DONE, CANNOT, TAKE_BACK = "manual_done", "manual_cannot", "manual_take_back"


def build(step: StepView) -> Message:
    """Return the message to the assignee: headline, instructions and deadline, or the confirmation."""
    point = headline(step)
    blocks: list[Block] = [header(plain(point, 150))]
    if step.waiting:
        blocks += [
            *_asked(step),
            actions("manual_actions", done_button(step), button(_("Cannot Do It"), CANNOT, pack(step=step.id))),
        ]
    elif step.confirmed and step.state is not WorkState.CANCELLED:
        blocks += [
            *paragraphs([_("Confirmed by {by}.").format(by=_who_when(step)), *_words(step)]),
            actions("manual_actions", button(_("Take Back"), TAKE_BACK, pack(step=step.id))),
            context(_("Nothing can be read back there. This rests on that person's statement.")),
        ]
    return message(mrkdwn(point, 400), blocks)


def headline(step: StepView) -> str:
    """Return the step's headline in plain text."""
    facts = {"title": plain(step.title, 80), "name": plain(step.leaver.name, 80)}
    if step.state is WorkState.CANCELLED:
        return _("No longer needed: {title} for {name}").format(**facts)
    if step.waiting and step.confirmed:
        return _("Please check again: {title} of {name}, who has left").format(**facts)
    if step.waiting:
        return _("{name} leaves: please do {title} by hand").format(**facts)
    if step.confirmed:
        return _("{title} of {name}: confirmed by {by}").format(by=plain(step.confirmed_by, 80), **facts)
    return _("{title} of {name}: nobody is asked now").format(**facts)


def line(view: CaseView, system: SystemLine, step: StepView) -> str:
    """Return the step's lines for the case message."""
    title = f"*{mrkdwn(step.title)}*"
    if view.state is CaseState.SCHEDULED:
        text = _("{title} – by hand: {who} will be asked at the effective time")
        return text.format(title=title, who=mention(step.assignee))
    text = _("{title} – {verdict}, by hand, not confirmed by anybody")
    if step.confirmed:
        text = _("{title} – {verdict}, not read back; confirmed by a person: {by}")
    lines = [text.format(title=title, verdict=verdict(system.verdict), by=_who_when(step))]
    if step.note and step.confirmed:
        lines.append(_("Note: {note}").format(note=short(step.note, 100)))
    if step.waiting and step.deadline:
        asked = _("{who} is asked again, until {when}.") if step.confirmed else _("{who} is asked, until {when}.")
        lines.append(asked.format(who=mention(step.assignee), when=moment(step.deadline)))
    return "\n".join([*lines, *_trouble(step)])


def evidence(step: StepView) -> list[str]:
    """Return the note and the proof of a confirmed step; none of a step that nobody has confirmed."""
    return _words(step) if step.confirmed else []


def by_hand(view: CaseBrief) -> str:
    """Return the end of a case's headline in plain text: `; badge: confirmed by Ada`. Empty without manual steps."""
    parts = [
        (_("{title}: confirmed by {by}") if step.confirmed else _("{title}: not confirmed by anybody")).format(
            title=plain(step.title, 40), by=plain(step.confirmed_by, 40)
        )
        for step in view.steps
    ]
    return punctuated("; ").join(("", *parts))


def mention(slack_id: str) -> str:
    """Return a mention of a person, a user group or a channel. The id comes from Handover's configuration."""
    if not slack_id:
        return _("nobody")
    mark = {"S": "!subteam^", "C": "#", "G": "#"}.get(slack_id[0], "@")
    return f"<{mark}{mrkdwn(slack_id, 40)}>"


def waiting(step: StepView, link: str = "") -> Block:
    """Return the step's block for App Home. `link`: the address of its message."""
    until = _(" until {when}").format(when=moment(step.deadline)) if step.deadline else ""
    return section("\n".join([f"*{mrkdwn(headline(step), 300)}*{until}", *to_message(link)]), done_button(step))


def done_button(step: StepView) -> Block:
    """Return the button that opens the form for the note."""
    return button(_("Mark as Done"), DONE, pack(step=step.id), "primary")


def _asked(step: StepView) -> list[Block]:
    lines = [short(line, 2000) for line in step.instructions.splitlines() if line.strip()]
    if step.confirmed:
        lines.append(_("Last confirmed by {by}. Is this still true?").format(by=_who_when(step)))
    blocks = paragraphs([*lines, *_trouble(step)])
    if step.deadline:
        blocks.append(section(_("Please finish until {when}.").format(when=moment(step.deadline))))
    if step.escalated_at:
        text = _("Escalated {when}; {who} was asked first.")
        blocks.append(context(text.format(who=mention(step.assignee), when=moment(step.escalated_at))))
    return blocks


def _words(step: StepView) -> list[str]:
    words = [_("Note: {note}").format(note=short(step.note))] if step.note else []
    if step.proof:
        link = step.proof.startswith("https://") and not step.proof_sha256
        proof = f"<{step.proof.replace('&', '&amp;')}>" if link else short(step.proof)
        words.append(_("Proof: {proof}").format(proof=proof))
    if step.proof_sha256:
        words.append(_("SHA-256 of the file: {hash}").format(hash=f"`{step.proof_sha256}`"))
    return words


def _trouble(step: StepView) -> list[str]:
    return [_("⚠ {problem}").format(problem=short(step.problem, 600))] if step.problem else []


def _who_when(step: StepView) -> str:
    when = moment(step.confirmed_at) if step.confirmed_at else ""
    return punctuated("{who}, {when}").format(who=mrkdwn(step.confirmed_by, 80), when=when)
