"""The directory's seed as LDIF text for slapadd: people, teams as groups, policy, the bot's own account. Pure."""

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap

from ldap.dn import escape_dn_chars

from tests.sandbox.company.people import Employee

SUFFIX = "dc=northwind,dc=example"
PEOPLE_DN = f"ou=people,{SUFFIX}"
GROUPS_DN = f"ou=groups,{SUFFIX}"
SERVICE_DN = f"uid=svc-handover,ou=services,{SUFFIX}"
SERVICE_PASSWORD = "Practice-service-2026"
POLICY_DN = f"cn=default,ou=policies,{SUFFIX}"
SERVICE_POLICY_DN = f"cn=services,ou=policies,{SUFFIX}"
AWKWARD_GROUP = "Läden (EU), R+D #1 *all*"
"""A group whose name must be escaped in a DN and in a filter."""

Attributes = Mapping[str, Sequence[str]]


def person_dn(uid: str) -> str:
    """Return the DN of one person."""
    return f"uid={escape_dn_chars(uid)},{PEOPLE_DN}"


def group_dn(name: str) -> str:
    """Return the DN of one group."""
    return f"cn={escape_dn_chars(name)},{GROUPS_DN}"


def hash_password(password: str) -> str:
    """Hash as slapd's own {SSHA} does."""
    salt = os.urandom(8)
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()


def person(who: Employee) -> Attributes:
    """Return one person's attributes."""
    return {
        "objectClass": ["inetOrgPerson"],
        "uid": [who.uid],
        "cn": [who.name],
        "sn": [who.name.split()[-1]],
        "title": [who.title],
        "mail": [who.email],
        "userPassword": [hash_password(who.password)],
        **({"manager": [person_dn(who.manager)]} if who.manager else {}),
    }


def teams(people: Sequence[Employee]) -> dict[str, list[str]]:
    """Return group name -> uids: every team, and one group over two teams with an awkward name."""
    groups: dict[str, list[str]] = {}
    for who in people:
        groups.setdefault(str(who.team), []).append(who.uid)
    groups[AWKWARD_GROUP] = groups.get("sales", []) + groups.get("board", [])
    return {name: uids for name, uids in groups.items() if uids}


def seed(people: Sequence[Employee]) -> str:
    """Return the whole directory. `memberOf` is written out because slapadd runs no memberof overlay."""
    groups = teams(people)
    entries: list[tuple[str, Attributes]] = [
        (SUFFIX, {"objectClass": ["dcObject", "organization"], "dc": ["northwind"], "o": ["Northwind Practice"]}),
        *(
            (f"ou={ou},{SUFFIX}", {"objectClass": ["organizationalUnit"], "ou": [ou]})
            for ou in ("people", "groups", "services", "policies")
        ),
        (
            POLICY_DN,
            {
                "objectClass": ["device", "pwdPolicy"],
                "cn": ["default"],
                "pwdAttribute": ["userPassword"],
                "pwdLockout": ["TRUE"],
                "pwdMaxFailure": ["5"],
                "pwdLockoutDuration": ["900"],
            },
        ),
        (
            SERVICE_POLICY_DN,
            {
                "objectClass": ["device", "pwdPolicy"],
                "cn": ["services"],
                "pwdAttribute": ["userPassword"],
                "pwdLockout": ["TRUE"],
                "pwdMaxFailure": ["1000"],
            },
        ),
        (
            SERVICE_DN,
            {
                "objectClass": ["account", "simpleSecurityObject"],
                "uid": ["svc-handover"],
                "userPassword": [hash_password(SERVICE_PASSWORD)],
                "pwdPolicySubentry": [SERVICE_POLICY_DN],
            },
        ),
    ]
    for who in people:
        mine = [group_dn(name) for name, uids in groups.items() if who.uid in uids]
        entries.append((person_dn(who.uid), {**person(who), "memberOf": mine}))
    for name, uids in groups.items():
        entries.append(
            (
                group_dn(name),
                {"objectClass": ["groupOfNames"], "cn": [name], "member": [person_dn(uid) for uid in uids]},
            )
        )
    return "\n".join(starmap(_entry, entries))


def _entry(dn: str, attributes: Attributes) -> str:
    return "".join([_line("dn", dn), *_lines(attributes)])


def _lines(attributes: Attributes) -> Iterable[str]:
    return (_line(key, value) for key, values in attributes.items() for value in values)


def _line(key: str, value: str) -> str:
    # Base64 throughout: then no value can be taken for syntax.
    return f"{key}:: {base64.b64encode(value.encode()).decode()}\n"
