"""Conversion between BottleCRM's payloads and our values. Pure: nothing is sent from here.

Long because every kind of record has a list of its own shape: `KINDS` names the places of its rows and of their number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from config.text import _
from connectors.contract import Account, AccountId, BeforeImage, Observation, Person, Record, RecordId, Token, Verdict
from connectors.errors import Unavailable
from connectors.identifiers import key

Json = Mapping[str, Any]
Place = tuple[str, ...]
"""A place in an answer: keys from the outside in."""


class Unreadable(Unavailable):
    """The answer is not BottleCRM's, or lacks a part that BottleCRM always sends."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record: its address, and the shapes of its list and its detail."""

    name: str
    path: str
    halves: tuple[tuple[Place, Place], ...]
    """Places of the rows in a list, and of their number; some lists have an open and a closed half, paged as one."""
    detail: str
    """The key of the record in its own answer; empty if the answer is the record."""
    query: Mapping[str, str] = field(default_factory=dict)

    def address(self, number: str = "") -> str:
        """Return the address of the list, or of one record."""
        return f"/api/{self.path}/" + (f"{number}/" if number else "")


KINDS = (
    Kind(
        "account",
        "accounts",
        (
            (("active_accounts", "open_accounts"), ("active_accounts", "open_accounts_count")),
            (("closed_accounts", "close_accounts"), ("closed_accounts", "close_accounts_count")),
        ),
        "account_obj",
    ),
    Kind("contact", "contacts", ((("results",), ("count",)),), "contact_obj"),
    Kind(
        "lead",
        "leads",
        (
            (("open_leads", "open_leads"), ("open_leads", "leads_count")),
            (("close_leads", "close_leads"), ("close_leads", "leads_count")),
        ),
        "lead_obj",
    ),
    Kind("opportunity", "opportunities", ((("opportunities",), ("opportunities_count",)),), "opportunity_obj"),
    Kind("case", "cases", ((("cases",), ("cases_count",)),), "cases_obj", {"slim": "true", "show_merged": "true"}),
    Kind("project", "projects", ((("projects",), ("count",)),), ""),
    Kind("task", "tasks", ((("tasks",), ("tasks_count",)),), "task_obj", {"slim": "true"}),
)
"""In the order of a book: records that belong to a deal come after the deals."""
BY_NAME = {kind.name: kind for kind in KINDS}
USERS = (
    (("active_users", "active_users"), ("active_users", "active_users_count")),
    (("inactive_users", "inactive_users"), ("inactive_users", "inactive_users_count")),
)
CLOSED = frozenset({"closed", "converted", "Closed", "Rejected", "Duplicate", "Completed", "COMPLETED", "CANCELLED"})
"""Closed statuses of leads, tickets, projects and tasks."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list: its rows, their total number, and the length of the longest half."""

    rows: Sequence[Json]
    total: int
    longest: int


@dataclass(frozen=True, slots=True)
class Member:
    """One person in the organization. The profile (`id`) owns records; a lock uses the user."""

    id: AccountId
    user: str
    email: str
    name: str
    active: bool
    tokens: int | None = None
    """Live personal access tokens; None if the answer does not tell."""


def page(answer: object, halves: Sequence[tuple[Place, Place]]) -> Page:
    """Read a list. Raises `Unreadable`."""
    counts = [_number(at(answer, number)) for _place, number in halves]
    rows: list[Json] = []
    for place, _number_at in halves:
        found = at(answer, place)
        if not isinstance(found, list):
            raise Unreadable(_("the answer has no list {place}").format(place=".".join(place)))
        rows += found
    return Page(rows, sum(counts), max(counts))


def at(answer: object, place: Place) -> Any:
    """Return the value at a place. Raises `Unreadable`."""
    for name in place:
        if not isinstance(answer, Mapping) or name not in answer:
            raise Unreadable(_("the answer has no {place}").format(place=".".join(place)))
        answer = answer[name]
    return answer


def identity(row: object) -> str:
    """Return a row's id. Raises `Unreadable`."""
    return _text(at(row, ("id",)))


def member(row: Json) -> Member:
    """Return a row of `/api/users/` or an assignee. Raises `Unreadable`."""
    who, active = at(row, ("user_details",)), at(row, ("is_active",))
    if not isinstance(active, bool):
        raise Unreadable(_("a user is neither active nor inactive"))
    email = _text(at(who, ("email",)))
    return Member(
        AccountId(identity(row)),
        _text(at(who, ("id",))),
        email,
        who.get("name") or email,
        active,
        None if row.get("active_token_count") is None else _number(row["active_token_count"]),
    )


def holders(row: Json) -> tuple[Member, ...]:
    """Return the people whom a record is assigned to, in the server's order. Raises `Unreadable`."""
    found = at(row, ("assigned_to",))
    if not isinstance(found, list):
        raise Unreadable(_("a record has no list of people whom it is assigned to"))
    return tuple(member(one) for one in found)


def record_id(kind: Kind, number: str) -> RecordId:
    """Return our id of a record."""
    return RecordId(f"{kind.name}:{number}")


def record_place(record: RecordId) -> tuple[Kind, str] | None:
    """Return the kind and BottleCRM's own id; None for a text that cannot be one."""
    name, _colon, number = record.partition(":")
    kind = BY_NAME.get(name)
    try:
        return (kind, number) if kind and str(UUID(number)) == number else None
    except ValueError:
        return None


def matched(person: Person, found: Member) -> bool:
    """Return whether an address or a log-in of the person is the member's address, which is the log-in in BottleCRM."""
    return key(found.email) in {key(text) for text in (*person.emails, *person.logins)}


def account(found: Member) -> Account:
    """Return a member as an account."""
    return Account(
        id=found.id,
        login=found.email,
        name=found.name,
        verdict=Verdict.OPEN if found.active else Verdict.LOCKED,
        matched_by="email",
        email=found.email,
        before=before(found),
    )


def before(found: Member) -> BeforeImage:
    """Return the values that a lock of the member changes."""
    return BeforeImage(found.id, {"active": str(found.active).lower()})


def observation(found: Member | None) -> Observation:
    """Return the observation of a member; None if no member has that id."""
    if found is None:
        return Observation(Verdict.ABSENT, _("the organization's members by id"))
    if found.active:
        return Observation(
            Verdict.OPEN,
            _("is_active of the member"),
            _("active, {tokens} live personal token(s)").format(tokens="?" if found.tokens is None else found.tokens),
        )
    return Observation(Verdict.LOCKED, _("is_active of the member"))


def token(row: Json) -> Token:
    """Return a row of `/api/org/tokens/`. Tokens of inactive owners are refused, and work again after an undo."""
    return Token(identity(row), f"{row.get('name') or '?'} ({row.get('token_prefix') or '?'}…)")


Family = tuple[str, str]
"""Key and name that join records."""


def family(kind: Kind, row: Json, families: Mapping[str, Family]) -> Family:
    """Return the family of a record: its company, else that of its deal, ticket, lead or project."""
    own = str(record_id(kind, identity(row))), name(kind, row)
    if kind.name == "account":
        return own
    if company := _link(row, "account_detail") or _link(row, "account"):
        return f"account:{company[0]}", company[1]
    for above in ("deal", "opportunity", "case", "project", "lead"):
        if linked := _link(row, above):
            parent = f"{'opportunity' if above == 'deal' else above}:{linked[0]}"
            return families.get(parent, (parent, linked[1]))
    return own


def name(kind: Kind, row: Json) -> str:
    """Return the name of a record for people."""
    person = " ".join(part for part in (row.get("first_name"), row.get("last_name")) if part)
    named = row.get("name") or row.get("title") if kind.name != "contact" else person
    return str(named or person or row.get("company_name") or kind.name)


def record(kind: Kind, row: Json, owner: AccountId, families: Mapping[str, Family]) -> Record:
    """Return a row of a list as a record of `owner`, whom it is assigned to. Raises `Unreadable`."""
    joined = family(kind, row, families)
    return Record(
        id=record_id(kind, identity(row)),
        kind=kind.name,
        name=name(kind, row),
        owner=owner,
        family=joined[0],
        family_name=joined[1],
        value=amount(kind, row),
        currency=str(row.get("currency") or ""),
        open=_is_open(kind, row),
        stage=str(row.get("stage_label") or row.get("status") or ""),
        co_owners=tuple(one.id for one in holders(row) if one.id != owner),
    )


def amount(kind: Kind, row: Json) -> Decimal:
    """Return the value of a record, or zero. Raises `Unreadable`."""
    return _decimal(row.get("amount" if kind.name == "opportunity" else "opportunity_amount"))


def is_ended(row: Json) -> bool:
    """Return whether a deal is won or lost."""
    return row.get("stage_kind") in ("won", "lost")


def _is_open(kind: Kind, row: Json) -> bool:
    if kind.name == "opportunity":
        return not is_ended(row)
    if kind.name in ("account", "contact"):
        return row.get("is_active") is not False
    return row.get("status") not in CLOSED


def _link(row: Json, key: str) -> Family | None:
    linked = row.get(key)
    if isinstance(linked, Mapping) and linked.get("id"):
        return str(linked["id"]), str(linked.get("name") or linked.get("title") or linked["id"])
    return None


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value)) if value is not None else Decimal(0)
    except InvalidOperation as error:
        raise Unreadable(_("a value is not a number")) from error


def _number(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise Unreadable(_("a number of records is not a number"))
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Unreadable(_("an id or address is not a text"))
    return value
