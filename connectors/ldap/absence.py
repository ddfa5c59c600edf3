"""Reasons for which nobody found is no proof of absence: a search that could find nobody, or other evidence."""

from collections.abc import Iterator, Sequence

from ldap.dn import escape_dn_chars, explode_dn

from config.identifiers import variants
from config.text import _
from connectors.contract import Person
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import below, both, either, equals, holds_no_people, parent, person_filter, same


def doubts(directory: Directory, link: LdapConnection, person: Person) -> Sequence[str]:
    """Return the reasons, as sentences, after a lookup that found no account."""
    return [*_without_control(directory, link, person), *_evidence(directory, link, person)]


def _without_control(directory: Directory, link: LdapConnection, person: Person) -> Iterator[str]:
    """Yield, as sentences, the attributes by which this search could have found nobody."""
    addresses, logins = tuple(dict(directory.dialect.addresses)), tuple(directory.dialect.logins)
    for names in (addresses if any(person.emails) else (), logins if any(person.logins) else ()):
        blind = [name for name in names if not may_search(directory, link, name)]
        for name in blind:
            yield _("{attribute} may not be searched by {bind_dn}, so nobody can be found by it").format(
                attribute=name, bind_dn=directory.settings.bind_dn
            )
        if names and not blind and not any(_control_finds(directory, link, name) for name in names):
            yield _("no account below {base_dn} can be found by {attributes}").format(
                attributes=" or ".join(names), base_dn=directory.settings.base_dn
            )


def may_search(directory: Directory, link: LdapConnection, attribute: str) -> bool:
    """Return whether an attribute can be searched in: some known account has it, or is found by its absence."""
    query = both(directory.control, either((f"({attribute}=*)", f"(!({attribute}=*))")))
    return link.first_person(directory.settings.base_dn, query, ["1.1"]) is not None


def _control_finds(directory: Directory, link: LdapConnection, attribute: str) -> bool:
    """Return whether a known account is found by the value that it has in an attribute."""
    base = directory.settings.base_dn
    known = link.first_person(base, both(directory.control, f"({attribute}=*)"), [attribute])
    if known is None or not known.text(attribute):
        return False
    return link.read(known.dn, ["1.1"], equals(attribute, known.text(attribute))) is not None


def _evidence(directory: Directory, link: LdapConnection, person: Person) -> Iterator[str]:
    """Yield, as sentences, what speaks for an account although none was found below the base."""
    base, root = directory.settings.base_dn, link.read("", ["namingContexts"])
    above = [one for one in (root.all("namingContexts") if root else ()) if below(base, one)]
    for context in (*above, *other_contexts(directory, link)):
        rows = link.search(context, person_filter(person, directory), ["objectClass"], [])
        for row in filter(directory.dialect.is_account, rows):
            yield _("{dn} matches, and lies outside of {base_dn}").format(dn=row.dn, base_dn=base)
    emails, logins = (
        tuple(one for name in names for one in variants(name)) for names in (person.emails, person.logins)
    )
    if alike := person_filter(Person("", emails, logins), directory):
        for row in link.search(base, alike, ["objectClass"], []):
            yield _("{dn} differs only in letters that are alike; a person must judge it").format(dn=row.dn)
    yield from _named_like(directory, link, person)
    if candidates := directory.dialect.candidates_filter(link, person):
        for row in link.search(base, candidates, ["objectClass"], []):
            yield _("{dn} has the same name as its log-in, and another domain").format(dn=row.dn)


def _named_like(directory: Directory, link: LdapConnection, person: Person) -> Iterator[str]:
    """Yield, as sentences, what shows an entry that a search hides: under the name that a colleague's has there.

    A server may refuse to read it, which it does not do where nothing is (RFC 4511, section 4.1.9). A group that we see
    may name it.
    """
    dialect = directory.dialect
    known = link.first_person(directory.settings.base_dn, both(directory.control, f"({dialect.login}=*)"), ["1.1"])
    attribute = explode_dn(known.dn)[0].partition("=")[0] if known else ""
    if known is None or attribute.casefold() != dialect.login.casefold():
        return
    for login in filter(None, person.logins):
        dn = f"{attribute}={escape_dn_chars(login)},{parent(known.dn)}"
        if link.refuses(dn):
            yield _("{dn} is there, and {bind_dn} may not read it").format(dn=dn, bind_dn=directory.settings.bind_dn)
        ways = ((way.attribute, login if way.by_login else dn) for way in dialect.memberships)
        groups = either(equals(*one) for one in dict.fromkeys(ways))
        for row in link.search(directory.settings.group_base_dn or directory.settings.base_dn, groups, ["1.1"], []):
            yield _("the group {group} names {login} as a member").format(group=row.dn, login=login)


def other_contexts(directory: Directory, link: LdapConnection) -> Sequence[str]:
    """Return the trees of the server, as far as they can be seen, that `base_dn` does not lie in."""
    base, root = directory.settings.base_dn, link.read("", ["namingContexts"])
    return [
        context
        for context in (root.all("namingContexts") if root else ())
        if not (same(context, base) or below(context, base) or below(base, context) or holds_no_people(context))
        and link.read_if_visible(context, ["1.1"]) is not None
    ]
