"""A directory that somebody else set up, with a different layout throughout.

No ppolicy, no memberof overlay, no anonymous access, several suffixes, fifty answers at most without paging. People are
named by cn below three levels. Groups have clear names in groupOfUniqueNames and posixGroup. Referrals lead to another
server, and the bot may not read the id of one entry.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ldap.dn import escape_dn_chars

from tests.sandbox.company import ldif
from tests.sandbox.company.authority import issue
from tests.sandbox.company.people import Employee
from tests.sandbox.company.slapd import Slapd, _program

SUFFIX, OTHER = "o=Contoso GmbH,c=DE", "dc=partners,dc=example"
STAFF = f"ou=Mitarbeiter,ou=Zentrale,{SUFFIX}"
BOT_DN, BOT_PASSWORD = f"cn=Handover Bot,{SUFFIX}", "Foreign-bot-2026"
ROOT_DN, ROOT_PASSWORD = f"cn=Chef,{SUFFIX}", "Foreign-root-2026"
GROUPS = f"ou=Gruppen,{SUFFIX}"
COUNT = 130
SCHEMA = """\
attributetype ( 1.3.6.1.1.1.1.3 NAME 'homeDirectory' EQUALITY caseExactIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )
attributetype ( 1.3.6.1.1.1.1.12 NAME 'memberUid' EQUALITY caseExactIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 1.3.6.1.1.1.2.0 NAME 'posixAccount' SUP top AUXILIARY
  MUST ( cn $ uid $ uidNumber $ gidNumber $ homeDirectory ) )
objectclass ( 1.3.6.1.1.1.2.2 NAME 'posixGroup' SUP top AUXILIARY MUST gidNumber MAY memberUid )
objectclass ( 1.3.6.1.1.1.2.18 NAME 'groupOfMembers' SUP top STRUCTURAL MUST cn MAY member )
"""
"""Classes of a directory for Unix machines (draft-howard-rfc2307bis): a group of names may also be one of log-ins."""


def name(number: int) -> str:
    """Return a cn that needs escaping every tenth time."""
    return f'Müller, Jörg "{number}" + #{number}' if number % 10 == 0 else f"Person {number}"


def staff_dn(number: int) -> str:
    return f"cn={escape_dn_chars(name(number))},{STAFF}"


class Foreign(Slapd):
    """A server with that directory."""

    base_dn = SUFFIX
    bind_dn = BOT_DN
    bind_password = BOT_PASSWORD

    def __init__(self, folder: Path, people: Sequence[Employee] = ()) -> None:
        super().__init__(folder, people)

    def _seed(self) -> None:
        for folder in ("db", "other"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        issue(self.folder / "tls")
        conf = self.folder / "slapd.conf"
        conf.write_text(_conf(self.folder), encoding="utf-8")
        (self.folder / "rfc2307bis.schema").write_text(SCHEMA, encoding="utf-8")
        for suffix, entries in ((SUFFIX, _contoso()), (OTHER, _partners())):
            seed = self.folder / "seed.ldif"
            seed.write_text("\n".join(ldif._entry(dn, row) for dn, row in entries), encoding="utf-8")
            subprocess.run([_program("slapadd"), "-q", "-f", conf, "-b", suffix, "-l", seed], check=True)


UNIX: tuple[tuple[str, str, Mapping[str, Sequence[str]]], ...] = (
    ("unix", "groupOfMembers", {"gidNumber": ["500"], "memberUid": ["p10", "p11"]}),
    ("both", "groupOfNames", {"gidNumber": ["501"], "member": [staff_dn(30), BOT_DN], "memberUid": ["p30", "p31"]}),
    ("members", "groupOfMembers", {"gidNumber": ["502"], "member": [staff_dn(30)]}),
    ("second name", "groupOfMembers", {"gidNumber": ["503"], "memberUid": ["thirty", "p31"]}),
    ("primary", "groupOfMembers", {"gidNumber": ["504"], "memberUid": ["p30"]}),
)


def _contoso() -> list[tuple[str, Mapping[str, Sequence[str]]]]:
    rows: list[tuple[str, Mapping[str, Sequence[str]]]] = [
        (SUFFIX, {"objectClass": ["organization"], "o": ["Contoso GmbH"]}),
        (f"ou=Zentrale,{SUFFIX}", {"objectClass": ["organizationalUnit"], "ou": ["Zentrale"]}),
        (STAFF, {"objectClass": ["organizationalUnit"], "ou": ["Mitarbeiter"]}),
        (GROUPS, {"objectClass": ["organizationalUnit"], "ou": ["Gruppen"]}),
        (
            BOT_DN,
            {
                "objectClass": ["organizationalRole", "simpleSecurityObject"],
                "cn": ["Handover Bot"],
                "userPassword": [ldif.hash_password(BOT_PASSWORD)],
            },
        ),
    ]
    rows += [
        (
            staff_dn(n),
            {
                "objectClass": ["inetOrgPerson"],
                "cn": [name(n)],
                "sn": ["Müller"],
                "uid": [f"p{n}"],
                "mail": [f"p{n}@contoso.example"],
                "userPassword": [ldif.hash_password(f"pw-{n}")],
            },
        )
        for n in range(COUNT)
    ]
    return [
        *rows,
        (
            f"cn=Vertrieb,{GROUPS}",
            {
                "objectClass": ["groupOfUniqueNames"],
                "cn": ["Vertrieb"],
                "uniqueMember": [staff_dn(n) for n in range(COUNT)],
            },
        ),
        *(
            (f"cn={cn},{GROUPS}", {"objectClass": [kind, "posixGroup"], "cn": [cn], **values})
            for cn, kind, values in UNIX
        ),
    ]


def _partners() -> list[tuple[str, Mapping[str, Sequence[str]]]]:
    return [
        (OTHER, {"objectClass": ["dcObject", "organization"], "dc": ["partners"], "o": ["Partners"]}),
        (
            f"uid=p10,{OTHER}",
            {
                "objectClass": ["inetOrgPerson"],
                "uid": ["p10"],
                "cn": ["Somebody else"],
                "sn": ["E"],
                "mail": ["p10@contoso.example"],
            },
        ),
    ]


def _conf(folder: Path) -> str:
    return f"""\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include "{folder}/rfc2307bis.schema"
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile "{folder}/slapd.pid"
argsfile "{folder}/slapd.args"
TLSCACertificateFile "{folder}/tls/ca.pem"
TLSCertificateFile "{folder}/tls/server.pem"
TLSCertificateKeyFile "{folder}/tls/server.key"
disallow bind_anon
require authc
referral ldap://elsewhere.invalid
sizelimit size.soft=50 size.hard=50 size.pr=50

database mdb
suffix "{SUFFIX}"
rootdn "{ROOT_DN}"
rootpw "{ROOT_PASSWORD}"
directory "{folder}/db"
maxsize 10485760
dbnosync
access to attrs=userPassword
  by dn.exact="{BOT_DN}" write
  by anonymous auth
  by * none
access to dn.exact="{staff_dn(128)}" attrs=entryUUID
  by * none
access to dn.subtree="{GROUPS}"
  by dn.exact="{BOT_DN}" write
  by users read
access to *
  by users read

database mdb
suffix "{OTHER}"
rootdn "cn=root,{OTHER}"
directory "{folder}/other"
maxsize 10485760
dbnosync
access to *
  by users read
"""
