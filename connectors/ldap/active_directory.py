"""The Active Directory dialect: accounts are locked by bit 2 of userAccountControl and a random password.

Seen on Samba 4.17 and kept by tests/connectors/ldap; sources in README.md:

- Bit and password go in one modify. Neither server has the assertion control (RFC 4528), so it deletes the flags that
  were read and adds the new ones. Samba accepts a stale old value. So the entry is also read on the same connection
  right before the write.
- A refused log-in gives its reason (`data 533`: disabled) only after the right password. `data 52e` (wrong password or
  no such account) proves nothing, and counts towards a lockout.
- A search from the domain's root ends with referrals to the partitions for configuration and DNS. They hold no people.
- A password can be written and never read, so an undo cannot restore it.

Over 250 lines because these rules hold for one kind of server, and belong together.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import ldap
from ldap.dn import is_dn

from config.text import N_, _
from connectors.contract import AccountId, Duty, DutyId, DutyKind, Login, Person, Verdict
from connectors.errors import Unavailable
from connectors.ldap import implicit_logins
from connectors.ldap.dialect import REFERENCES, Dialect, Membership, hidden
from connectors.ldap.faults import ACCOUNT_DISABLED, REFUSED, refusal_code, refusal_words
from connectors.ldap.security_descriptor import DESCRIPTOR, access_list_only, may_reset_password, named_by
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, Modification, either, equals, equals_bytes, generalized_time

CONTROL = "userAccountControl"
EXPIRY = "accountExpires"
"""Every account has it. Without it, nothing tells whether an enabled account is open."""
PASSWORD = "unicodePwd"  # noqa: S105 - an attribute's name
BIT_AND = "1.2.840.113556.1.4.803"
"""The matching rule for `all these bits are set`."""
IS_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
IS_READ_ONLY = "1.2.840.113556.1.4.1920"
GONE_FOR_GOOD = "Active Directory never shows a password: it does not come back, an administrator sets a new one"
LOST = N_("the password: Active Directory never shows it, so an administrator sets a new one")
ACCOUNT_TYPE, NORMAL_USER = "sAMAccountType", 0x30000000
"""Kept by the server itself (MS-SAMR 2.2.1.9); an entry's category can be changed."""
WRITABLE = "allowedAttributesEffective"
DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE."""
SID_TAIL = 4
"""The last bytes of a SID are the relative id within the domain, little-endian."""
TOKEN = "tokenGroups"  # noqa: S105 - an attribute's name
DOMAIN_ADMINS, ADMINISTRATORS = "Domain Admins (-512)", "Administrators (-544)"
"""Names for people, in every language."""
DOMAIN_ADMINS_NUMBER = 512
"""Relative id of Domain Admins in every domain (well-known SIDs, MS-DTYP 2.4.2.4)."""
BUILTIN_ADMINISTRATORS = bytes((1, 2, 0, 0, 0, 0, 0, 5)) + (32).to_bytes(4, "little") + (544).to_bytes(4, "little")
"""The SID S-1-5-32-544, which has full power over the domain's controllers."""
FULL_POWER = {DOMAIN_ADMINS: DOMAIN_ADMINS_NUMBER.to_bytes(SID_TAIL, "little"), ADMINISTRATORS: BUILTIN_ADMINISTRATORS}
NEVER = frozenset({0, 0x7FFFFFFFFFFFFFFF})
"""Both mean `never` in accountExpires; 0 means `not` in lockoutTime."""
SERVICE, DELEGATED = "servicePrincipalName", "msDS-AllowedToDelegateTo"
ACTS_FOR = "msDS-AllowedToActOnBehalfOfOtherIdentity"
"""A descriptor at a service: accounts that may act for others there (MS-ADA2 2.210)."""
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def flags(value: str) -> int | None:
    """Return userAccountControl as a number; None if the text is no number. Nothing is then known."""
    try:
        return int(value)
    except ValueError:
        return None


def windows_time(value: str) -> datetime | None:
    """Return a time that is stored as tenths of microseconds since 1601. None means never, or an unreadable value."""
    ticks = flags(value)
    if ticks is None or ticks in NEVER:
        return None
    try:
        return EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def why_open(expires: str, locked_out: str, now: datetime) -> str:
    """Return the reason for which an account that is not disabled refuses log-ins for now, or an empty text."""
    reasons = []
    expiry, lockout = windows_time(expires), windows_time(locked_out)
    if expiry and expiry <= now:
        reasons.append(
            _("only expired since {expiry}, not disabled: a new date opens it again").format(
                expiry=f"{expiry:%Y-%m-%d}"
            )
        )
    elif expiry:
        reasons.append(_("expires at {expiry} UTC, and is open until then").format(expiry=f"{expiry:%Y-%m-%d %H:%M}"))
    if lockout:
        reasons.append(
            _("locked only for a time, since {lockout} UTC, after wrong passwords").format(
                lockout=f"{lockout:%Y-%m-%d %H:%M}"
            )
        )
    return "; ".join(reasons)


def sibling_filter(sid: bytes, number: int) -> str:
    """Return the filter for the SID with another relative id in the same domain; empty if the SID cannot be read."""
    if len(sid) <= SID_TAIL:
        return ""
    return equals_bytes("objectSid", sid[:-SID_TAIL] + number.to_bytes(SID_TAIL, "little"))


def _flags_change(entry: Entry, new: int) -> list[Modification]:
    """Return the change of the flags that names those that were read; flags that may not be read are replaced."""
    old, value = entry.first(CONTROL), [str(new).encode()]
    if not old:
        return [(ldap.MOD_REPLACE, CONTROL, value)]
    return [(ldap.MOD_DELETE, CONTROL, [old]), (ldap.MOD_ADD, CONTROL, value)]


def sid_text(sid: bytes) -> str:
    """Return a SID as Windows writes it (MS-DTYP 2.4.2.1)."""
    numbers = (int.from_bytes(sid[at : at + 4], "little") for at in range(8, len(sid), 4))
    return "-".join(map(str, ("S", sid[0], int.from_bytes(sid[2:8], "big"), *numbers)))


@dataclass(frozen=True, slots=True)
class ActiveDirectory(Dialect):
    """Locks by userAccountControl. The settings decide whether administrators may be locked too."""

    settings: LdapSettings

    cannot = (
        N_("Active Directory never returns a password: after an undo, an administrator sets a new one."),
        N_("Kerberos tickets from before the lock open new connections until they expire, mostly within 10 hours."),
        N_("Active Directory lets nobody leave the primary group (mostly Domain Users); a lock leaves it in place."),
        N_("A service that runs as the account gets another one where it is set up, not through Active Directory."),
    )
    identifier = "objectGUID"
    written = (CONTROL,)
    login = "sAMAccountName"
    lock = CONTROL
    token = TOKEN
    locked_query = f"(&({ACCOUNT_TYPE}={NORMAL_USER})({CONTROL}:{BIT_AND}:={DISABLED}))"
    no_accounts = frozenset({"group", "contact"})
    verdict_attributes = (EXPIRY,)
    last_login = ("lastLogonTimestamp",)
    changed_by, changed_at = "", "whenChanged"
    attributes = (
        identifier,
        CONTROL,
        EXPIRY,
        "lockoutTime",
        "adminCount",
        "primaryGroupID",
        "objectSid",
        "userPrincipalName",
        "proxyAddresses",
    )
    password = PASSWORD
    needs = N_("the rights to reset passwords and to write userAccountControl")
    memberships = (Membership("group", "member"),)
    people = control = f"({ACCOUNT_TYPE}={NORMAL_USER})"
    addresses = (("mail", ""), ("userPrincipalName", ""), ("proxyAddresses", "smtp:"), ("proxyAddresses", ""))
    logins = ("sAMAccountName", "userPrincipalName")
    referrals_are_normal = True
    chain = "1.2.840.113556.1.4.1941"
    password_may_stay = True
    outlives = N_("Kerberos tickets and open connections")
    refused_ways = MappingProxyType(
        {
            "userCertificate": N_("certificates"),
            "altSecurityIdentities": N_("mapped certificates or keys"),
            "msDS-KeyCredentialLink": N_("Windows Hello keys"),
            "servicePrincipalName": N_("services that run in its name"),
            "msDS-AllowedToDelegateTo": N_("services that it may use for others"),
            "msDS-AllowedToActOnBehalfOfOtherIdentity": N_("accounts that may act for others there"),
        }
    )
    references = MappingProxyType({**REFERENCES, "managedBy": DutyKind.OWNED, "assistant": DutyKind.NAMED})
    own_duties_need = (SERVICE, DELEGATED, ACTS_FOR, "objectSid")
    has_full_power = lock_holds_everywhere = names_values = True
    reveals_lock_without_password = False
    group_attributes = ("objectSid",)
    """The group's SID ends in the number that is its members' primaryGroupID."""

    def own_duties(self, link: Any, directory: Any, entry: Entry) -> Iterator[Duty]:
        """Yield services that run as the account or that it may use for others, and where it may act for others."""
        for name in (SERVICE, DELEGATED):
            for value in entry.all(name):
                place = value.partition("/")[2]
                yield Duty(DutyId(f"{name}:{value}"), DutyKind.RUNS, name, value, place, stops=True)
        sid = entry.first("objectSid")
        base = directory.naming_context(link) or directory.settings.base_dn
        for row in link.search(base, f"({ACTS_FOR}=*)", ["cn", self.identifier, ACTS_FOR], []):
            try:
                concerned = sid in named_by(row.first(ACTS_FOR))
            except ValueError as error:
                text = _("who may act for others at {dn} cannot be read")
                raise Unavailable(text.format(dn=row.dn)) from error
            if concerned:
                number = self.identify(row) or row.dn
                yield Duty(DutyId(f"{ACTS_FOR}:{number}"), DutyKind.RUNS, ACTS_FOR, row.text("cn"), row.dn, stops=True)

    def matches(self, wanted: str) -> str:
        """Return the filter for one objectGUID: sixteen bytes, the first eight in little-endian order."""
        return equals_bytes(self.identifier, UUID(self.canonical(wanted)).bytes_le)

    def named(self, value: bytes) -> AccountId:
        """Return the GUID as Windows writes it, in lower case; empty if it cannot be read."""
        return AccountId(str(UUID(bytes_le=value)) if len(value) == len(UUID(int=0).bytes) else "")

    def moment(self, value: str) -> datetime | None:
        """Read both forms: lastLogonTimestamp counts ticks, whenChanged is text."""
        return windows_time(value) if value.isdecimal() else generalized_time(value)

    def state(self, entry: Entry) -> Mapping[str, str]:
        """Return the flags and the place; `password` holds the reason why none can be restored."""
        return {"dn": entry.dn, CONTROL: entry.text(CONTROL), "password": GONE_FOR_GOOD}

    def lost(self, state: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the loss of the password."""
        return (_(LOST),)

    def verdict(self, entry: Entry) -> tuple[Verdict, str]:
        """Return `locked` only for the flag: an expiry can lie ahead, and a lockout after wrong passwords passes."""
        found = flags(entry.text(CONTROL))
        if found is None:
            return Verdict.UNKNOWN, hidden(CONTROL)
        if found & DISABLED:
            return Verdict.LOCKED, ""
        if not entry.text(EXPIRY):
            return Verdict.UNKNOWN, hidden(EXPIRY)
        return Verdict.OPEN, why_open(entry.text(EXPIRY), entry.text("lockoutTime"), datetime.now(UTC))

    def rights_attributes(self, wanted: Sequence[str]) -> Sequence[str]:
        """Ask for the names of all attributes that we may write (MS-ADTS 3.1.1.4.5.22), and for accounts' rules."""
        return (WRITABLE, DESCRIPTOR) if CONTROL in wanted else (WRITABLE,)

    def rights_controls(self) -> Sequence[Any]:
        """Ask for access lists alone."""
        return (access_list_only(),)

    def our_token(self, link: Any, directory: Any) -> Collection[bytes]:
        """Return the SIDs of the bot's own entry and of all its groups, wherever it is in the domain."""
        me, base = self.settings.bind_dn, directory.naming_context(link) or self.settings.base_dn
        asked, query = ["objectSid"], self.own_account_filter(me)
        mine = [link.read_if_visible(me, asked)] if is_dn(me) else list(link.search(base, query, asked))
        if len(mine) != 1 or mine[0] is None:
            return ()
        token = link.read(mine[0].dn, [TOKEN])
        return {*mine[0].values.get("objectsid", ()), *(token.values.get(TOKEN.lower(), ()) if token else ())}

    def may_reset(self, entry: Entry, token: Collection[bytes]) -> bool | None:
        """Return whether the users of a token may reset the password of an entry; None if nothing tells."""
        return may_reset_password(entry.first(DESCRIPTOR), token)

    def refused(self, entry: Entry, wanted: Sequence[str]) -> Sequence[str]:
        """Return the attributes that the server does not name. It does not tell the right to reset a password."""
        told = {name.casefold() for name in entry.all(WRITABLE)}
        return [name for name in wanted if name.casefold() not in told]

    def refuses_people(self, link: Any, folder: str) -> bool:
        """Return whether `user` is not among the classes that we may create there (MS-ADTS 3.1.1.4.5.25)."""
        entry = link.read_if_visible(folder, ["allowedChildClassesEffective"])
        return entry is not None and "user" not in entry.all("allowedChildClassesEffective")

    def protects(self, entry: Entry) -> str:
        """Refuse administrators unless the settings allow them: AdminSDHolder marks them with adminCount."""
        if entry.text("adminCount") != "1" or self.settings.lock_administrators:
            return ""
        return _(
            "{dn} is or was in a group of administrators (adminCount is 1) and is not locked. Take it"
            " out of those groups and clear adminCount, lock it by hand, or set lock_administrators ="
            " true"
        ).format(dn=entry.dn)

    def blocked(self, entry: Entry) -> tuple[str, str]:
        """Return the same in two sentences."""
        if not self.protects(entry):
            return "", ""
        why = _("{dn} is or was in a group of administrators (adminCount is 1), so it is not locked.")
        remedy = _(
            "Take it out of those groups and clear adminCount, lock it by hand, or set lock_administrators = true."
        )
        return why.format(dn=entry.dn), remedy

    def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
        """Write the password, and the current flags with bit 2 added."""
        control = (flags(entry.text(CONTROL)) or 0) | DISABLED
        return [(ldap.MOD_REPLACE, PASSWORD, [f'"{secret}"'.encode("utf-16-le")]), *_flags_change(entry, control)]

    def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:
        """Clear bit 2; every other flag keeps its current value."""
        control = flags(entry.text(CONTROL)) or 0
        kept = (flags(state.get(CONTROL, "")) or 0) & DISABLED
        return _flags_change(entry, control & ~DISABLED | kept)

    def judge(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> tuple[Login, str]:  # noqa: ARG002
        """Accept only `data 533` as proof: every other refusal could end by itself."""
        if refusal is None:
            return Login.ACCEPTED, _("the directory accepts the log-in of a disabled account")
        words = refusal_words(refusal) or _(REFUSED)
        words = _("the directory says: {words}").format(words=words)
        if refusal_code(refusal) == ACCOUNT_DISABLED:
            return Login.REFUSED, words
        return Login.NOT_TRIED, _("{words}, which does not prove that the account is disabled").format(words=words)

    def with_implicit_logins(self, link: Any, base_dn: str, person: Person) -> Person:
        """Return the person with the log-ins that this domain derives from a name and its domain."""
        return implicit_logins.complete(link, base_dn, person)

    def candidates_filter(self, link: Any, person: Person) -> str:
        """Return the filter for accounts with the name before a suffix of principal names that the forest knows."""
        names = implicit_logins.names_before_suffixes(link, person)
        return either(equals(self.login, name) for name in names) if names else ""

    def own_account_filter(self, bind_dn: str) -> str:
        r"""Return the filter for `name@domain` (beside any userPrincipalName), `DOMAIN\name` or the name alone."""
        name = bind_dn.rpartition("\\")[2].partition("@")[0]
        return either([equals("userPrincipalName", bind_dn), equals(self.login, name)])

    def primary(self, entry: Entry) -> str:
        """Return the filter for the primary group: the person's own SID with the group's relative id at its end."""
        number = entry.text("primaryGroupID")
        return sibling_filter(entry.first("objectSid"), int(number)) if number.isdigit() else ""

    def implicit_members_filter(self, group: Entry) -> str:
        """Return the filter for the accounts whose primary group this is."""
        sid = group.first("objectSid")
        if len(sid) <= SID_TAIL:
            return ""
        return f"(primaryGroupID={int.from_bytes(sid[-SID_TAIL:], 'little')})"

    def full_power(self, link: Any, directory: Any, entry: Entry) -> Sequence[str]:  # noqa: ARG002
        """Return Domain Admins and Administrators as far as the account's own token leads there.

        `tokenGroups` has all groups at any depth, the primary group included (MS-ADTS 3.1.1.4.5.19). Without a value
        it cannot be read, and nothing is known.
        """
        token = link.read(entry.dn, [TOKEN])
        sids = token.values.get(TOKEN.lower(), ()) if token else ()
        return [name for name, tail in FULL_POWER.items() if not sids or any(sid.endswith(tail) for sid in sids)]

    def unseen_groups(self, link: Any, directory: Any, entry: Entry) -> Mapping[str, str]:
        """Return the SIDs of the account's token that no membership explains which we can read.

        Groups in which it is by others count as explained, from its own groups and from its primary group. They are
        followed level by level: the rule for chains fails on Samba if it meets a hidden group.
        """
        told = link.read(entry.dn, [TOKEN])
        token, base = told.values.get(TOKEN.lower(), ()) if told else (), directory.naming_context(link)
        base, asked, known = base or directory.settings.base_dn, ["objectSid", "cn"], dict[str, bytes]()
        primary = self.primary(entry) if token else ""
        level = [entry, *(link.search(base, primary, asked) if primary else ())]
        while level and token:
            known |= {row.dn: row.first("objectSid") for row in level}
            query = either(equals("member", row.dn) for row in level)
            level = [row for row in link.search(base, query, asked) if row.dn not in known]
        left = [sid for sid in token if sid not in known.values()]
        query = either(equals_bytes("objectSid", sid) for sid in left)
        names = {row.first("objectSid"): row.text("cn") for row in link.search(base, query, asked)} if left else {}
        return {sid_text(sid): names.get(sid, "") for sid in left}

    def well_known(self, link: Any, directory: Any, group: str) -> str:
        """Return the filter for Domain Admins or Administrators, by SID: the names differ between languages."""
        if group == ADMINISTRATORS:
            return equals_bytes("objectSid", BUILTIN_ADMINISTRATORS)
        if group != DOMAIN_ADMINS:
            return ""
        someone = link.first_person(directory.settings.base_dn, directory.people_filter, ["objectSid"])
        return sibling_filter(someone.first("objectSid") if someone else b"", DOMAIN_ADMINS_NUMBER)

    def unusable(self, entry: Entry) -> str:
        """Return why nobody can log in to an enabled account now: it has expired, or is locked for a time."""
        expiry, lockout = windows_time(entry.text("accountExpires")), windows_time(entry.text("lockoutTime"))
        over = expiry is not None and expiry <= datetime.now(UTC)
        return self.verdict(entry)[1] if over or lockout else ""

    def missing_features(self, announced: frozenset[str]) -> Sequence[str]:
        """Return the features that another kind of server, or a read-only domain controller, lacks for locking."""
        return [
            *([] if IS_ACTIVE_DIRECTORY in announced else [_("Active Directory (another dialect is right for it)")]),
            *([_("writes (it is a read-only domain controller)")] if IS_READ_ONLY in announced else []),
        ]
