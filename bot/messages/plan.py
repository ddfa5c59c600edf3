"""What an offboarding would meet and do, shown before anyone confirms."""

from bot.messages.blocks import Block, context, paragraphs, section
from bot.messages.words import listing, money, records, short, verdict
from bot.text import _, mrkdwn, ngettext
from workflows.views import AccountLine, BookLine, Plan, SystemPlan

MOST_SYSTEMS = 30


def build(plan: Plan, warnings: list[str]) -> list[Block]:
    """Return the plan: the point first, then warnings, then a part per system."""
    blocks = [section(f"*{headline(plan)}*")]
    said = [*warnings, *(short(warning) for warning in plan.warnings)]
    blocks += paragraphs([_("⚠ Careful: {text}").format(text=text) for text in said])
    for system in plan.systems[:MOST_SYSTEMS]:
        blocks += _system(system)
    left = plan.systems[MOST_SYSTEMS:]
    if left:
        blocks.append(
            context(
                _("Not shown in full here, and handled just the same: {names}").format(
                    names=listing((system.title for system in left), 40)
                )
            )
        )
    return blocks


def headline(plan: Plan) -> str:
    """Return the plan in a sentence."""
    name = mrkdwn(plan.leaver.name)
    found = sum(len(system.accounts) for system in plan.systems)
    where = sum(1 for system in plan.systems if system.accounts)
    dark = sum(1 for system in plan.systems if system.problem)
    point = ngettext(
        "{name} has {found} account in {where} of {all} systems",
        "{name} has {found} accounts in {where} of {all} systems",
        found,
    ).format(name=name, found=found, where=where, all=sum(1 for system in plan.systems if not system.by_hand))
    return _("{point}; {dark} could not be read").format(point=point, dark=dark) if dark else point


def _system(system: SystemPlan) -> list[Block]:
    lines = [f"*{mrkdwn(system.title)}* ({mrkdwn(system.system)})"]
    if system.problem:
        lines.append(
            _("? could not be looked up: {why} The case keeps trying and claims nothing until then.").format(
                why=short(system.problem)
            )
        )
    elif system.by_hand:
        lines[0] += _(" – by hand, by a person")
        lines += [_("• will be done: {what}").format(what=short(what, 600)) for what in system.does]
    elif not system.accounts:
        lines.append(_("– no account found (looked up by {how})").format(how=short(system.how)))
    lines += [_account(account) for account in system.accounts[:10]]
    if len(system.accounts) > 10:  # noqa: PLR2004
        lines.append(_("… and {count} more accounts").format(count=len(system.accounts) - 10))
    if system.accounts or system.problem:
        lines += [_("• will be done: {what}").format(what=short(what)) for what in system.does[:8]]
    lines += [_("• cannot be done: {what}").format(what=short(what)) for what in system.cannot[:8]]
    if system.book:
        lines.append(_book(system.book))
    return paragraphs(lines)


def _account(account: AccountLine) -> str:
    text = _("• account {login}, matched by {how}, now {verdict}").format(
        login=mrkdwn(account.login), how=mrkdwn(account.matched_by), verdict=verdict(account.verdict)
    )
    if not account.groups:
        return text
    return _("{account}, in {count} groups: {groups}").format(
        account=text, count=len(account.groups), groups=listing(account.groups)
    )


def _book(book: BookLine) -> str:
    if book.problem:
        return _("• clients: not known ({why})").format(why=short(book.problem))
    count = sum(book.counts.values())
    kinds = ", ".join(f"{number:,} {mrkdwn(kind)}" for kind, number in sorted(book.counts.items()) if number)
    value = money(book.value)
    text = _("• clients: {records}").format(records=records(count)) + (f" ({kinds})" if kinds else "")
    return _("{text}, open value {value}").format(text=text, value=value) if value else text
