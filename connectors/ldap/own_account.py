"""The bot's own account and its access: who it is, and whether it can lock anybody on this server."""

import ldap
from ldap.dn import explode_dn, explode_rdn, is_dn

from config.text import _
from connectors.errors import Forbidden
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import either, equals


def name(directory: Directory, link: LdapConnection) -> str:
    """Return the account's id; if no entry can be read, the log-in in `bind_dn`.

    `bind_dn` may be written in forms that no account shows as its log-in. Raises the errors of a lookup: an account
    that may be the leaver's is asked for again, not guessed.
    """
    dialect, me = directory.dialect, directory.settings.bind_dn
    if is_dn(me):
        mine = link.read_if_visible(me, [dialect.identifier])
    else:
        query = dialect.own_account_filter(me)
        rows = list(link.search(directory.settings.base_dn, query, directory.attributes)) if query else []
        # One of its log-ins is the whole of `bind_dn`, not only the part beside a domain.
        whole = (row for row in rows for login in dialect.logins if me.casefold() in map(str.casefold, row.all(login)))
        mine = next(whole, next(iter(rows), None))
    if mine and (found := dialect.identify(mine)):
        return found
    try:
        return str(explode_rdn(explode_dn(me)[0], notypes=True)[0])
    except (ldap.DECODING_ERROR, IndexError):
        return me


def check(directory: Directory, link: LdapConnection) -> str:
    """Return a line about the server. Raises `Forbidden` with what must be granted, loaded or corrected."""
    settings, dialect = directory.settings, directory.dialect
    root = link.read("", ["supportedControl", "supportedCapabilities"])
    announced = (*root.all("supportedControl"), *root.all("supportedCapabilities")) if root else ()
    if lacking := dialect.missing_features(frozenset(announced)):
        raise Forbidden(
            _("accounts cannot be locked here: the server lacks {lacking}").format(lacking=" and ".join(lacking))
        )
    for key, dn in (("disabled_ou", settings.disabled_ou), ("group_base_dn", settings.group_base_dn)):
        if dn and link.read(dn, ["1.1"]) is None:
            raise Forbidden(_("{key}: there is no {dn}, or it may not be read").format(key=key, dn=dn))
    bot = {"bind_dn": settings.bind_dn, "base_dn": settings.base_dn}
    someone = link.first_person(settings.base_dn, directory.people_filter, [dialect.identifier])
    if someone is None:
        raise Forbidden(_("{bind_dn} may not read anybody below {base_dn}").format(**bot))
    directory.known(someone)
    said = _("logged in as {bind_dn}; accounts below {base_dn} can be read").format(**bot)
    base = settings.group_base_dn or settings.base_dn
    if link.first_person(base, either(equals("objectClass", way.object_class) for way in dialect.memberships), ["1.1"]):
        return said
    return _("{said}; NO GROUP can be seen below {base}: if there are any, set group_base_dn").format(
        said=said, base=base
    )
