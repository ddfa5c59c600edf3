"""LDAP directories: OpenLDAP, Active Directory (and Samba), 389 Directory Server."""

from config.text import N_
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
        N_("LDAP cannot end a connection that is already logged in; it works on until its program closes it."),
        N_("Active Directory gives no password back: after an undo an administrator sets a new one."),
        N_("Active Directory lets nobody leave the primary group (mostly Domain Users); it goes with the account."),
    ),
)
