"""Keys that a `[systems.NAME]` table of any kind may have."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from config.text import _

UNITS = {"d": "days", "h": "hours"}


def _span(value: Any) -> Any:
    """Accept `7d` and `36h`. The unit is never guessed."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,4})([dh])", value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(_('must be days or hours such as "7d" or "36h"'))
    return timedelta(**{UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """Number of requests that a system accepts within any window of time."""

    requests: int
    window: timedelta


def _limit(value: Any) -> Any:
    """Accept `190/10s`. The time is never guessed."""
    if isinstance(value, RequestLimit):
        return value
    found = re.fullmatch(r"(\d{1,6})/(\d{1,5})s", value, re.ASCII) if isinstance(value, str) else None
    if found is None or not int(found[1]) or not int(found[2]):
        raise ValueError(_('must be requests and seconds such as "190/10s"'))
    return RequestLimit(int(found[1]), timedelta(seconds=int(found[2])))


Limit = Annotated[RequestLimit, BeforeValidator(_limit)]
Span = Annotated[timedelta, BeforeValidator(_span)]
Name = Annotated[str, Field(min_length=1)]


class Common(BaseModel):
    """Keys of every kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    administrators: tuple[Name, ...] = ()
    """Names or ids of the groups with full power. Their last enabled member is never locked."""
    restrict_before: Span | None = None
    """Time before a scheduled lock-out at which the leaver leaves `restrict_groups`: `"7d"`, `"36h"`."""
    restrict_groups: tuple[Name, ...] = ()
    """Names or ids of groups that a leaver leaves at `restrict_before`. A cancel restores them."""

    request_limit: Limit | None = None
    """Limit on requests from the vendor or your contract: `"190/10s"`. All bots together keep it."""
    records_at_once: int | None = Field(default=None, gt=0)
    """Most records in one move call, if the system accepts fewer than its connector sends."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.restrict_before is None) != (not self.restrict_groups):
            raise ValueError(_("restrict_before, restrict_groups: each needs the other"))
        return self
