"""The report on clients after a handover, the reminder to a successor before it, and one client as a line."""

from collections.abc import Iterator

from bot.slack.messages.blocks import Message, actions, button, context, header, message, pack, paragraphs, section
from bot.slack.messages.note import MARK
from bot.slack.messages.phrases import clients, listing, money, short
from bot.text import N_, _, day, listed, moment, mrkdwn, ngettext, number, plain
from workflows.clients.stayed.views import ClientAnswerView, ClientStay, Fate, Reminder, StayReport, UsualLoss
from workflows.storage.rows.clients import ClientWord

SHOW, CSV = "show_silent_clients", "stayed_csv"
SHOWN_REASONS = 5
SHOWN_ORDER = (Fate.CONTACTED, Fate.SILENT, Fate.NOT_REACHED, Fate.OBJECTS, Fate.UNKNOWN)
WORDS = {
    ClientWord.CONTACTED: N_("✓ Contacted"),
    ClientWord.NOT_REACHED: N_("✗ Not Reached"),
    ClientWord.OBJECTS: N_("⚠ Objects"),
}
"""A word as mark and text."""


def build(report: StayReport) -> Message:
    """Return the report: the figures first, then deals, what is not known, and who has left."""
    head = _("{clients} of {name}, day {day}").format(
        clients=clients(report.clients), name=plain(report.leaver.name, 80), day=report.day
    )
    summary = figures(report)
    blocks = [header(head), section(f"*{summary}*"), *paragraphs([*details(report)])]
    elements = [button(_("Get CSV"), CSV, pack(check=report.id))]
    if report.fates.get(Fate.SILENT) or report.fates.get(Fate.UNKNOWN):
        elements.insert(0, button(_("Show Silent Clients"), SHOW, pack(check=report.id)))
    small = [_("From the successors' marks and the systems' own histories, read {when}.")]
    small += (
        [_("Silent: no mark, and no contact in the system's own history.")] if report.fates.get(Fate.SILENT) else []
    )
    blocks += [actions("stayed", *elements), context(" ".join(small).format(when=moment(report.read_at)))]
    return message(f"{mrkdwn(head, 200)}: {summary}", blocks)


def figures(report: StayReport) -> str:
    """Return `31 contacted, 9 silent, 4 deals lost (120,000 EUR)`."""
    parts = [_fate(one, report.fates[one]) for one in SHOWN_ORDER if report.fates.get(one)]
    if report.lost:
        lost = ngettext("{count:,} deal lost", "{count:,} deals lost", report.lost).format(count=report.lost)
        worth = money(report.lost_value)
        parts.append(_("{lost} ({value})").format(lost=lost, value=worth) if worth else lost)
    elif not report.deals_unknown:
        parts.append(_("no deal lost"))
    return listed(parts)


def _fate(fate: Fate, count: int) -> str:
    forms = {
        Fate.CONTACTED: ngettext("{count:,} contacted", "{count:,} contacted", count),
        Fate.SILENT: ngettext("{count:,} silent", "{count:,} silent", count),
        Fate.NOT_REACHED: ngettext("{count:,} not reached", "{count:,} not reached", count),
        Fate.OBJECTS: ngettext("{count:,} objects", "{count:,} object", count),
        Fate.UNKNOWN: ngettext("{count:,} not known", "{count:,} not known", count),
    }
    return forms[fate].format(count=count)


def details(report: StayReport) -> Iterator[str]:
    """Yield the sentences under the figures."""
    if report.objecting:
        yield _("Object: {names}").format(names=listing(report.objecting))
    for name, count in sorted((report.left or {}).items()):
        text = _("⚠ {name} has left. Their {clients} need somebody new.")
        yield text.format(name=mrkdwn(name, 80), clients=clients(count))
    if report.deals_unknown:
        yield _("? Lost deals are not known in {systems}.").format(systems=listing(report.deals_unknown))
    if report.ended:
        yield _("Of the deals handed over, {ended} ended and {lost} were lost.").format(
            ended=number(report.ended), lost=number(report.lost)
        )
    yield from map(usual, report.usual)
    for why in report.unknown[:SHOWN_REASONS]:
        yield _("? Not known: {why}").format(why=short(why))
    if (more := len(report.unknown) - SHOWN_REASONS) > 0:
        yield _("The file has {count} more reasons.").format(count=number(more))


def usual(loss: UsualLoss) -> str:
    """Return the comparison with the same days of the year before, of everybody in one system."""
    title = mrkdwn(loss.title, 80)
    if loss.ended is None:
        text = _("Usual loss in {title}: not known ({why}).")
        return text.format(title=title, why=short(loss.unknown))
    if not loss.ended:
        return _("Usual loss in {title}: not known, as no deal ended in these days last year.").format(title=title)
    text = _("Usual loss in {title}, same days last year: {lost} of {ended} deals that ended ({share}).")
    share = number(loss.lost / loss.ended, ".0%")
    return text.format(title=title, lost=number(loss.lost), ended=number(loss.ended), share=share)


def reminder(view: Reminder) -> Message:
    """Return the reminder to a successor before the first report."""
    point = ngettext(
        "No contact is known with {count:,} of your {all:,} client of {name}",
        "No contact is known with {count:,} of your {all:,} clients of {name}",
        view.clients,
    ).format(count=view.without_contact, all=view.clients, name=plain(view.leaver.name, 80))
    text = _("{reader} reads a report on {day}. Mark whom you have reached, and who objects.")
    blocks = [
        header(point),
        section(text.format(reader=mrkdwn(view.reader, 80), day=day(view.report_at))),
        actions("mark", button(_("Mark Clients"), MARK, pack(note=view.note))),
        context(_("Handover writes to no client.")),
    ]
    return message(mrkdwn(point, 400), blocks)


def line(one: ClientStay) -> str:
    """Return one client: name, state, successor, and why it is so."""
    facts = [_(one.fate.value), mrkdwn(one.successor.name or "?", 80)]
    if one.successor_left:
        facts.append(_("has left"))
    if one.lost:
        facts.append(ngettext("{count:,} deal lost", "{count:,} deals lost", len(one.lost)).format(count=len(one.lost)))
    said = f"• *{mrkdwn(one.name, 80)}*: {' · '.join(facts)}"
    return f"{said}\n    {short(one.unknown, 150)}" if one.fate is Fate.UNKNOWN and one.unknown else said


def answer(given: ClientAnswerView | None) -> str:
    """Return the word that was given, by whom and when; or that there is none."""
    if given is None:
        return _("not marked yet")
    return _("{word} · {by}, {when}").format(word=_(WORDS[given.word]), by=mrkdwn(given.by, 80), when=day(given.at))
