"""How a client book may be split: the company's own rules, and what is known of colleagues."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from config.table import SettingsTable


def _address(text: str) -> str:
    if "@" not in text or len(text.split()) != 1:
        raise ValueError("must be an e-mail address")
    return text.lower()


Address = Annotated[str, AfterValidator(_address)]
"""An e-mail address, in lower case."""


class SplitRule(SettingsTable):
    """One rule of `strategy = "rules"`: the first whose conditions a client meets decides; without any, all clients."""

    segment: str = ""
    """The client's segment, as the system names it: `"key"`."""
    language: str = ""
    """The client's language, as the system names it: `"fr"`."""
    region: str = ""
    """The client's region, as the system names it: `"FR"`."""
    sensitivity: str = ""
    """The client's sensitivity, as the system names it."""
    successors: tuple[Address, ...] = Field(min_length=1)
    """Addresses of the colleagues who get such clients, evenly; who has no room or no account is left out."""


class ColleagueSettings(SettingsTable):
    """What is known of somebody who may receive clients."""

    capacity: int | None = Field(default=None, ge=0)
    """How many clients of one leaver they get at most in one system; more where nobody has room, which is said."""
    team: str = ""
    """Their team: with `strategy = "affinity"` a leaver's clients stay in the leaver's team where they can."""
    languages: tuple[str, ...] = ()
    """Languages they speak, as the systems name them: `["fr", "de"]`."""
    regions: tuple[str, ...] = ()
    """Regions they look after, as the systems name them: `["FR"]`."""


class ClientSettings(SettingsTable):
    """The client track."""

    default_strategy: Literal["single", "round_robin", "balanced", "affinity", "rules"] = "balanced"
    """How a book is split unless someone chooses otherwise: `single` successor, in turn (`round_robin`), `balanced` by
    count and value, by `affinity` (co-owner, then team, then language or region), or by the company's `rules`."""
    rules: tuple[SplitRule, ...] = ()
    """One table `[[clients.rules]]` for each rule, in order."""
    colleagues: dict[Address, ColleagueSettings] = Field(default_factory=dict)
    """One table `[clients.colleagues."ADDRESS"]` for each colleague of whom something is known."""

    @model_validator(mode="after")
    def _ruled(self) -> "ClientSettings":
        if self.default_strategy == "rules" and not self.rules:
            raise ValueError('default_strategy = "rules" needs at least one [[clients.rules]] table')
        return self
