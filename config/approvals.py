"""Who must agree before clients move, and for how long they are waited for."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from config.fields import Country, GroupId, PersonId, UserId, Zone
from config.table import SettingsTable

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Days = Annotated[int, Field(gt=0)]


class ApprovalRule(SettingsTable):
    """More people who must agree. With several conditions, each alone is enough; without any, they are always asked."""

    users: tuple[UserId, ...] = ()
    """Slack user ids of those who may decide."""
    groups: tuple[GroupId, ...] = ()
    """Slack user group ids: everybody in them may decide."""
    need: int = Field(default=1, gt=0)
    """How many different people of these must agree."""
    above_clients: int | None = Field(default=None, ge=0)
    """Asked where more clients than this would change hands."""
    above_value: dict[Currency, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)
    """Asked where the open deals are worth more than this, by currency: `{ EUR = 100000, USD = 110000 }`.

    Amounts in several currencies add up as parts of their limits; a currency that is not named counts as above."""
    sensitivity: tuple[str, ...] = ()
    """Asked where a client of one of these tiers changes hands, as the system names them."""
    escalate_to: tuple[PersonId, ...] = ()
    """Who is asked next, in this order, where nobody answers; empty: those of `[approvals]`."""

    @model_validator(mode="after")
    def _enough(self) -> "ApprovalRule":
        if not self.users and not self.groups:
            raise ValueError("names nobody; add users or groups")
        if not self.groups and self.need > len(set(self.users)):
            raise ValueError(f"needs {self.need} people and names only {len(set(self.users))}")
        return self


class ApprovalSettings(SettingsTable):
    """Who must agree before clients move. The approver that a case names, the line manager by default, always must."""

    receivers: bool = False
    """Whether each colleague who receives clients must agree to take their own share."""
    remind_days: Days = 1
    """After how many business days of that person's calendar somebody who has not answered is reminded, each time."""
    escalate_days: Days = 3
    """After how many business days without an answer the next of `escalate_to` is asked as well."""
    expire_days: Days = 10
    """After how many business days without an answer a request expires: nothing moves. Silence is never a yes."""
    escalate_to: tuple[PersonId, ...] = ()
    """User or user group ids to ask next, in this order; at once where who is asked has left or cannot decide."""
    calendars: dict[Zone, Country] = Field(default_factory=dict)
    """Whose public holidays count for people in a time zone: `{ "Europe/Dublin" = "IE" }`; others: the company's."""
    rules: dict[Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")], ApprovalRule] = Field(default_factory=dict)
    """One table `[approvals.rules.NAME]` for each further group of people that must agree."""

    @model_validator(mode="after")
    def _in_order(self) -> "ApprovalSettings":
        if self.escalate_to and self.escalate_days >= self.expire_days:
            raise ValueError("escalate_days must be fewer than expire_days, or nobody has time to answer")
        return self
