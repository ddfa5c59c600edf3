"""Conversion between payloads and values (RFC 7643).

Pure, and tolerant: real servers send null, "False", text for lists.

`scim2-models` is not used to read: it refuses a whole page because of one malformed record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.text import _
from connectors.contract import Account, AccountId, BeforeImage, Observation, Person, Verdict
from connectors.errors import Unavailable
from connectors.identifiers import key

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"
"""Name of the extension that holds the employee number (RFC 7643, 4.3), in lower case."""
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
MASKS = frozenset("*•")
"""Characters in place of which an address was not shown."""
DEEPEST = 20
"""Depth in lists and objects beyond which a text is not read as an address."""
READ_ONLY = frozenset({"meta", "groups"})


def truth(value: object) -> bool | None:
    """Read a boolean: as in JSON, or as text in any case (Entra ID sends "False"); None for any other value."""
    return TRUTHS.get(str(value).strip().lower()) if isinstance(value, str | int) else None


def texts(value: object, deep: int = 0) -> Iterator[str]:
    """Yield every text of an attribute: a text, a number, an object with a `value`, or a list of these."""
    if deep > DEEPEST:
        return
    if isinstance(value, str | int) and not isinstance(value, bool):
        if text := str(value).strip():
            yield text
    elif isinstance(value, Mapping):
        yield from texts(attributes(value).get("value"), deep + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from texts(each, deep + 1)


def attributes(raw: object) -> Mapping[str, object]:
    """Return an object's attributes by name in lower case: names ignore case (RFC 7643, 2.1).

    Values that two spellings of one name give are a list.
    """
    found: dict[str, object] = {}
    for name, value in raw.items() if isinstance(raw, Mapping) else ():
        low = str(name).lower()
        found[low] = [found[low], value] if low in found else value
    return found


@dataclass(frozen=True, slots=True)
class User:
    """One user as the server showed it; values that cannot be read are empty."""

    id: str
    login: str
    external: str
    emails: tuple[str, ...]
    name: str
    title: str
    active: bool | None
    version: str
    active_text: str
    """The received value of `active`."""
    shows_active: bool
    bare: bool
    """True if the record has no attribute `emails`: no addresses, or a list that leaves them out."""
    readable: bool
    """True if the record shows what lookups compare."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, answer: object, etag: str = "") -> "User":
        """Read a user resource, even a malformed one. `etag` is the header that came with it."""
        raw = answer if isinstance(answer, Mapping) else {}
        said = attributes(raw)
        logins = list(dict.fromkeys(texts(said.get("username"))))
        login, emails = logins[0] if len(logins) == 1 else "", tuple(texts(_primary_first(said.get("emails"))))
        return cls(
            id=_first(said.get("id")),
            login=login,
            external=_first(said.get("externalid")),
            emails=emails,
            name=_first(said.get("displayname")) or _full_name(said.get("name")),
            title=_first(said.get("title")),
            active=truth(said.get("active")),
            version=_first(attributes(said.get("meta")).get("version")) or etag,
            active_text=repr(said["active"]) if "active" in said else _("not given"),
            shows_active="active" in said,
            bare="emails" not in said,
            readable=bool(login and (emails or not said.get("emails")) and not MASKS & set("".join(emails))),
            raw=raw,
        )

    @property
    def employee_number(self) -> str:
        """Return the number of the enterprise extension, or nothing."""
        return _first(attributes(attributes(self.raw).get(ENTERPRISE)).get("employeenumber"))

    @property
    def state(self) -> Mapping[str, str]:
        """Return the values that a lock changes."""
        return {"active": "unknown" if self.active is None else str(self.active).lower()}

    def replaced(self, *, active: bool) -> dict[str, Any]:
        """Return the whole resource for a PUT."""
        kept = {name: value for name, value in self.raw.items() if name.lower() not in {*READ_ONLY, "active"}}
        return kept | {"active": active}


def matched_by(user: User, person: Person) -> str:
    """Return the attribute that matches the person. An address is the better proof, so it comes first."""
    emails, names = ({key(value) for value in values if value.strip()} for values in (person.emails, person.logins))
    if emails & {key(email) for email in user.emails}:
        return "emails"
    if key(user.login) in emails | names:
        return "userName"
    return "externalId" if key(user.external) in emails | names else ""


def verdict(user: User) -> Verdict:
    """Return the meaning of `active`; a missing value gives `unknown`."""
    return {True: Verdict.OPEN, False: Verdict.LOCKED, None: Verdict.UNKNOWN}[user.active]


def account(user: User, by: str) -> Account:
    """Return a user as a lookup saw it."""
    found = AccountId(user.id)
    return Account(
        id=found,
        login=user.login,
        name=user.name,
        verdict=verdict(user),
        matched_by=by,
        email=next(iter(user.emails), user.login if "@" in user.login else ""),
        title=user.title,
        before=BeforeImage(found, user.state),
        also=user.emails[1:],
        employee_number=user.employee_number,
    )


def observation(user: User) -> Observation:
    """Return the observation of a read user."""
    found = verdict(user)
    return Observation(
        found,
        how=_("read active of {login} from /Users").format(login=user.login or _("the account")),
        reason="" if found is Verdict.LOCKED else _("active is {value}").format(value=user.active_text),
    )


def patch(*operations: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a PATCH (RFC 7644, 3.5.2)."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def _first(value: object) -> str:
    return next(texts(value), "")


def _primary_first(emails: object) -> object:
    if not isinstance(emails, list):
        return emails
    return sorted(emails, key=lambda email: not truth(attributes(email).get("primary")))


def _full_name(name: object) -> str:
    if not isinstance(name, Mapping):
        return ""
    said = attributes(name)
    parts = (_first(said.get(part)) for part in ("givenname", "familyname"))
    return _first(said.get("formatted")) or " ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Features:
    """Announced features (RFC 7643, section 5; paging by cursor: RFC 9865).

    Without an announcement the standard's features are assumed; refusals show the rest.
    """

    patch: bool = True
    filter: bool = True
    etag: bool = True
    cursor: bool = False

    def __str__(self) -> str:
        offered = {"PATCH": self.patch, "filters": self.filter, "ETags": self.etag, "cursors": self.cursor}
        return ", ".join(name if there else _("no {name}").format(name=name) for name, there in offered.items())


def read_features(answer: object) -> Features:
    """Read a `ServiceProviderConfig`, even a malformed one."""
    config = attributes(answer)
    return Features(
        patch=_says(config, "patch", "supported", default=True),
        filter=_says(config, "filter", "supported", default=True),
        etag=_says(config, "etag", "supported", default=True),
        cursor=_says(config, "pagination", "cursor", default=False),
    )


def _says(config: Mapping[str, object], section: str, key: str, *, default: bool) -> bool:
    value = truth(attributes(config.get(section)).get(key))
    return default if value is None else value


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `total` is None if the server sends none."""

    records: Sequence[object]
    total: int | None
    cursor: str = ""

    @property
    def users(self) -> list[User]:
        """Return the records as users."""
        return list(map(User.read, self.records))


def read_page(answer: object) -> Page:
    """Read a ListResponse. Raises `Unavailable` for any other answer: it is not an empty list."""
    if not isinstance(answer, Mapping):
        raise Unavailable(_("the answer is not a SCIM list"))
    said = attributes(answer)
    records, total = said.get("resources"), said.get("totalresults")
    whole = int(total) if isinstance(total, int | str) and str(total).isdecimal() else None
    if not isinstance(records, list):
        if records is not None or whole is None:
            raise Unavailable(_("the answer is not a SCIM list"))
        records = []
    return Page(records, whole, str(said.get("nextcursor") or ""))


def following(page: Page, seen: int, *, by_cursor: bool) -> Mapping[str, str] | None:
    """Return the request for the next page, None at the end. Raises `Unavailable` if the list breaks off."""
    if page.cursor:
        return {"cursor": page.cursor}
    if by_cursor or (page.total is None and not page.records) or (page.total is not None and seen >= page.total):
        return None
    if not page.records:
        raise Unavailable(_("the list breaks off at {seen} of {total}").format(seen=seen, total=page.total))
    return {"startIndex": str(seen + 1)}
