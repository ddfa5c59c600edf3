"""Words and figures that several messages share: verdicts, money, counts, progress."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from bot.text import _, day, mrkdwn, ngettext, trim
from connectors.contract import Verdict
from workflows.cases.views import FindingLine

GOOD_VERDICTS = (Verdict.LOCKED, Verdict.ABSENT)


def verdict(value: Verdict) -> str:
    """Return a mark and a word; neither colour nor the mark alone carries the meaning."""
    return {
        Verdict.LOCKED: _("✓ locked"),
        Verdict.OPEN: _("✗ OPEN"),
        Verdict.ABSENT: _("✓ no account"),
        Verdict.UNKNOWN: _("? unknown"),
    }[value]


def account(finding: FindingLine) -> str:
    """Return where a finding is: `crm (dana.oneill)`, or the system alone where it is about no single account."""
    system = mrkdwn(finding.system)
    return f"{system} ({mrkdwn(finding.login, 80)})" if finding.login else system


def finding_detail(finding: FindingLine) -> str:
    """Return what is known of a finding besides its kind, as the end of its sentence."""
    return f": {short(finding.detail)}." if finding.detail else "."


def money(value: Mapping[str, Decimal]) -> str:
    """Return amounts by currency: `120,000 EUR`; empty where there are none."""
    return ", ".join(
        f"{amount:,.0f} {mrkdwn(currency)}".strip() for currency, amount in sorted(value.items()) if amount
    )


def records(count: int) -> str:
    """Return `3 records`."""
    return ngettext("{count:,} record", "{count:,} records", count).format(count=count)


def clients(count: int) -> str:
    """Return `3 clients`."""
    return ngettext("{count:,} client", "{count:,} clients", count).format(count=count)


def listing(names: Iterable[str], most: int = 10, *, quoted: bool = False) -> str:
    """Return data in a row, the rest counted, never dropped in silence; `quoted` for names that people chose."""
    every = [_("“{name}”").format(name=mrkdwn(name, 80)) if quoted else mrkdwn(name, 80) for name in names]
    shown = " · ".join(every[:most])
    return shown if len(every) <= most else _("{names} and {count} more").format(names=shown, count=len(every) - most)


def for_a_time(name: str, until: datetime) -> str:
    """Return that a handover is for a time."""
    return _("*For a time:* {name} is to be back {when}, and somebody decides then whether they go back.").format(
        name=mrkdwn(name, 80), when=day(until)
    )


def bar(part: float, whole: float, width: int = 12) -> str:
    """Return a bar in text; anything above nothing shows."""
    cells = round(width * part / whole) if whole else 0
    return "▇" * max(cells, 1 if part > 0 else 0)


def short(text: str, limit: int = 300) -> str:
    """Return a reason from a system, as data."""
    return mrkdwn(trim(text, limit), limit + 2)
