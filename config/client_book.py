"""Settings of the client track: rules of the split, colleagues, and the approvals before clients move."""

from datetime import date
from decimal import Decimal
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from config.fields import Country, GroupId, LanguageCode, PersonId, SettingsTable, UserId, Zone
from config.text import _


def _address(text: str) -> str:
    if "@" not in text or len(text.split()) != 1:
        raise ValueError(_("must be an e-mail address"))
    return text.lower()


Address = Annotated[str, AfterValidator(_address)]
"""An e-mail address, in lower case."""
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Days = Annotated[int, Field(gt=0)]


def _rising(days: tuple[int, ...]) -> tuple[int, ...]:
    if list(days) != sorted(set(days)):
        raise ValueError(_("must rise, each day once, such as [1, 7, 30, 90]"))
    return days


RisingDays = Annotated[tuple[Days, ...], AfterValidator(_rising)]


class SplitRule(SettingsTable):
    """One rule of `strategy = "rules"`. The first rule whose conditions a client meets decides.

    A rule without conditions takes all clients.
    """

    segment: str = ""
    """The client's segment, as the system names it: `"key"`."""
    language: str = ""
    """The client's language, as the system names it: `"fr"`."""
    region: str = ""
    """The client's region or territory, as the system names it: `"FR"`."""
    stage: str = ""
    """Stage of an open deal of the client, as the system names it: `"proposition"`."""
    sensitivity: str = ""
    """The client's sensitivity, as the system names it."""
    successors: tuple[Address, ...] = Field(min_length=1)
    """Addresses of the successors for such clients, in equal parts. A successor without room or account is left out."""


StrategyName = Literal["single", "round_robin", "balanced", "affinity", "rules"]


class ColleagueSettings(SettingsTable):
    """A colleague who may receive clients."""

    capacity: int | None = Field(default=None, ge=0)
    """Most clients of one leaver in one system. They get more only if nobody has room, and the plan says so."""
    team: str = ""
    """Their team. With `strategy = "affinity"` clients stay in the leaver's team if possible."""
    languages: tuple[str, ...] = ()
    """Languages that they speak, as the systems name them: `["fr", "de"]`."""
    regions: tuple[str, ...] = ()
    """Regions or territories that they look after, as the systems name them: `["FR"]`."""
    segments: tuple[str, ...] = ()
    """Segments that they look after, as the systems name them: `["key"]`."""


class CurrencySettings(SettingsTable):
    """Rates of exchange. With them, values in several currencies are compared in a split and in approvals."""

    base: Currency
    """The currency into which the others are converted: `"EUR"`."""
    as_of: date
    """Day of the rates: `2026-11-30`."""
    rates: dict[Currency, Annotated[Decimal, Field(gt=0)]] = Field(min_length=1)
    """Value of one unit of each other currency in `base`: `{ USD = 0.92, PLN = 0.23 }`."""
    oldest_days: int = Field(default=45, gt=0)
    """Days after which the proposal says that the rates are old."""

    @model_validator(mode="after")
    def _others(self) -> "CurrencySettings":
        if self.base in self.rates:
            raise ValueError(_("rates: {currency} is the base, which has no rate").format(currency=self.base))
        return self


PLACES = frozenset({"client", "successor", "leaver", "company"})
"""Names that stand in braces in an introduction. There is none for the reason why somebody leaves."""


def _introduction(text: str) -> str:
    try:
        found = {name: not (spec or how) for _text, name, spec, how in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ValueError(_("has a brace that does not belong to a name")) from error
    if wrong := sorted(name for name, plain in found.items() if name not in PLACES or not plain):
        said = _("names {name}, which is not known here; there are {names}")
        raise ValueError(said.format(name=wrong[0] or "{}", names=", ".join(sorted(PLACES))))
    if "successor" not in found:
        raise ValueError(_("does not name the new contact, in braces: successor"))
    return text


IntroductionText = Annotated[str, Field(max_length=1500), AfterValidator(_introduction)]


class IntroductionSettings(SettingsTable):
    """Introductions of the new contact to clients that moved. Without systems, nobody is told."""

    systems: dict[str, Literal["task", "message"]] = Field(default_factory=dict)
    """The way of each system: `{ crm = "task" }` gives the new contact a task for each client, and `"message"` lets the
    system write to the client. A system that is not named does neither."""
    texts: dict[LanguageCode, IntroductionText] = Field(default_factory=dict)
    """Your own text, by language: `{ en = "Your contact at {company} is now {successor}." }`. The one in
    `company.language` is used, else a neutral text. {client} and {leaver} may be named too, the reason never."""


class ClientSettings(SettingsTable):
    """The client track."""

    default_strategy: StrategyName = "balanced"
    """Strategy of the split, unless a person chooses another: one successor (`single`), in turn (`round_robin`), by
    count and value (`balanced`), by co-owner, team, language or region (`affinity`), or by the company's `rules`."""
    stayed_days: RisingDays = (7, 30, 90)
    """Days after the moves on which the manager reads what became of the clients. Empty: no such reports."""
    rules: tuple[SplitRule, ...] = ()
    """One table `[[clients.rules]]` for each rule, in order."""
    colleagues: dict[Address, ColleagueSettings] = Field(default_factory=dict)
    """One table `[clients.colleagues."ADDRESS"]` for each colleague."""
    count_present_load: bool = False
    """True: the records that a successor owns already count, each as an average record of the leaver.

    So who has a large book gets less of this one. It has no effect with `single` and `round_robin`."""
    currencies: CurrencySettings | None = None
    """One table `[clients.currencies]` with rates of exchange. Without it, values in several currencies are not
    compared, and the proposal says so."""
    introductions: IntroductionSettings = IntroductionSettings()

    @model_validator(mode="after")
    def _ruled(self) -> "ClientSettings":
        if self.default_strategy == "rules" and not self.rules:
            raise ValueError(_('default_strategy = "rules" needs at least one [[clients.rules]] table'))
        return self


class ApprovalRule(SettingsTable):
    """Additional approval rule. Any one condition is enough; a rule without conditions always applies."""

    users: tuple[UserId, ...] = ()
    """Slack user ids of people who may decide."""
    groups: tuple[GroupId, ...] = ()
    """Slack user group ids. Every member may decide."""
    need: int = Field(default=1, gt=0)
    """Number of different people who must agree."""
    above_clients: int | None = Field(default=None, ge=0)
    """Applies if more clients than this would move."""
    above_value: dict[Currency, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)
    """Applies if the open deals are worth more than this, by currency: `{ EUR = 100000, USD = 110000 }`.

    Amounts in several currencies add up as parts of their limits. A currency without a limit is converted by
    `[clients.currencies]` into one that has a limit. Without a rate it counts as above."""
    sensitivity: tuple[str, ...] = ()
    """Applies if a client of one of these tiers would move, as the system names them."""
    escalate_to: tuple[PersonId, ...] = ()
    """People or groups to ask next, in this order, if nobody answers. Empty: those of `[approvals]`."""

    @model_validator(mode="after")
    def _enough(self) -> "ApprovalRule":
        if not self.users and not self.groups:
            raise ValueError(_("names nobody; add users or groups"))
        if not self.groups and self.need > len(set(self.users)):
            raise ValueError(
                _("needs {need} people and names only {count}").format(need=self.need, count=len(set(self.users)))
            )
        return self


class ApprovalSettings(SettingsTable):
    """Approvals before clients move. The case's approver, by default the line manager, must always agree."""

    receivers: bool = False
    """True: each successor must agree to their own share."""
    tell_receivers: bool = False
    """True: once clients are approved for a later day, their successors are told before that day."""
    remind_days: Days = 1
    """Business days between reminders, by the approver's own calendar."""
    escalate_days: Days = 3
    """Business days without an answer after which the next of `escalate_to` is asked as well."""
    expire_days: Days = 10
    """Business days without an answer after which a request expires. Nothing moves: silence is never a yes."""
    escalate_to: tuple[PersonId, ...] = ()
    """User or user group ids to ask next, in this order. They are asked at once if an approver cannot decide."""
    calendars: dict[Zone, Country] = Field(default_factory=dict)
    """Country of the public holidays by time zone: `{ "Europe/Dublin" = "IE" }`. Other zones: the company's."""
    rules: dict[Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")], ApprovalRule] = Field(default_factory=dict)
    """One table `[approvals.rules.NAME]` for each additional approval rule."""

    @model_validator(mode="after")
    def _in_order(self) -> "ApprovalSettings":
        if self.escalate_to and self.escalate_days >= self.expire_days:
            raise ValueError(_("escalate_days must be fewer than expire_days, so that people have time to answer"))
        return self
