"""Seed data of an empty practice domain: folders, people, teams, extra accounts, and the bot's account."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ldap.dn import escape_dn_chars

from tests.sandbox.company import samba_conf as conf
from tests.sandbox.company.ldif import teams
from tests.sandbox.company.people import PEOPLE, Employee

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""samba-tool is a program for the system's own Python: nothing of ours may be in its way."""
Attributes = Mapping[str, Sequence[bytes]]


class SambaFailed(RuntimeError):
    """A program of Samba's failed; the message has the command and the end of what it printed."""


def tool(*arguments: str) -> str:
    """Run samba-tool."""
    done = subprocess.run(["samba-tool", *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SambaFailed(f"samba-tool {' '.join(arguments)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def encoded(password: str) -> bytes:
    """Return a password as unicodePwd takes it."""
    return f'"{password}"'.encode("utf-16-le")


def person_dn(uid: str) -> str:
    """Return the DN of one person at work."""
    return f"CN={escape_dn_chars(uid)},{conf.PEOPLE_OU}"


def group_dn(name: str) -> str:
    """Return the DN of one group."""
    return f"CN={escape_dn_chars(name)},{conf.GROUPS_OU}"


def person(who: Employee) -> Attributes:
    """Return one person's attributes."""
    return {
        "sAMAccountName": [who.uid.encode()],
        "userPrincipalName": [f"{who.uid}@{conf.REALM.lower()}".encode()],
        "displayName": [who.name.encode()],
        "title": [who.title.encode()],
        "mail": [who.email.encode()],
        **({"manager": [person_dn(who.manager).encode()]} if who.manager else {}),
    }


def user(password: str, attributes: Attributes) -> list[tuple[str, Sequence[bytes]]]:
    """Return what makes an open account."""
    return [
        ("objectClass", [b"user"]),
        ("unicodePwd", [encoded(password)]),
        ("userAccountControl", [b"512"]),
        *attributes.items(),
    ]


def fill(admin: Any, sam: Path, settings: Path) -> None:
    """Seed over a connection bound as the administrator; rights are set in the database file, as its tool does it."""
    for folder in conf.FOLDERS:
        admin.add_s(folder, [("objectClass", [b"organizationalUnit"])])
    service = {"sAMAccountName": [b"svc-handover"], "userPrincipalName": [conf.SERVICE.encode()]}
    admin.add_s(conf.SERVICE_DN, user(conf.SERVICE_PASSWORD, service))
    for who in PEOPLE:
        admin.add_s(person_dn(who.uid), user(who.password, person(who)))
    for name, uids in teams(PEOPLE).items():
        admin.add_s(group_dn(name), [("objectClass", [b"group"]), ("member", [person_dn(u).encode() for u in uids])])
    _crowd(admin)
    sid = tool("user", "show", "svc-handover", "--attributes=objectSid", "-H", str(sam), "-s", str(settings))
    for folder, sddl in conf.rights(sid.split("objectSid:")[1].split()[0]).items():
        tool("dsacl", "set", f"--objectdn={folder}", f"--sddl={sddl}", "-H", str(sam), "-s", str(settings))


def _crowd(admin: Any) -> None:
    """One group with more members than the server gives at once; contacts, because they are quickly made."""
    members = [f"CN=Contact {number},{conf.CROWD_OU}" for number in range(conf.CROWD_SIZE)]
    for dn in members:
        admin.add_s(dn, [("objectClass", [b"contact"])])
    group = [("objectClass", [b"group"]), ("member", [dn.encode() for dn in members])]
    admin.add_s(group_dn(conf.CROWD), group)
