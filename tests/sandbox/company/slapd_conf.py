"""The practice directory's slapd.conf: overlays, TLS, and exactly the rights that the bot's account needs. Pure."""

from pathlib import Path

from tests.sandbox.company.ldif import GROUPS_DN, PEOPLE_DN, POLICY_DN, SERVICE_DN, SUFFIX

ROOT_DN = f"cn=root,{SUFFIX}"
ROOT_PASSWORD = "Practice-root-2026"
LOG_DN = "cn=accesslog"


def render(folder: Path) -> str:
    """Return the configuration of a server whose files lie in `folder`."""
    return f"""\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload memberof
moduleload refint
moduleload accesslog
pidfile "{folder}/slapd.pid"
argsfile "{folder}/slapd.args"
TLSCACertificateFile "{folder}/tls/ca.pem"
TLSCertificateFile "{folder}/tls/server.pem"
TLSCertificateKeyFile "{folder}/tls/server.key"

database mdb
suffix "{LOG_DN}"
directory "{folder}/log"
rootdn "{ROOT_DN}"
index reqStart,reqEnd,reqDN eq
maxsize 104857600
dbnosync

database mdb
suffix "{SUFFIX}"
rootdn "{ROOT_DN}"
rootpw "{ROOT_PASSWORD}"
directory "{folder}/db"
maxsize 104857600
dbnosync
index objectClass,uid,mail,member,uniqueMember,memberUid,memberOf,manager,entryUUID,pwdAccountLockedTime eq
overlay ppolicy
ppolicy_default "{POLICY_DN}"
ppolicy_use_lockout
ppolicy_hash_cleartext
overlay memberof
memberof-group-oc groupOfNames
overlay refint
refint_attributes member manager memberOf
overlay accesslog
logdb {LOG_DN}
logops writes
logsuccess TRUE

access to dn.subtree="{PEOPLE_DN}" attrs=userPassword
  by dn.exact="{SERVICE_DN}" write
  by self =xw
  by anonymous auth
  by * none
access to attrs=userPassword
  by anonymous auth
  by * none
access to dn.subtree="{PEOPLE_DN}" attrs=pwdAccountLockedTime
  by dn.exact="{SERVICE_DN}" write
  by * none
access to dn.subtree="{GROUPS_DN}" attrs=member,uniqueMember,memberUid
  by dn.exact="{SERVICE_DN}" write
  by users read
  by * none
access to *
  by users read
  by * none
"""
