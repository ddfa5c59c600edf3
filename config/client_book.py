"""Settings of the split: the company's own rules, and its successors."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from config.table import SettingsTable
from config.text import _


def _address(text: str) -> str:
    if "@" not in text or len(text.split()) != 1:
        raise ValueError(_("must be an e-mail address"))
    return text.lower()


Address = Annotated[str, AfterValidator(_address)]
"""An e-mail address, in lower case."""


class SplitRule(SettingsTable):
    """One rule of `strategy = "rules"`. The first rule whose conditions a client meets decides.

    A rule without conditions takes all clients.
    """

    segment: str = ""
    """The client's segment, as the system names it: `"key"`."""
    language: str = ""
    """The client's language, as the system names it: `"fr"`."""
    region: str = ""
    """The client's region, as the system names it: `"FR"`."""
    sensitivity: str = ""
    """The client's sensitivity, as the system names it."""
    successors: tuple[Address, ...] = Field(min_length=1)
    """Addresses of the successors for such clients, in equal parts. A successor without room or account is left out."""


class ColleagueSettings(SettingsTable):
    """A colleague who may receive clients."""

    capacity: int | None = Field(default=None, ge=0)
    """Most clients of one leaver in one system. They get more only if nobody has room, and the plan says so."""
    team: str = ""
    """Their team. With `strategy = "affinity"` clients stay in the leaver's team if possible."""
    languages: tuple[str, ...] = ()
    """Languages that they speak, as the systems name them: `["fr", "de"]`."""
    regions: tuple[str, ...] = ()
    """Regions that they look after, as the systems name them: `["FR"]`."""


class ClientSettings(SettingsTable):
    """The client track."""

    default_strategy: Literal["single", "round_robin", "balanced", "affinity", "rules"] = "balanced"
    """Strategy of the split, unless a person chooses another: one successor (`single`), in turn (`round_robin`), by
    count and value (`balanced`), by co-owner, team, language or region (`affinity`), or by the company's `rules`."""
    rules: tuple[SplitRule, ...] = ()
    """One table `[[clients.rules]]` for each rule, in order."""
    colleagues: dict[Address, ColleagueSettings] = Field(default_factory=dict)
    """One table `[clients.colleagues."ADDRESS"]` for each colleague."""

    @model_validator(mode="after")
    def _ruled(self) -> "ClientSettings":
        if self.default_strategy == "rules" and not self.rules:
            raise ValueError(_('default_strategy = "rules" needs at least one [[clients.rules]] table'))
        return self
