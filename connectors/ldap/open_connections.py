"""Connections that are logged in now, from the server's own monitor (slapd-monitor(5), `cn=monitor` of 389).

A lock ends none of them. That none is the account's counts only as seen: the monitor lists every connection, our own
among them, each under the name of an entry. An entry that was renamed meanwhile would hide behind its former name.
"""

import re
import time
from dataclasses import dataclass

from connectors.contract import AccountId
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.wire import same

MOST_CONNECTIONS, MOST_NAMES = 10_000, 200
"""Connections that are read, and names whose entries are looked at; with more of them nothing is concluded."""
TRIES, PAUSE_SECONDS = 5, 0.1
SLAPD, CURRENT, AUTHORIZED = "cn=Connections,cn=Monitor", "cn=current,", "monitorConnectionAuthzDN"
NS389, NOBODY = "cn=monitor", "NULLDN"
_NS389_FORM = re.compile(r"\d+:\d{14}Z:\d+:\d+:[^:]*:(?P<dn>.*):\d+:\d+:\d+:\d+:ip=.*", re.IGNORECASE)
"""Number, beginning, two counts, state, name, three counts, number, address (seen on 389 Directory Server 2.3.1)."""


@dataclass(frozen=True, slots=True)
class OpenConnections:
    """All connections of a server: their number, and the names of those that are logged in."""

    total: int
    named: int
    """Those whose name is shown, or that show to be nobody's."""
    names: frozenset[str]


def of_slapd(link: LdapConnection) -> OpenConnections | None:
    """Read the connections of slapd; None if we may not. One without a name is nobody's, or its name is hidden."""
    rows = link.read_below(SLAPD, [AUTHORIZED, "monitorCounter"], MOST_CONNECTIONS)
    total = next((row.text("monitorCounter") for row in rows if row.dn.lower().startswith(CURRENT)), "")
    names = [name for row in rows if (name := row.text(AUTHORIZED))]
    return OpenConnections(int(total), len(names), frozenset(names)) if total.isdecimal() else None


def of_ns389(link: LdapConnection) -> OpenConnections | None:
    """Read the connections of a 389 Directory Server; None if we may not."""
    entry = link.read_if_visible(NS389, ["connection", "currentConnections"])
    total = entry.text("currentConnections") if entry else ""
    found = [_NS389_FORM.fullmatch(value) for value in (entry.all("connection") if entry else ())]
    if not total.isdecimal() or not all(found):
        return None
    names = frozenset(one["dn"] for one in found if one and one["dn"] not in ("", NOBODY))
    return OpenConnections(int(total), len(found), names)


def none_left(directory: Directory, account: AccountId, link: LdapConnection) -> bool:
    """Return whether this server shows that no connection is logged in to an account."""
    found: OpenConnections | None = directory.dialect.open_connections(link)
    for _again in range(TRIES):  # a connection is nobody's for a moment, before its log-in and after its end
        if found is None or found.named >= found.total:
            break
        time.sleep(PAUSE_SECONDS)
        found = directory.dialect.open_connections(link)
    if found is None or found.named < found.total or len(found.names) > MOST_NAMES:
        return False
    dn = directory.person(link, account).dn
    others = [name for name in found.names if not same(name, directory.settings.bind_dn)]
    if len(others) == len(found.names) or any(same(name, dn) for name in others):
        return False
    return all(link.read_if_visible(name, ["1.1"]) for name in others)
