"""The bot's own account: `bind_dn` may be written in forms that no account shows as its log-in."""

import ldap
from ldap.dn import explode_dn, explode_rdn, is_dn

from config.text import _
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import Entry


class OwnAccount:
    """The bot's own account, looked up once."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._name = ""

    def name(self) -> str:
        """Return the account's id; if no entry can be read, the log-in in `bind_dn`.

        Raises the errors of a lookup: an account that may be the leaver's is asked for again, not guessed.
        """
        if not self._name:
            doing = _("looking up the bot's own account")
            self._name = self._directory.connections.run(self._ask, doing) or self._written()
        return self._name

    def _ask(self, link: LdapConnection) -> str:
        directory, me = self._directory, self._directory.settings.bind_dn
        if is_dn(me):
            found = link.read_if_visible(me, [directory.dialect.identifier])
            return directory.dialect.identify(found) if found else ""
        query = directory.dialect.own_account_filter(me)
        rows = list(link.search(directory.settings.base_dn, query, directory.attributes)) if query else []
        mine = next((row for row in rows if self._named(row, me)), next(iter(rows), None))
        return directory.dialect.identify(mine) if mine else ""

    def _named(self, row: Entry, me: str) -> bool:
        """Return whether one of its log-ins is the whole of `bind_dn`, not only the part beside a domain."""
        logins = self._directory.dialect.logins
        return any(value.casefold() == me.casefold() for name in logins for value in row.all(name))

    def _written(self) -> str:
        me = self._directory.settings.bind_dn
        try:
            return str(explode_rdn(explode_dn(me)[0], notypes=True)[0])
        except (ldap.DECODING_ERROR, IndexError):
            return me
