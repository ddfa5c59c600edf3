"""Rates of exchange, by which values in several currencies are compared. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from config.text import gettext_lazy


@dataclass(frozen=True, slots=True)
class Rates:
    """The company's table of rates. `per_unit`: the value of one unit of each other currency in `base`."""

    base: str
    per_unit: Mapping[str, Decimal]
    as_of: date
    oldest_days: int

    def unknown(self, currencies: Collection[str]) -> Sequence[str]:
        """Return the currencies without a rate, sorted."""
        return sorted({*currencies} - {self.base, *self.per_unit})

    def value(self, amount: Decimal, currency: str, into: str = "") -> Decimal:
        """Convert an amount into another currency, by default into `base`. Both must have a rate."""
        return amount * self._rate(currency) / self._rate(into or self.base)

    def _rate(self, currency: str) -> Decimal:
        return Decimal(1) if currency == self.base else self.per_unit[currency]


def notes(rates: Rates | None, currencies: Collection[str], today: date | None) -> list[str]:
    """Return stored sentences on values that cannot be compared, and on rates that are old."""
    named = sorted(currencies)
    if len(named) < 2:  # noqa: PLR2004 - one currency needs no rate
        return []
    if rates is None:
        note = gettext_lazy(
            "Values in {currencies} are not compared: there is no table of rates. Each counts by its records.",
            currencies=", ".join(named),
        )
        return [note.stored]
    if missing := rates.unknown(named):
        note = gettext_lazy(
            "Values in {currencies} are not compared: {missing} has no rate. Each counts by its records.",
            currencies=", ".join(named),
            missing=", ".join(missing),
        )
        return [note.stored]
    if today and today - rates.as_of > timedelta(days=rates.oldest_days):
        note = gettext_lazy("Values are compared by rates of {day}, which are old.", day=rates.as_of.isoformat())
        return [note.stored]
    return []
