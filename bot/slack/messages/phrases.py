"""Words and figures that several messages share: verdicts, money, counts, progress."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from bot.text import _, day, listed, mrkdwn, ngettext, number, punctuated, trim
from connectors.contract import Verdict
from workflows.cases.views import FindingLine
from workflows.clients.views import ClientsView

GOOD_VERDICTS = (Verdict.LOCKED, Verdict.ABSENT)


def verdict(value: Verdict) -> str:
    """Return a verdict as mark and word. The mark alone never carries the meaning."""
    return {
        Verdict.LOCKED: _("✓ locked"),
        Verdict.OPEN: _("✗ OPEN"),
        Verdict.ABSENT: _("✓ no account"),
        Verdict.UNKNOWN: _("? unknown"),
    }[value]


def account(finding: FindingLine) -> str:
    """Return a finding's place: `crm (dana.oneill)`, or only the system if it concerns no single account."""
    system = mrkdwn(finding.system)
    login = mrkdwn(finding.login, 80)
    return punctuated("{system} ({login})").format(system=system, login=login) if login else system


def finding_detail(finding: FindingLine) -> str:
    """Return a finding's detail as the end of a sentence."""
    end = punctuated(". ").rstrip()
    return punctuated(": ") + short(finding.detail) + end if finding.detail else end


def money(value: Mapping[str, Decimal]) -> str:
    """Return amounts by currency: `120,000 EUR`; empty if there are none."""
    return listed(
        f"{number(amount, ',.0f')} {mrkdwn(currency)}".strip() for currency, amount in sorted(value.items()) if amount
    )


def records(count: int) -> str:
    """Return `3 records`."""
    return ngettext("{count:,} record", "{count:,} records", count).format(count=count)


def clients(count: int) -> str:
    """Return `3 clients`."""
    return ngettext("{count:,} client", "{count:,} clients", count).format(count=count)


def listing(names: Iterable[str], most: int = 10, *, quoted: bool = False) -> str:
    """Return at most `most` names in a row, and the number of the others. `quoted`: put names in quotation marks."""
    every = [_("“{name}”").format(name=mrkdwn(name, 80)) if quoted else mrkdwn(name, 80) for name in names]
    shown = " · ".join(every[:most])
    return shown if len(every) <= most else _("{names} and {count} more").format(names=shown, count=len(every) - most)


def no_clients(of: ClientsView) -> str:
    """Return where the leaver has no account, so that there is nothing to hand over."""
    why = _("no account of the leaver is here, so no clients are handed over")
    return punctuated("{systems}: {why}").format(systems=listing(of.absent), why=why)


def to_message(link: str) -> list[str]:
    """Return the link to a message as a line, where there is one."""
    words = _("Open the message")  # Babel reads no calls inside an f-string
    return [f"<{link}|{words}>"] if link else []


def for_a_time(name: str, until: datetime) -> str:
    """Return the sentences on a leave's handover."""
    return _("*For a time:* {name} returns {when}. Somebody then decides whether the clients go back.").format(
        name=mrkdwn(name, 80), when=day(until)
    )


def bar(part: float, whole: float, width: int = 12) -> str:
    """Return a bar in text. Any part above zero has at least one cell."""
    cells = round(width * part / whole) if whole else 0
    return "▇" * max(cells, 1 if part > 0 else 0)


def short(text: str, limit: int = 300) -> str:
    """Return text from outside, cut and escaped."""
    return mrkdwn(trim(text, limit), limit + 2)
