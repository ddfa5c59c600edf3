r"""Log-ins of Active Directory that no attribute holds.

The server takes `name@domain` with the domain's DNS or NetBIOS name, and `DOMAIN\name`, whatever the principal name of
the account is (seen on Samba; MS-ADTS 5.1.1.1.1). A further suffix of principal names (`uPNSuffixes`) does not do.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ldap.dn import str2dn

from connectors.contract import Person
from connectors.ldap.wire import both, equals


def complete(link: Any, base_dn: str, person: Person) -> Person:
    """Return the person with each name in front of this domain's own names as a log-in."""
    names = _names(person)
    domains = {".".join(value for kind, value in _parts(base_dn) if kind == "dc")}
    if any(domain and "." not in domain for _name, domain in names):
        domains |= _netbios_names(link, base_dn)
    implicit = [name for name, domain in names if domain in domains]
    return replace(person, logins=tuple(dict.fromkeys((*person.logins, *implicit))))


def names_before_suffixes(link: Any, person: Person) -> Sequence[str]:
    """Return each name in front of a suffix of principal names that the forest knows."""
    place = _partitions(link)
    container = link.read_if_visible(place, ["uPNSuffixes"]) if place else None
    suffixes = {one.casefold() for one in container.all("uPNSuffixes")} if container else set()
    return [name for name, domain in _names(person) if domain in suffixes]


def _names(person: Person) -> Sequence[tuple[str, str]]:
    return [_name_and_domain(one) for one in (*person.emails, *person.logins)]


def _name_and_domain(login: str) -> tuple[str, str]:
    r"""Return both parts of `name@domain` or `DOMAIN\name`, the domain in lower case; it is empty for a plain name."""
    name, at, domain = login.strip().rpartition("@")
    if not at:
        domain, _slash, name = login.strip().rpartition("\\")
    return name, domain.casefold()


def _partitions(link: Any) -> str:
    root = link.read("", ["configurationNamingContext"])
    place = root.text("configurationNamingContext") if root else ""
    return f"CN=Partitions,{place}" if place else ""


def _parts(dn: str) -> list[tuple[str, str]]:
    return [(kind.lower(), value.lower()) for ((kind, value, _flags), *_more) in str2dn(dn)]


def _netbios_names(link: Any, base_dn: str) -> set[str]:
    """Return the NetBIOS name of the domain that `base_dn` lies in, where it can be read."""
    top, place = ",".join(f"DC={value}" for kind, value in _parts(base_dn) if kind == "dc"), _partitions(link)
    query = both("(objectClass=crossRef)", equals("nCName", top))
    rows = link.search(place, query, ["nETBIOSName"], []) if place else ()
    return {row.text("nETBIOSName").casefold() for row in rows}
