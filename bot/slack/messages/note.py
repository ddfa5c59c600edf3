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
from bot.slack.messages.blocks import confirm as ask_first
from bot.slack.messages.phrases import clients, for_a_time, money, records
from bot.text import _, mrkdwn, number, plain, punctuated
from workflows.clients.views import NoteLine, NoteView
from workflows.storage.rows.clients import IntroductionState

SEND = "note_introduce"

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
        *_introductions(view),
    ]
    return message(mrkdwn(point, 400), blocks)


def _introductions(view: NoteView) -> list[Block]:
    """Return what the systems told the clients, and the button that lets them."""
    blocks = [_told(view)] if view.told else []
    if view.to_tell:
        text = _("Your systems can introduce you to {clients}, with the text that was approved.").format(
            clients=clients(view.to_tell)
        )
        ask = ask_first(_("Send introductions?"), _("That cannot be taken back."), _("Send"))
        send = button(_("Send Introductions"), SEND, pack(case=view.case_id, successor=view.successor.key), confirm=ask)
        return [*blocks, section(text, send)]
    return blocks or [context(_("This text is for you to copy. Handover writes to no client."))]


def _told(view: NoteView) -> Block:
    """Return what the systems told the clients, with the first who were not told."""
    sent = view.told.get(IntroductionState.SENT, 0)
    text = _("Introductions in your systems: {sent} of {all} are there.")
    lines = [text.format(sent=number(sent), all=number(sum(view.told.values())))]
    each = _("• {client}: {state}")
    for line in view.not_told:
        state = _(line.state.value)
        why = punctuated("{state} ({reason})").format(state=state, reason=mrkdwn(line.reason, 200))
        lines.append(each.format(client=mrkdwn(line.client, 80), state=why if line.reason else state))
    return context("\n".join(lines))


def introduction(view: NoteView) -> str:
    """Return the draft. The text gives no reason for the leaver's absence."""
    text = _(
        "Hello,\n\nmy name is {successor}. From now on I look after you in place of {leaver}, and have all your joint "
        "work. When would be a good time for a short call?\n\nBest regards\n{successor}"
    )
    if view.leaver.is_group:
        text = _(
            "Hello,\n\nmy name is {successor}. From now on I look after you. When would be a good time for a short "
            "call?\n\nBest regards\n{successor}"
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
