"""The plan of an offboarding, shown before anybody confirms: summary and details."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from bot.slack.messages import duties, licences, order, stages
from bot.slack.messages.blocks import Block, context, paragraphs, section
from bot.slack.messages.phrases import listing, money, records, short, verdict
from bot.text import _, mrkdwn, ngettext, number, punctuated
from workflows.access.views import AccountLine, BookLine, SystemPlan
from workflows.cases.views import Plan

MOST_SYSTEMS = 30
SHOWN = 2
"""Warnings in the summary. The details have all."""


def summary(plan: Plan, warnings: list[str]) -> str:
    """Return the plan in few lines: systems and accounts, clients, the worst warnings. `warnings`: on the person."""
    every = _warnings(plan, warnings)
    left = max(0, len(every) - SHOWN) + sum(
        len(system.cannot) for system in plan.systems if system.accounts or system.problem
    )
    about = (*_duties(plan), *order.summary(plan.systems), *_stages(plan))
    lines = [f"*{headline(plan)}*", _clients(plan), *about]
    lines += [_("⚠ Careful: {text}").format(text=text) for text in every[:SHOWN]]
    if left:
        more = ngettext("_{count} more point under *Details*_", "_{count} more points under *Details*_", left)
        lines[-1] += " " + more.format(count=left)
    return "\n".join(lines)


def details(plan: Plan, warnings: list[str]) -> list[Block]:
    """Return all warnings, and the sections of each system."""
    told = [_("⚠ Careful: {text}").format(text=text) for text in _warnings(plan, warnings)]
    blocks = [block for system in plan.systems[:MOST_SYSTEMS] for block in _system(system)]
    if left := plan.systems[MOST_SYSTEMS:]:
        text = _("Also part of the plan, without details here: {names}")
        blocks.append(context(text.format(names=listing((system.title for system in left), 40))))
    head = "\n".join([f"*{headline(plan)}*", _clients(plan), *_duties(plan)])
    heading = [_("*Stages*")] if plan.stages else []
    coming = [f"• {line}" for line in stages.foreseen(plan.stages, mark=True)]
    return [section(head), *paragraphs(told), *blocks, *paragraphs([*heading, *coming])]


def _duties(plan: Plan) -> list[str]:
    return duties.summary(system.duties for system in plan.systems if system.duties)


def _stages(plan: Plan) -> list[str]:
    """Return one line with the acts that a system offers, by stage; the details say what each would do."""
    offered = [replace(one, acts=tuple(part for part in one.acts if part.lines)) for one in plan.stages]
    some = [one for one in offered if one.acts]
    return [_("Stages: {stages}").format(stages=stages.summary(some))] if some else []


def _warnings(plan: Plan, warnings: list[str]) -> list[str]:
    """Return all warnings, worst first. What a vendor will refuse comes before the others, each with its remedy."""
    told = [short(warning) for warning in plan.warnings]
    refused = [short(one, 400) for one in order.refusals(plan.systems)]
    return [*refused, *told[:1], *warnings, *told[1:]]


def headline(plan: Plan) -> str:
    """Return the plan in a sentence: accounts, absences without proof, and systems that could not be read."""
    name = mrkdwn(plan.leaver.name or plan.leaver.email)
    found = sum(len(system.accounts) for system in plan.systems)
    where = sum(1 for system in plan.systems if system.accounts)
    unproven = sum(1 for system in plan.systems if system.unproven)
    dark = sum(1 for system in plan.systems if system.problem) - unproven
    point = ngettext(
        "{name} has {found} account in {where} of {all} systems",
        "{name} has {found} accounts in {where} of {all} systems",
        found,
    ).format(name=name, found=found, where=where, all=sum(1 for system in plan.systems if not system.by_hand))
    if unproven:
        point = _("{point}; not certain in {count}").format(point=point, count=unproven)
    return _("{point}; {dark} could not be read").format(point=point, dark=dark) if dark else point


def _clients(plan: Plan) -> str:
    """Return a line on the clients. Only books that were all read whole have none."""
    books = [system.book for system in plan.systems if system.book]
    if plan.owns_nothing:
        without = [system.title for system in plan.systems if system.book and not system.accounts]
        text = _("No clients found: no account in {systems}.") if without else _("No clients.")
        return text.format(systems=listing(without))
    if not books or any(book.problem for book in books):
        return _("Clients: not known.")
    total: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in (pair for book in books for pair in book.value.items()):
        total[currency] += amount
    value, count = money(total), sum(sum(book.counts.values()) for book in books)
    if not count or any(system.problem for system in plan.systems):
        return _("Clients: {records} found, but not everything could be read.").format(records=records(count))
    text = _("Clients: {records}, open value {value}.") if value else _("Clients: {records}.")
    return text.format(records=records(count), value=value)


def _system(system: SystemPlan) -> list[Block]:
    lines = [punctuated("*{title}* ({system})").format(title=mrkdwn(system.title), system=mrkdwn(system.system))]
    if system.problem:
        words = _("? could not be looked up: {why} The case keeps trying. Until then the verdict is unknown.")
        if system.unproven:
            words = _("? no account found, which is no proof: {why}. The verdict will be unknown.")
        lines.append(words.format(why=short(system.problem)))
    elif system.by_hand:
        lines[0] += _(" – by hand, by a person")
        lines += [_("• will be done: {what}").format(what=short(what, 600)) for what in system.does]
    elif not system.accounts:
        lines.append(_("– no account found (looked up by {how})").format(how=short(system.how)))
    lines += [_account(account) for account in system.accounts[:10]]
    if len(system.accounts) > 10:  # noqa: PLR2004
        lines.append(_("… and {count} more accounts").format(count=len(system.accounts) - 10))
    if system.book:
        lines.append(_book(system.book))
    if system.licences:
        lines.append(f"• {licences.planned(system.licences, short)}")
    if system.duties and (points := duties.bullets(system.duties)):
        heading = _("In their name")
        lines += [f"_{heading}_", *points]
    lines += _under(_("Will be done"), system.does if system.accounts or system.problem else ())
    lines += _under(_("Order of acts"), tuple(one.words for one in system.effects))
    lines += _under(_("Cannot be done here"), system.cannot)
    return paragraphs(lines)


def _under(heading: str, what: tuple[str, ...]) -> list[str]:
    return [f"_{heading}_", *(f"• {short(point)}" for point in what)] if what else []


def _account(account: AccountLine) -> str:
    text = _("• account {login}, matched by {how}, now {verdict}").format(
        login=mrkdwn(account.login), how=mrkdwn(account.matched_by), verdict=verdict(account.verdict)
    )
    if not account.groups:
        return text
    return ngettext(
        "{account}, in {count} group: {groups}", "{account}, in {count} groups: {groups}", len(account.groups)
    ).format(account=text, count=len(account.groups), groups=listing(account.groups, quoted=True))


def _book(book: BookLine) -> str:
    if book.problem:
        return _("• clients: could not be counted ({why})").format(why=short(book.problem))
    count = sum(book.counts.values())
    counted = [(kind, number) for kind, number in sorted(book.counts.items()) if number]
    kinds = " · ".join(f"{number(many)} {mrkdwn(kind)}" if many != count else mrkdwn(kind) for kind, many in counted)
    value = money(book.value)
    text = _("• clients: {records}").format(records=records(count))
    text += punctuated(" ({kinds})").format(kinds=kinds) if kinds else ""
    return _("{text}, open value {value}").format(text=text, value=value) if value else text
