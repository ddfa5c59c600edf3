"""The practice domain controller's names, its smb.conf, and exactly the rights that the bot's account needs. Pure."""

from pathlib import Path

REALM = "NORTHWIND.EXAMPLE"
DOMAIN = "NORTHWIND"
SUFFIX = "DC=northwind,DC=example"
PEOPLE_OU = f"OU=People,{SUFFIX}"
GROUPS_OU = f"OU=Groups,{SUFFIX}"
SERVICES_OU = f"OU=Services,{SUFFIX}"
DISABLED_OU = f"OU=Disabled,{SUFFIX}"
CROWD_OU = f"OU=Crowd,{SUFFIX}"
FOLDERS = (PEOPLE_OU, GROUPS_OU, SERVICES_OU, DISABLED_OU, CROWD_OU)
ADMIN = f"Administrator@{REALM}"
ADMIN_PASSWORD = "Practice-admin-2026"
SERVICE_DN = f"CN=svc-handover,{SERVICES_OU}"
SERVICE = f"svc-handover@{REALM.lower()}"
SERVICE_PASSWORD = "Practice-service-2026"
CROWD = "Crowd"
CROWD_SIZE = 1600
"""More than the 1,500 values that Active Directory gives at once."""

USER, GROUP = "bf967aba-0de6-11d0-a285-00aa003049e2", "bf967a9c-0de6-11d0-a285-00aa003049e2"
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
WRITABLE = {  # attributes, by their schemaIDGUID
    USER: (
        "bf967a68-0de6-11d0-a285-00aa003049e2",  # userAccountControl
        "bf967a0e-0de6-11d0-a285-00aa003049e2",  # name, which a move writes
        "bf96793f-0de6-11d0-a285-00aa003049e2",  # cn, likewise
        "bf9679b5-0de6-11d0-a285-00aa003049e2",  # manager
    ),
    GROUP: (
        "bf9679c0-0de6-11d0-a285-00aa003049e2",  # member
        "0296c120-40da-11d1-a9c0-0000f80367c1",  # managedBy
    ),
}


def rights(sid: str) -> dict[str, str]:
    """Return folder -> what the bot's account may do there, as SDDL: reset, disable, move; change members, managers."""
    write = {kind: "".join(f"(OA;CIIO;RPWP;{one};{kind};{sid})" for one in names) for kind, names in WRITABLE.items()}
    people = f"(OA;CIIO;CR;{RESET_PASSWORD};{USER};{sid})(OA;CI;CCDC;{USER};;{sid}){write[USER]}"
    return {PEOPLE_OU: people, DISABLED_OU: people, GROUPS_OU: write[GROUP]}


def render(folder: Path) -> str:
    """Return the configuration of a server whose files lie in `folder`: LDAP only, on loopback, writes into a log."""
    return f"""\
[global]
netbios name = DC1
realm = {REALM}
workgroup = {DOMAIN}
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers = none
interfaces = 127.0.0.1/8
bind interfaces only = yes
ldap server require strong auth = yes
old password allowed period = 0
tls enabled = yes
tls keyfile = {folder}/tls/server.key
tls certfile = {folder}/tls/server.pem
tls cafile = {folder}/tls/ca.pem
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}
pid directory = {folder}
binddns dir = {folder}/bind-dns
ncalrpc dir = {folder}/ncalrpc
ntp signd socket directory = {folder}/ntp
winbindd socket directory = {folder}/winbindd
logging = file
log file = {folder}/log.%m
log level = 1 dsdb_json_audit:5@{folder}/audit.log
max log size = 0
"""
