"""Changes of references: an entry that points to the leaver is made to point to somebody else, or to nobody.

One modify names the values that it takes out and those that it adds, so other holders stay, whoever writes meanwhile.
"""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import ldap
import ldap.schema
from ldap.dn import is_dn

from config.text import N_, _
from connectors.contract import AccountId, Change, DutyAct, DutyId, DutyImage, Verdict
from connectors.errors import Conflict, Forbidden, Missing, OthersTouched, OutcomeUnknown, Unavailable
from connectors.ldap.attribute_rights import SUBSCHEMA, refuses
from connectors.ldap.connection import LdapConnection
from connectors.ldap.directory import Directory
from connectors.ldap.references import bases
from connectors.ldap.wire import Entry, Modification, both, equals, parts, same

NOT_BY_REFERENCE = N_("a service runs so: give it another account where it is set up, then take this one out there")
SCHEMA_SECONDS = 600.0
"""Age at which the schema is read again."""
DRIFTED = N_("{attribute} of {dn} is not as it was read: read it again")


@dataclass(frozen=True, slots=True)
class _Place:
    """An attribute of one entry, as it is now."""

    row: Entry
    attribute: str

    @property
    def values(self) -> tuple[str, ...]:
        return self.row.all(self.attribute)

    def value(self, *names: str) -> str:
        """Return the value that is one of these DNs, as the server writes it; empty if none is."""
        wanted = {_key(name) for name in names if name}
        return next((value for value in self.values if _key(value) in wanted), "")

    def others(self, *names: str) -> Sequence[str]:
        """Return the keys of all values but these DNs."""
        without = {_key(name) for name in names if name}
        return sorted(key for key in map(_key, self.values) if key not in without)


class DutyChanging:
    """The changes of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._dialect = directory, directory.dialect
        self._schema: tuple[float, ldap.schema.SubSchema | None] = (float("-inf"), None)

    def image(self, link: LdapConnection, account: AccountId, duty: DutyId) -> DutyImage:
        """Read one reference, and whether we may change it. Raises `Missing` if the account has no such duty."""
        entry = self._directory.person(link, account)
        name = duty.partition(":")[0]
        if name not in self._dialect.references:
            if all(one.id != duty for one in self._dialect.own_duties(link, self._directory, entry)):
                raise _missing(duty)
            return DutyImage(duty, account, {}, frozenset(), _(NOT_BY_REFERENCE))
        place = self._place(link, duty, equals(name, entry.dn))
        value = place.value(entry.dn)
        state = {"value": value, "others": json.dumps(place.others(value))}
        return DutyImage(duty, account, state, *self._acts(link, place, value))

    def give(self, link: LdapConnection, image: DutyImage, successor: AccountId) -> Change:
        """Replace the leaver's value with the successor's. Raises `Conflict` and `Forbidden`, as `stop` does."""
        self._require(image, DutyAct.GIVE)
        leaver, new = self._directory.person(link, image.account), self._successor(link, image, successor)
        place = self._place(link, image.duty)
        if same(place.row.dn, new.dn):
            raise Forbidden(_("{dn} cannot have it: this is their own entry").format(dn=new.dn))
        held = place.value(leaver.dn, image.state["value"])
        if not held and place.value(new.dn):
            return Change.ALREADY
        self._require_same(place, image, held, leaver)
        added = [] if place.value(new.dn) else [new.dn]
        return self._write(link, place, [held], added)

    def stop(self, link: LdapConnection, image: DutyImage) -> Change:
        """Take the leaver's value out."""
        self._require(image, DutyAct.STOP)
        leaver, place = self._directory.person(link, image.account), self._place(link, image.duty)
        held = place.value(leaver.dn, image.state["value"])
        if not held:
            return Change.ALREADY
        self._require_same(place, image, held, leaver)
        return self._write(link, place, [held], [])

    def put_back(self, link: LdapConnection, image: DutyImage, successor: AccountId | None) -> Change:
        """Add the leaver's value again; take the successor's out, unless it was there before."""
        self._require(image, *image.acts)
        leaver, place = self._directory.person(link, image.account), self._place(link, image.duty)
        before = json.loads(image.state["others"])
        if place.value(leaver.dn) and place.others(leaver.dn) == before:
            return Change.ALREADY
        new = self._dn(link, successor) if successor else ""
        ours = [_key(new)] if new and _key(new) not in before else []
        if sorted(map(_key, place.values)) != sorted([*before, *ours]):
            raise Conflict(_(DRIFTED).format(attribute=place.attribute, dn=place.row.dn))
        return self._write(link, place, [place.value(new)] if ours else [], [leaver.dn])

    def _acts(self, link: LdapConnection, place: _Place, value: str) -> tuple[frozenset[DutyAct], str]:
        """Return the acts that the server would accept, and why not the others."""
        words, bot = {"attribute": place.attribute, "dn": place.row.dn}, self._directory.settings.bind_dn
        if not value:
            return frozenset(), _("{bind_dn} may not read {attribute} of {dn}").format(bind_dn=bot, **words)
        if self._refused(link, place):
            return frozenset(), _("{bind_dn} may not write {attribute} of {dn}").format(bind_dn=bot, **words)
        if len(place.values) == 1 and self._is_required(link, place):
            text = _("{dn} must have a value of {attribute}, and this is the only one: give it to somebody")
            return frozenset({DutyAct.GIVE}), text.format(**words)
        return frozenset(DutyAct), ""

    def _refused(self, link: LdapConnection, place: _Place) -> bool:
        """Return whether we may not write: as the server tells, or refuses a value that no entry has."""
        dialect, name, dn = self._dialect, place.attribute, place.row.dn
        if not dialect.written:
            nobody = f"cn={secrets.token_hex(16)},{self._directory.settings.base_dn}"
            return refuses(link, place.row, name, nobody.encode())
        asked = [dialect.identifier, name, *dialect.rights_attributes([name])]
        rows = [row for row in link.search(dn, "(objectClass=*)", asked, [], dialect.rights_controls()) if row.dn == dn]
        return not rows or bool(dialect.refused(rows[0], [name]))

    def _is_required(self, link: LdapConnection, place: _Place) -> bool:
        """Return whether the schema demands a value; false if it is not shown, and the server then refuses."""
        read_at, schema = self._schema
        if time.monotonic() - read_at > SCHEMA_SECONDS:
            root = link.read("", [SUBSCHEMA])
            where = root.text(SUBSCHEMA) if root else ""
            shown = link.read_if_visible(where, ["attributeTypes", "objectClasses"]) if where else None
            schema = (
                ldap.schema.SubSchema({name: list(values) for name, values in shown.values.items()}, 0)
                if shown
                else None
            )
            self._schema = time.monotonic(), schema
        if schema is None:
            return False
        must, _may = schema.attribute_types(place.row.all("objectClass"), raise_keyerror=0, ignore_dit_content_rule=1)
        return any(place.attribute.casefold() in map(str.casefold, one.names) for one in must.values())

    def _place(self, link: LdapConnection, duty: DutyId, also: str = "") -> _Place:
        """Read the entry of a duty by its id, wherever it is now. Raises `Missing`."""
        name, _colon, number = duty.partition(":")
        asked = [name, "cn", "objectClass", self._dialect.identifier]
        rows: list[Entry] = []
        if self._directory.could_be(AccountId(number)):
            query = both(self._dialect.matches(number), also) if also else self._dialect.matches(number)
            rows = [row for base in bases(self._directory, link) for row in link.search(base, query, asked, [])]
        elif is_dn(number) and "=" in number:
            rows = [row for row in [link.read(number, asked, also or "(objectClass=*)")] if row]
        if not rows:
            raise _missing(duty)
        return _Place(rows[0], name)

    def _successor(self, link: LdapConnection, image: DutyImage, successor: AccountId) -> Entry:
        """Read the successor's entry. Raises `Forbidden` unless it is another open account."""
        try:
            entry = self._directory.person(link, successor)
        except Missing as error:
            raise Forbidden(str(error)) from error
        if successor == image.account or self._dialect.verdict(entry)[0] is not Verdict.OPEN:
            raise Forbidden(_("{dn} cannot have it: it is no other open account").format(dn=entry.dn))
        return entry

    def _dn(self, link: LdapConnection, account: AccountId) -> str:
        try:
            return self._directory.person(link, account).dn
        except Missing:  # its value, if it is still there, counts as a change by somebody else
            return ""

    @staticmethod
    def _require(image: DutyImage, *acts: DutyAct) -> None:
        if not acts or not image.acts.issuperset(acts):
            raise Forbidden(image.why_not)

    @staticmethod
    def _require_same(place: _Place, image: DutyImage, held: str, leaver: Entry) -> None:
        others = place.others(held, leaver.dn, image.state["value"])
        if not held or others != json.loads(image.state["others"]):
            raise Conflict(_(DRIFTED).format(attribute=place.attribute, dn=place.row.dn))

    def _write(self, link: LdapConnection, place: _Place, out: Sequence[str], into: Sequence[str]) -> Change:
        """Write once, then read: exactly these values went and came. Raises `OthersTouched`."""
        name, dn = place.attribute, place.row.dn
        changes: list[Modification] = [(ldap.MOD_DELETE, name, [one.encode() for one in out])] if out else []
        changes += [(ldap.MOD_ADD, name, [one.encode() for one in into])] if into else []
        try:
            link.modify(dn, changes)
        except (ldap.NO_SUCH_ATTRIBUTE, ldap.TYPE_OR_VALUE_EXISTS, ldap.CONSTRAINT_VIOLATION) as error:
            raise Conflict(_(DRIFTED).format(attribute=name, dn=dn)) from error
        except ldap.OBJECT_CLASS_VIOLATION as error:
            text = _("{dn} must have a value of {attribute}, and this is the only one: give it to somebody")
            raise Conflict(text.format(dn=dn, attribute=name)) from error
        try:
            after = link.read(dn, [name])
        except (ldap.LDAPError, Unavailable) as error:
            raise OutcomeUnknown(_("{dn} was changed, and cannot be read back").format(dn=dn)) from error
        now = {_key(value) for value in after.all(name)} if after else set[str]()
        stayed, came = set(map(_key, out)), set(map(_key, into))
        if lost := sorted(one for one in place.values if _key(one) not in now | stayed):
            text = _("{count} other value(s) of {attribute} in {dn} are gone: {names}")
            message = text.format(count=len(lost), attribute=name, dn=dn, names=", ".join(lost))
            raise OthersTouched(message, stop=False, count=len(lost))
        if stayed & now or came - now:
            text = _("the directory accepted the change, and {attribute} of {dn} is as before")
            raise Conflict(text.format(attribute=name, dn=dn))
        return Change.MADE


def _key(value: str) -> str:
    """Return a DN as servers compare it."""
    return str(parts(value)) if is_dn(value) else value.casefold()


def _missing(duty: DutyId) -> Missing:
    return Missing(_("the account has no duty {duty}").format(duty=duty))
