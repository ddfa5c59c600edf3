"""The handover note: a successor's new clients, and a draft to introduce themselves."""

from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    divider,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import clients, for_a_time, money, records
from bot.text import _, mrkdwn, number, plain
from workflows.clients.views import NoteLine, NoteView

MARK = "mark_clients"


def build(view: NoteView) -> Message:
    """Return the note: headline, the most valuable open records as next steps, the draft."""
    name = plain(view.leaver.name, 80)
    if not view.records:
        point = _("The clients of {name} are no longer yours").format(name=name)
        return message(point, [header(point), section(_("They were put back. You have nothing to do."))])
    point = _("You have {clients} of {name} now").format(clients=clients(view.clients), name=name)
    blocks: list[Block] = [header(point), section(_summary(view))]
    if view.next:
        blocks += paragraphs([_("*Next steps*, by value"), *(_step(line) for line in view.next)])
    if view.open > len(view.next):
        more = _("{count} more are open. The file in this thread has all.")
        blocks.append(context(more.format(count=number(view.open - len(view.next)))))
    blocks.append(actions("mark", button(_("Mark Clients"), MARK, pack(note=view.id))))
    blocks.append(context(_("Mark whom you have reached, and who objects. The manager's report counts it.")))
    draft = "\n".join(f"> {mrkdwn(line)}" if line else ">" for line in introduction(view).splitlines())
    blocks += [
        divider(),
        section(_("*A draft to introduce yourself*\n{draft}").format(draft=draft)),
        context(_("This text is for you to copy. Handover writes to no client.")),
    ]
    return message(mrkdwn(point, 400), blocks)


def introduction(view: NoteView) -> str:
    """Return the draft. The text gives no reason for the leaver's absence."""
    text = _(
        "Hello,\n\nmy name is {successor}. From now on I look after you in place of {leaver}, and have all your joint "
        "work. When would be a good time for a short call?\n\nBest regards\n{successor}"
    )
    if view.until:
        text = _(
            "Hello,\n\nmy name is {successor}. I look after you while {leaver} is away, and have all your joint work. "
            "When would be a good time for a short call?\n\nBest regards\n{successor}"
        )
    return text.format(successor=view.successor.name, leaver=view.leaver.name)


def _summary(view: NoteView) -> str:
    summary = _("{records}, {open} open").format(records=records(view.records), open=number(view.open))
    if worth := money(view.value):
        summary = _("{said}, worth {value}").format(said=summary, value=worth)
    return f"{summary}\n{for_a_time(view.leaver.name, view.until)}" if view.until else summary


def _step(line: NoteLine) -> str:
    parts = (mrkdwn(line.kind, 40), mrkdwn(line.stage, 60), money({line.currency: line.value}))
    facts = " · ".join(filter(None, dict.fromkeys(parts)))  # a kind and a stage may have the same name
    return _("• *{client}*: {name} ({facts})").format(
        client=mrkdwn(line.family_name, 80), name=mrkdwn(line.name, 100), facts=facts
    )
