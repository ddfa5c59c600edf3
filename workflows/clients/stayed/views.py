"""Views of clients after a handover: frozen values, with personal data in clear."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from config.text import N_
from workflows.people import Leaver, Successor
from workflows.storage.rows.clients import ClientWord


class Fate(StrEnum):
    """The state of one client after the handover, worst first.

    `silent`: nobody marked the client, and a whole history of the system shows no contact. `not known`: a history was
    not read, or the system does not record all contacts.
    """

    OBJECTS = N_("objects")
    SILENT = N_("silent")
    NOT_REACHED = N_("not reached")
    UNKNOWN = N_("not known")
    CONTACTED = N_("contacted")


@dataclass(frozen=True, slots=True)
class LostDeal:
    """A deal that was open at the handover and was lost since."""

    name: str
    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class ClientAnswerView:
    """A person's word on one client."""

    word: ClientWord
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClientStay:
    """One client of a handover: all its records in one system that a successor has."""

    id: str
    """The client's id in its system."""
    system: str
    title: str
    name: str
    successor: Successor
    fate: Fate = Fate.UNKNOWN
    answer: ClientAnswerView | None = None
    contacted_at: datetime | None = None
    """The last contact since the handover that the system shows, by somebody other than the leaver."""
    unknown: str = ""
    """Reason for which the system's history is no proof of silence; empty if it was read whole."""
    lost: tuple[LostDeal, ...] = ()
    ended: int = 0
    """Deals that were open at the handover, and were won or lost since."""
    deals_known: bool = True
    """False if the system could not be asked what became of deals."""
    successor_left: bool = False
    """True if a case has locked the successor out."""


@dataclass(frozen=True, slots=True)
class UsualLoss:
    """Deals of everybody that ended in the same days of the year before, and those of them that were lost."""

    title: str
    ended: int | None = None
    """None: not known, for the reason in `unknown`."""
    lost: int = 0
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class StayReport:
    """The state of all clients of a case, at one moment."""

    id: str
    case_id: str
    leaver: Leaver
    read_at: datetime
    day: int
    """Days after the handover for which it was made; 0 for a reading in between."""
    clients: int
    fates: Mapping[Fate, int]
    lost: int
    ended: int
    lost_value: Mapping[str, Decimal]
    """Value of the lost deals by currency. Currencies are not added up."""
    unknown: tuple[str, ...] = ()
    """Reasons for which something is not known, each with its system."""
    deals_unknown: tuple[str, ...] = ()
    """Titles of the systems that did not tell what became of deals."""
    usual: tuple[UsualLoss, ...] = ()
    left: Mapping[str, int] | None = None
    """Number of clients by the name of each successor who has left meanwhile."""
    objecting: tuple[str, ...] = ()
    """Names of the clients that object."""

    @property
    def whole(self) -> bool:
        """Return whether everything is known."""
        return not (self.unknown or self.deals_unknown)


@dataclass(frozen=True, slots=True)
class ClientToMark:
    """One client in a successor's list, with the word that was given."""

    id: str
    system: str
    title: str
    name: str
    successor: Successor
    answer: ClientAnswerView | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """The reminder to a successor before the first report: clients without a known contact."""

    note: str
    case_id: str
    leaver: Leaver
    successor: Successor
    clients: int
    without_contact: int
    reader: str
    """Name of the approver, who reads the report."""
    report_at: datetime
