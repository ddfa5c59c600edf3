"""LDAP directories: OpenLDAP, Active Directory (and Samba), 389 Directory Server."""

from connectors.contract import Limits, Manifest
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings

MANIFEST = Manifest(
    kind="ldap",
    title="LDAP directory",
    connector=Ldap,
    settings=LdapSettings,
    limits=Limits(observe_batch=1000),
    cannot=(
        "LDAP cannot end a connection that is already logged in; it works on until its program closes it.",
        "Active Directory gives no password back: after an undo an administrator sets a new one.",
        "Active Directory lets nobody leave the primary group (mostly Domain Users); it goes with the account.",
    ),
)
