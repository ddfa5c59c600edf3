"""Keys that a `[systems.NAME]` table of any kind may have: they are the workflows' and not the kind's own."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

UNITS = {"d": "days", "h": "hours"}


def _span(value: Any) -> Any:
    """Take `7d` and `36h`; anything else would leave the unit to be guessed."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,4})([dh])", value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError('must be days or hours such as "7d" or "36h"')
    return timedelta(**{UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """How many requests a system takes within any window of time."""

    requests: int
    window: timedelta


def _limit(value: Any) -> Any:
    """Take `190/10s`; a number alone would leave the time to be guessed."""
    if isinstance(value, RequestLimit):
        return value
    found = re.fullmatch(r"(\d{1,6})/(\d{1,5})s", value, re.ASCII) if isinstance(value, str) else None
    if found is None or not int(found[1]) or not int(found[2]):
        raise ValueError('must be requests and seconds such as "190/10s"')
    return RequestLimit(int(found[1]), timedelta(seconds=int(found[2])))


Limit = Annotated[RequestLimit, BeforeValidator(_limit)]
Span = Annotated[timedelta, BeforeValidator(_span)]
Name = Annotated[str, Field(min_length=1)]


class Common(BaseModel):
    """One more set of keys is for every kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    administrators: tuple[Name, ...] = ()
    """Names or ids of the groups that have full power there: their last enabled member is never locked."""
    restrict_before: Span | None = None
    """How long before a scheduled lock-out the leaver is taken out of `restrict_groups`: `"7d"`, `"36h"`."""
    restrict_groups: tuple[Name, ...] = ()
    """Names or ids of groups that a leaver leaves at `restrict_before`: rights to export, say. Put back by a cancel."""

    request_limit: Limit | None = None
    """The limit on requests that the vendor or your contract sets, `"190/10s"`: all bots keep it together."""
    records_at_once: int | None = Field(default=None, gt=0)
    """The most records that one call may move, where the system takes fewer than its connector sends."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.restrict_before is None) != (not self.restrict_groups):
            raise ValueError("restrict_before, restrict_groups: each needs the other")
        return self
