"""Conversion from entries to values and from values to filters. Pure: no connection is ever made here."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, TypedDict
from urllib.parse import unquote, urlsplit

from ldap.dn import dn2str, str2dn
from ldap.filter import escape_filter_chars

from config.identifiers import distinct, relatives
from config.identifiers import folded as unfolded
from config.text import _
from connectors.contract import AccountId, Person
from connectors.errors import Unavailable
from connectors.identifiers import key

NUMBERS = ("employeeNumber", "employeeID")
"""Attributes of the employee number (RFC 2798 section 2.4; Active Directory has both)."""
Modification = tuple[int, str, list[bytes] | None]
Values = Mapping[str, Sequence[bytes]]
_PORTION = re.compile(r"(?P<name>[^;]+);range=\d+-(?P<last>\d+|\*)", re.IGNORECASE)


_NO_PEOPLE = re.compile(
    r"(cn=configuration|cn=schema,cn=configuration|dc=(domain|forest)dnszones),dc=|cn=[^,]+$", re.IGNORECASE
)
"""The names of Active Directory's own partitions, and others of one part, such as cn=accesslog."""


class Names(Protocol):
    """Attributes of addresses (each with the prefix before the address) and of log-ins in one kind of directory."""

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """Attributes of addresses."""

    @property
    def logins(self) -> Sequence[str]:
        """Attributes of log-ins."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; attribute names are compared without regard to case, as the protocol requires."""

    dn: str
    values: Values = field(repr=False)

    @classmethod
    def read(cls, dn: str, attributes: Values) -> "Entry":
        """Read a row of a search result. Options of an attribute (`mail;lang-de`) make no difference to its values."""
        found: dict[str, tuple[bytes, ...]] = {}
        for name in sorted(attributes, key=lambda name: ";" in name):
            plain = name.partition(";")[0].lower()
            found[plain] = (*found.get(plain, ()), *attributes[name])
        return cls(dn, found)

    def shows(self, name: str) -> bool:
        """Return whether an attribute was seen, or proven to be missing (then it has no value here)."""
        return name.lower() in self.values

    def without(self, name: str) -> "Entry":
        """Return this entry with one attribute that is proven to be missing."""
        return Entry(self.dn, {**self.values, name.lower(): ()})

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of an attribute as text."""
        return tuple(value.decode("utf-8", "replace") for value in self.values.get(name.lower(), ()))

    def text(self, name: str) -> str:
        """Return the first value of an attribute, or an empty text."""
        return next(iter(self.all(name)), "")

    def first(self, name: str) -> bytes:
        """Return the first value of an attribute as the server sent it, or nothing."""
        return next(iter(self.values.get(name.lower(), ())), b"")


def first_value(values: Values, name: str) -> bytes:
    """Return the first value; servers may write an attribute's name in another case than requested."""
    found = values.get(name)
    if found is None:
        found = next((v for k, v in values.items() if k.lower() == name.lower()), None)
    return found[0] if found else b""


def equals(attribute: str, value: str) -> str:
    """Return a filter for one value; special characters in the value are data."""
    return f"({attribute}={escape_filter_chars(value)})"


def equals_bytes(attribute: str, value: bytes) -> str:
    """Return a filter for one binary value, every byte of it escaped (RFC 4515)."""
    escaped = "".join(f"\\{byte:02x}" for byte in value)
    return f"({attribute}={escaped})"


def both(*filters: str) -> str:
    """Return a filter that requires all of `filters`."""
    return f"(&{''.join(filters)})"


def either(filters: Iterable[str]) -> str:
    """Return a filter that requires any of `filters`."""
    return f"(|{''.join(filters)})"


def person_filter(person: Person, names: Names) -> str:
    """Return the filter for entries with one of the person's addresses or log-ins; empty if none is known."""
    wanted = [
        *(
            equals(attribute, prefix + email)
            for email in person.emails
            if email.strip()
            for attribute, prefix in names.addresses
        ),
        *(equals(attribute, login) for login in person.logins if login.strip() for attribute in names.logins),
    ]
    return either(wanted) if wanted else ""


def matched_by(entry: Entry, person: Person, names: Names) -> str:
    """Return the attribute that made the entry match. An address is the better proof, so it comes first."""
    for attribute, prefix in names.addresses:
        if {folded(prefix + email) for email in person.emails} & _folded(entry, attribute):
            return attribute
    logins = {folded(login) for login in person.logins}
    # The server may search in attributes that it does not show. The entry then gets the name that was asked for.
    unseen = names.logins[0] if logins else names.addresses[0][0]
    return next((attribute for attribute in names.logins if logins & _folded(entry, attribute)), unseen)


def _folded(entry: Entry, attribute: str) -> set[str]:
    return {folded(value) for value in entry.all(attribute)}


def folded(value: str) -> str:
    """Return a value as servers compare it: outer spaces, and the number of inner ones, do not count (RFC 4518)."""
    return " ".join(value.split()).casefold()


class AccountNames(TypedDict):
    """Further addresses, further log-ins and employee number of an account, as `Account` takes them."""

    also: tuple[str, ...]
    logins: tuple[str, ...]
    employee_number: str


def account_names(entry: Entry, names: Names, login: str) -> AccountNames:
    """Return what an entry says of its person beside the first `mail` and the log-in."""
    addresses = (
        value[len(prefix) :]
        for attribute, prefix in names.addresses
        for value in entry.all(attribute)
        if key(value).startswith(prefix) and ":" not in value[len(prefix) :]
    )
    logins = (value for attribute in names.logins for value in entry.all(attribute))
    return AccountNames(
        also=_without(addresses, entry.text("mail")),
        logins=_without(logins, login),
        employee_number=next(filter(None, map(entry.text, NUMBERS)), ""),
    )


def _without(values: Iterable[str], first: str) -> tuple[str, ...]:
    return tuple(value for value in distinct(values) if key(value) != key(first))


def is_candidate(entry: Entry, person: Person, names: Names) -> bool:
    """Return whether the server's own rules made an entry match that only looks like the person's.

    A server may compare by Unicode folding. A value that the entry does not show cannot be compared: it is believed.
    """
    addresses = [
        (value, prefix + email)
        for attribute, prefix in names.addresses
        for value in entry.all(attribute)
        for email in person.emails
    ]
    logins = [(value, login) for name in names.logins for value in entry.all(name) for login in person.logins]
    pairs = [(" ".join(value.split()), " ".join(wanted.split())) for value, wanted in (*addresses, *logins)]
    return not any(key(value) == key(wanted) for value, wanted in pairs) and any(
        unfolded(value) == unfolded(wanted) for value, wanted in pairs
    )


def related_filter(person: Person, names: Names) -> str:
    """Return the filter for entries that may be the person's beside those that match; empty if nothing is known."""
    wanted = [equals(attribute, person.employee_number) for attribute in NUMBERS if person.employee_number]
    wanted += [equals(attribute, one) for attribute in names.logins for one in relatives(person.logins)]
    for email in person.emails:
        user, _at, domain = map(escape_filter_chars, email.partition("@"))
        wanted += [f"({attribute}={prefix}{user}+*@{domain})" for attribute, prefix in names.addresses]
        wanted += [equals("mail", one) for one in relatives([email])]
    return either(wanted) if wanted else ""


def describe(person: Person, names: Names, base_dn: str) -> str:
    """Return the lookup as text for people."""
    addresses, logins = " or ".join(dict(names.addresses)), " or ".join(names.logins)
    parts = [f"{addresses} {email}" for email in person.emails] + [f"{logins} {name}" for name in person.logins]
    return _("looked up by {sought} below {base_dn}").format(sought=", ".join(parts), base_dn=base_dn)


def generalized_time(value: str) -> datetime | None:
    """Read a GeneralizedTime in UTC (RFC 4517 section 3.3.13), as in modifyTimestamp; None for any other form."""
    try:
        return datetime.strptime(value.partition(".")[0].rstrip("Z"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def hashes(values: Sequence[str]) -> tuple[str, ...]:
    """Return the passwords that are stored as hashes; a clear one is never passed on."""
    return tuple(value for value in values if is_hash(value.encode()))


def is_hash(password: bytes) -> bool:
    """Return whether a stored password is a hash, `{SCHEME}...` (RFC 2307)."""
    return password[:1] == b"{" and b"}" in password and password[:11].upper() != b"{CLEARTEXT}"


def whole(values: Values, more: Callable[[str], Values]) -> Values:
    """Return an entry's attributes under their plain names. `more` reads the entry again with one attribute.

    Active Directory cuts an attribute off after 1,500 values: it answers `member;range=0-1499` in place of `member`.
    The rest is requested range by range, and the last one ends with `*` (source in README.md).
    """
    result: dict[str, Sequence[bytes]] = {}
    for sent, portion in values.items():
        found = _PORTION.fullmatch(sent)
        if found is None:
            result.setdefault(sent, portion)
            continue
        name, collected = found["name"], list(portion)
        while found and found["last"] != "*":
            last = int(found["last"])
            answer = more(f"{name};range={last + 1}-*")
            found = next((match for match in map(_PORTION.fullmatch, answer) if match), None)
            if found and found["last"] != "*" and int(found["last"]) <= last:
                raise Unavailable(_("the values of {name} do not end").format(name=name))
            collected += answer[found[0]] if found else []
        result[name] = collected
    return result


def holds_no_people(place: str) -> bool:
    """Return whether a DN, or the address of one, is a part of a directory for configuration, a log, or DNS."""
    name = unquote(urlsplit(place).path.lstrip("/")) if "://" in place else place
    return bool(_NO_PEOPLE.match(name))


def same(one: str, other: str) -> bool:
    """Return whether two DNs name the same place, however they are written."""
    return parts(one) == parts(other)


def below(dn: str, top: str) -> bool:
    """Return whether a place lies below another, and is not that other itself."""
    inner, outer = parts(dn), parts(top)
    return 0 < len(outer) < len(inner) and inner[-len(outer) :] == outer


def parent(dn: str) -> str:
    """Return the DN of the folder that an entry lies in."""
    return str(dn2str(str2dn(dn)[1:]))


def rdn(dn: str) -> str:
    """Return an entry's own part of its DN."""
    return str(dn2str(str2dn(dn)[:1]))


def marked(dn: str, account: AccountId) -> str:
    """Return an RDN that no other entry has: the name with the beginning of the id behind it."""
    (attribute, value, kind), *rest = str2dn(dn)[0]
    return str(dn2str([[(attribute, f"{value} ({account[:8]})", kind), *rest]]))


def parts(dn: str) -> list[list[tuple[str, str]]]:
    return [[(attribute.casefold(), value.casefold()) for attribute, value, _kind in name] for name in str2dn(dn)]
