"""LDAP directories (OpenLDAP)."""

from connectors.contract import Limits, Manifest
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings

MANIFEST = Manifest(
    kind="ldap",
    title="LDAP directory (OpenLDAP)",
    connector=Ldap,
    settings=LdapSettings,
    limits=Limits(observe_batch=1000),
    cannot=(
        "LDAP cannot end a connection that is already logged in; it works on until its program closes it.",
    ),
)
