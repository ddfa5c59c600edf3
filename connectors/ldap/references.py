"""Entries that point to an account: owned groups and devices, roles, reports. The server itself is asked for them."""

import time
from collections.abc import Iterator, Sequence

from config.text import _
from connectors.contract import AccountId, Duty, DutyId, Verdict
from connectors.ldap.absence import other_contexts
from connectors.ldap.attribute_rights import known_attributes, unsearched
from connectors.ldap.connection import LdapConnection, part_only
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry, below, either, equals, same

SECONDS = 2.0
"""Time for counting the entries that hide their references: a person may be waiting for the plan."""


def duties(directory: Directory, link: LdapConnection, account: AccountId) -> Sequence[Duty]:
    """Return every reference to an account, and what runs as it. Raises `Missing` for an unknown account."""
    entry, dialect = directory.person(link, account), directory.dialect
    asked = ("cn", "displayName", *dialect.attributes, dialect.identifier)
    found: dict[DutyId, Duty] = {}
    for base in bases(directory, link):
        for name in dialect.references:  # one by one: an attribute may be searched and not read
            for row in link.search(base, equals(name, entry.dn), asked, []):
                duty = _duty(directory, name, row)
                found[duty.id] = duty
    return [*dialect.own_duties(link, directory, entry), *found.values()]


def elsewhere(directory: Directory, link: LdapConnection, account: AccountId) -> Iterator[str]:
    """Yield, as sentences, the parts of the tree on other servers, which may point to an account as well."""
    entry, names = directory.person(link, account), directory.dialect.references
    for base in bases(directory, link):
        places: list[str] = []
        for _row in link.search(base, either(equals(name, entry.dn) for name in names), ["1.1"], places):
            pass
        if places:
            yield part_only(places)


def hidden(directory: Directory, link: LdapConnection) -> Iterator[str]:
    """Yield, as sentences, the references that our account may not search for, whoever they point to."""
    dialect, bot = directory.dialect, directory.settings.bind_dn
    known = known_attributes(link)
    names = [name for name in (*dialect.references, *dialect.own_duties_need) if name.casefold() in known]
    if not known:
        text = _("the schema is not shown to {bind_dn}, so hidden references cannot be told from none")
        yield text.format(bind_dn=bot)
        return
    end = time.monotonic() + SECONDS
    for base in bases(directory, link):
        count, total = unsearched(link, base, names, end)
        if count is None:
            text = _("whether every entry below {base} shows its references cannot be told: counting takes too long")
            yield text.format(base=base)
        elif count:
            few = [name for name in names if unsearched(link, base, [name], end)[0] != 0]
            text = _("{bind_dn} may not search {attributes} of {count} of {total} entries below {base}")
            yield text.format(bind_dn=bot, attributes=", ".join(few), count=count, total=total, base=base)


def bases(directory: Directory, link: LdapConnection) -> Sequence[str]:
    """Return the tops of all that we may see: the tree of the people, and other trees of the server."""
    settings, top = directory.settings, directory.naming_context(link)
    bases = [top] if top else [settings.base_dn]
    for one in (settings.group_base_dn, *other_contexts(directory, link)):
        if one and not any(same(one, base) or below(one, base) for base in bases):
            bases.append(one)
    return bases


def _duty(directory: Directory, name: str, row: Entry) -> Duty:
    dialect = directory.dialect
    return Duty(
        id=DutyId(f"{name}:{dialect.identify(row) or row.dn}"),
        kind=dialect.references[name],
        what=name,
        title=row.text("displayName") or row.text("cn") or dialect.handle(row),
        place=row.dn,
        stops=False,
        active=not row.shows(dialect.lock) or dialect.verdict(row)[0] is not Verdict.LOCKED,
    )
