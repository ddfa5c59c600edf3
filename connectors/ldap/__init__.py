"""LDAP directories: OpenLDAP, Active Directory (and Samba), 389 Directory Server."""

from config.text import N_
from connectors.contract import Limits, Manifest
from connectors.ldap.active_directory import ActiveDirectory
from connectors.ldap.connector import Ldap
from connectors.ldap.licences import LICENCES_UNNAMED
from connectors.ldap.openldap import OpenLdapPassword
from connectors.ldap.settings import LdapSettings

MANIFEST = Manifest(
    kind="ldap",
    title="LDAP directory",
    connector=Ldap,
    settings=LdapSettings,
    limits=Limits(observe_batch=1000),
    cannot=(
        N_("LDAP cannot end a connection that is already logged in; it works until its program closes it."),
        N_("A lock takes away no SSH keys, certificates, Kerberos keys or Samba hashes that programs accept."),
        LICENCES_UNNAMED,
        *ActiveDirectory.cannot,
        *OpenLdapPassword.cannot,
    ),
)
