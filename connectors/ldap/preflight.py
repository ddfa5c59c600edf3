"""Checks before use: whether this server can lock at all, and whether the entries in the settings exist."""

from config.text import _
from connectors.errors import Forbidden
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import either, equals


def check(directory: Directory, link: LdapConnection) -> str:
    """Return a line about the server. Raises `Forbidden` with what must be granted, loaded or corrected."""
    settings = directory.settings
    _can_lock(directory, link)
    for key in ("disabled_ou", "group_base_dn"):
        _is_there(link, key, getattr(settings, key))
    _shows_people(directory, link)
    found = _("logged in as {bind_dn}; accounts below {base_dn} can be read").format(
        bind_dn=settings.bind_dn, base_dn=settings.base_dn
    )
    if _shows_groups(directory, link):
        return found
    return _("{said}; NO GROUP can be seen below {base}: if there are any, set group_base_dn").format(
        said=found, base=settings.group_base_dn or settings.base_dn
    )


def _can_lock(directory: Directory, link: LdapConnection) -> None:
    root = link.read("", ["supportedControl", "supportedCapabilities"])
    announced = (*root.all("supportedControl"), *root.all("supportedCapabilities")) if root else ()
    if lacking := directory.dialect.missing_features(frozenset(announced)):
        raise Forbidden(
            _("accounts cannot be locked here: the server lacks {lacking}").format(lacking=" and ".join(lacking))
        )


def _is_there(link: LdapConnection, key: str, dn: str) -> None:
    if dn and link.read(dn, ["1.1"]) is None:
        raise Forbidden(_("{key}: there is no {dn}, or it may not be read").format(key=key, dn=dn))


def _shows_people(directory: Directory, link: LdapConnection) -> None:
    settings, dialect = directory.settings, directory.dialect
    someone = link.first_person(settings.base_dn, directory.people_filter, [dialect.identifier])
    if someone is None:
        raise Forbidden(
            _("{bind_dn} may not read anybody below {base_dn}").format(
                bind_dn=settings.bind_dn, base_dn=settings.base_dn
            )
        )
    directory.known(someone)


def _shows_groups(directory: Directory, link: LdapConnection) -> bool:
    kinds = either(equals("objectClass", way.object_class) for way in directory.dialect.memberships)
    settings = directory.settings
    return link.first_person(settings.group_base_dn or settings.base_dn, kinds, ["1.1"]) is not None
