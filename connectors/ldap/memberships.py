"""Membership in groups, read from the groups themselves: `memberOf` is an overlay's copy and may be stale.

It is read too, for groups that lie where we do not look.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence

import ldap
from ldap.dn import explode_dn, explode_rdn, is_dn
from ldapurl import LDAPUrl

from config.text import N_, _
from connectors.contract import AccountId, Change, Group, GroupId
from connectors.errors import Conflict, Forbidden, Missing
from connectors.ldap.attribute_rights import may_see_members
from connectors.ldap.back_links import BACK_LINK, groups_beyond, unreadable
from connectors.ldap.connection import LdapConnection
from connectors.ldap.dialect import OCCUPANT, ROLE, Membership
from connectors.ldap.directory import Directory
from connectors.ldap.other_members import OtherMembers
from connectors.ldap.wire import Entry, below, both, either, equals, same

CLASS = "objectClass"
PRIMARY = N_("this is the account's primary group, which nobody can leave")
RULE = N_("a rule of the directory makes its members (memberURL), so nobody can be taken out of it")
BY_ROLE = N_("this is a role (nsRoleDN), which is not taken away: an administrator must do it")
SID = re.compile(r"S-1(-\d+)+")
"""The only name of a group that is known by an account's token alone."""
DEPTH = 20
"""Levels of nested groups that are followed at most, if the server does not follow them for us."""


class Memberships:
    """The groups of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._dialect = dialect = directory.dialect
        self._base = directory.settings.group_base_dn or directory.settings.base_dn
        self._others = OtherMembers(directory)
        self._asked = ("cn", CLASS, BACK_LINK, dialect.identifier)

    def of(self, link: LdapConnection, account: AccountId) -> Sequence[Group]:
        """Return the groups that name the account, and its implicit group, by name."""
        entry = self._directory.person(link, account)
        names = self._names(entry, self._dialect.memberships)
        rows = list(link.search(self._base, either(_named_by(*name) for name in names), self._asked))
        if not rows and not may_see_members(self._directory, link):
            raise Forbidden(
                _("{bind_dn} may not search the members of any group, so nobody is seen in one").format(
                    bind_dn=self._directory.settings.bind_dn
                )
            )
        rows += groups_beyond(self._directory, link, entry, rows, self._asked)
        above, named = self._above(link, rows), {row.dn for row in rows}
        groups = [self._group_of(row, above.get(row.dn, ())) for row in rows]
        groups += [self._group_of(row, (), _(PRIMARY)) for row in self._primary(link, entry) if row.dn not in named]
        groups += [self._group_of(row, (), _(RULE)) for row in self._by_rule(link, entry) if row.dn not in named]
        groups += [self._group_of(row, (), _(BY_ROLE)) for row in self._roles(link, entry)]
        return [*sorted(groups, key=lambda group: group.name), *self._beyond_reach(link, entry)]

    def naming(self, link: LdapConnection, entry: Entry) -> Sequence[Entry]:
        """Return the groups that name an entry among their members."""
        names = self._names(entry, self._dialect.memberships)
        return list(link.search(self._base, either(_named_by(*name) for name in names), self._asked))

    def named_in(self, link: LdapConnection, group: Entry, way: Membership, entry: Entry) -> Sequence[tuple[str, str]]:
        """Return the values by which one attribute of a group names an entry now."""
        return self._here(link, group, self._names(entry, [way]))

    def remove(self, link: LdapConnection, account: AccountId, group: GroupId) -> Change:
        """Delete every value that names the account, in one write.

        Raises `Conflict` for the last member of a group that may not be empty, and for the primary group.
        """
        if SID.fullmatch(group):
            if group not in self._dialect.unseen_groups(link, self._directory, self._directory.person(link, account)):
                return Change.ALREADY
            raise unreadable(self._directory, group)
        entry, found, ways = self._both(link, account, group)
        names = self._names(entry, ways)
        if self._is_primary(link, entry, found) and not self._here(link, found, names):
            raise Conflict(
                _("{member} cannot leave {group}: {why}").format(
                    member=entry.text("cn"), group=found.text("cn"), why=_(PRIMARY)
                )
            )
        here = names if len(names) == 1 else self._here(link, found, names)
        if not here:
            return Change.MADE if self._others.compare(link, found, names) else Change.ALREADY
        earlier = self._others.note(link, found, names)
        try:
            link.modify(found.dn, [(ldap.MOD_DELETE, attribute, [value.encode()]) for attribute, value in here])
        except (ldap.NO_SUCH_ATTRIBUTE, ldap.UNWILLING_TO_PERFORM):
            # Servers report it in different ways, so the group is read: Active Directory is "unwilling to perform".
            if self._here(link, found, here):
                raise
            self._others.compare(link, found, names)
            return Change.MADE if earlier else Change.ALREADY
        except ldap.OBJECT_CLASS_VIOLATION as error:
            raise Conflict(
                _(
                    "{member} is the last member of the group {group}. A {kind} may not be empty: put a successor in "
                    "first, or delete the group"
                ).format(member=entry.text("cn"), group=found.text("cn"), kind=ways[0].object_class)
            ) from error
        self._others.compare(link, found, names)
        return Change.MADE

    def restore(self, link: LdapConnection, account: AccountId, group: GroupId) -> Change:
        """Add one value, the first log-in or the DN, for each form in which the group names people.

        A value that is already there is not written: a group that could not be left may refuse a join too.
        """
        if SID.fullmatch(group):
            return Change.ALREADY
        if self._is_computed(self._group(link, group)):
            return Change.ALREADY
        entry, found, ways = self._both(link, account, group)
        if self._is_primary(link, entry, found):
            return Change.ALREADY
        change, names = Change.ALREADY, self._names(entry, ways)
        here = dict(self._here(link, found, names))
        self._others.note(link, found, names)
        for attribute, value in dict(reversed(names)).items():
            if attribute in here:
                continue
            with contextlib.suppress(ldap.TYPE_OR_VALUE_EXISTS, ldap.ALREADY_EXISTS):
                link.modify(found.dn, [(ldap.MOD_ADD, attribute, [value.encode()])])
                change = Change.MADE
        self._others.compare(link, found, names)
        return change

    def _beyond_reach(self, link: LdapConnection, entry: Entry) -> Sequence[Group]:
        """Return the groups of an account's token that we cannot take it out of: of another domain, or hidden."""
        unseen = self._dialect.unseen_groups(link, self._directory, entry)
        return [Group(GroupId(sid), name or sid) for sid, name in unseen.items()]

    def _by_rule(self, link: LdapConnection, entry: Entry) -> Sequence[Entry]:
        """Return the groups whose rule (an LDAP URL) matches an entry."""
        kind, rule = self._dialect.rules
        rows = link.search(self._base, equals(CLASS, kind), [*self._asked, rule]) if kind else ()
        return [row for row in rows if any(_matches(link, entry.dn, url) for url in row.all(rule))]

    def _roles(self, link: LdapConnection, entry: Entry) -> Sequence[Entry]:
        told = link.read(entry.dn, [self._dialect.roles]) if self._dialect.roles else None
        found = [link.read_if_visible(dn, self._asked) for dn in (told.all(self._dialect.roles) if told else ())]
        return [row for row in found if row]

    def _is_computed(self, group: Entry) -> bool:
        """Return whether nobody is named in a group: its members follow from a rule, or name the role themselves."""
        kinds = {name.casefold() for name in group.all(CLASS)}
        named = {way.object_class.casefold() for way in self._dialect.memberships}
        return bool(kinds & {self._dialect.rules[0].casefold(), "nsroledefinition"}) and not kinds & named

    def administrators(self, link: LdapConnection, group: str) -> Sequence[Entry]:
        """Return the people in a group, in groups within it, and by primary group.

        Raises `Missing` unless exactly one group has that name or id, or is that well-known one.
        """
        if not group:
            return ()
        known = self._dialect.well_known(link, self._directory, group)
        # A well-known group lies beside the people, and may lie outside of the bases.
        base = (self._directory.naming_context(link) or self._directory.settings.base_dn) if known else self._base
        level = list(
            link.search(base, known or self._named(group), self._asked_of_administrators, [] if known else None)
        )
        if len(level) != 1:
            message = _("{count} groups below {base} are named {group}")
            message = message if level else _("no groups below {base} are named {group}")
            raise Missing(message.format(count=len(level), base=base, group=group))
        people: dict[AccountId, Entry] = {}
        seen: set[str] = set()
        for _level in range(DEPTH):
            seen |= {one.dn.casefold() for one in level}
            level = [row for one in level for row in self._members(link, one, people) if row.dn.casefold() not in seen]
        return list(people.values())

    @property
    def _asked_of_administrators(self) -> Sequence[str]:
        members = (way.attribute for way in self._dialect.memberships)
        return list(
            dict.fromkeys(("cn", CLASS, *members, *self._dialect.group_attributes, *self._directory.attributes))
        )

    def named(self, link: LdapConnection, group: str) -> Sequence[Entry]:
        """Return the groups with this name or id."""
        return list(link.search(self._base, self._named(group), self._asked))

    def _named(self, group: str) -> str:
        names = [equals("cn", group)]
        if self._directory.could_be(AccountId(group)):
            names.append(self._dialect.matches(group))
        return both(either(equals(CLASS, way.object_class) for way in self._dialect.memberships), either(names))

    def _members(self, link: LdapConnection, group: Entry, people: dict[AccountId, Entry]) -> list[Entry]:
        """Add a group's people to `people`; return the groups in it."""
        directory, dialect, asked = self._directory, self._dialect, self._asked_of_administrators
        queries, rows, groups = [dialect.implicit_members_filter(group)], list[Entry](), list[Entry]()
        for way in dialect.memberships:
            if way.by_login:
                queries += [equals(dialect.login, name) for name in group.all(way.attribute)]
                continue
            for dn in group.all(way.attribute):
                row = link.read(dn, asked, directory.people_filter)
                person = row if row and dialect.is_person(row) else None
                below = None if person else link.read(dn, asked)
                rows += [person] if person else []
                groups += [below] if below else []
        if any(queries):
            query = both(directory.people_filter, either(filter(None, queries)))
            rows += filter(dialect.is_person, link.search(directory.settings.base_dn, query, asked))
        people |= {dialect.identify(row): row for row in rows}
        return groups

    def _both(
        self, link: LdapConnection, account: AccountId, group: GroupId
    ) -> tuple[Entry, Entry, Sequence[Membership]]:
        entry, found = self._directory.person(link, account), self._group(link, group)
        classes = {name.casefold() for name in found.all(CLASS)}
        ways = [way for way in self._dialect.memberships if way.object_class.casefold() in classes]
        # A kind that is in no schema of ours is a group too, if it names members as the others do.
        ways = ways or [way for way in self._dialect.memberships if link.read(found.dn, ["cn"], f"({way.attribute}=*)")]
        if not ways:
            raise Missing(_("{dn} is not a group of a kind that is known here").format(dn=found.dn))
        return entry, found, ways

    def _names(self, entry: Entry, ways: Sequence[Membership]) -> Sequence[tuple[str, str]]:
        """Return the attributes that may name an entry, with distinct values: there may be several uids."""
        logins = entry.all(self._dialect.login)
        return list(
            dict.fromkeys((way.attribute, value) for way in ways for value in (logins if way.by_login else (entry.dn,)))
        )

    def _here(self, link: LdapConnection, group: Entry, names: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Return the names under which an entry is in a group now."""
        return [name for name in names if link.read(group.dn, ["cn"], equals(*name)) is not None]

    def _group(self, link: LdapConnection, group: GroupId) -> Entry:
        if is_dn(group) and "=" in group:
            raise unreadable(self._directory, group)
        try:
            query = self._dialect.matches(group)
        except ValueError as error:
            raise Missing(_("{group!r} cannot be a group's id").format(group=group)) from error
        for base in filter(None, (self._base, self._directory.naming_context(link))):
            for entry in link.search(base, query, self._asked):
                return entry
        raise Missing(
            _("there is no group with {identifier} {group} below {base}").format(
                identifier=self._dialect.identifier, group=group, base=self._base
            )
        )

    def _primary(self, link: LdapConnection, entry: Entry) -> Sequence[Entry]:
        query = self._dialect.primary(entry)
        return list(link.search(self._directory.settings.base_dn, query, self._asked)) if query else ()

    def _is_primary(self, link: LdapConnection, entry: Entry, group: Entry) -> bool:
        return any(row.dn == group.dn for row in self._primary(link, entry))

    def _group_of(self, row: Entry, above: tuple[str, ...], fixed: str = "") -> Group:
        name = row.text("cn") or str(explode_rdn(explode_dn(row.dn)[0], notypes=True)[0])
        return Group(GroupId(self._dialect.identify(row) or row.dn), name, above, fixed)

    def _above(self, link: LdapConnection, groups: Sequence[Entry]) -> Mapping[str, tuple[str, ...]]:
        """Return the sorted names of the groups that each group is nested in, at any depth, by the group's DN.

        Mostly no group is nested, and one request shows that.
        """
        inside = [group.dn for group in groups if group.all(BACK_LINK) or not self._dialect.chain]
        if inside and not self._dialect.chain and not self._parents(link, inside):
            return {}
        return {dn: self._ancestors(link, dn) for dn in inside}

    def _ancestors(self, link: LdapConnection, group: str) -> tuple[str, ...]:
        above: dict[str, str] = {}
        level = [group]
        for _level in range(1 if self._dialect.chain else DEPTH):
            found = [row for row in self._parents(link, level, self._dialect.chain) if row.dn != group]
            level = [row.dn for row in found if row.dn not in above]
            above |= {row.dn: row.text("cn") for row in found}
            if not level:
                break
        return tuple(sorted(above.values()))

    def _parents(self, link: LdapConnection, groups: Sequence[str], rule: str = "") -> Sequence[Entry]:
        attributes = dict.fromkeys(way.attribute for way in self._dialect.memberships if not way.by_login)
        of = f":{rule}:" if rule else ""
        query = either(_named_by(attribute + of, dn) for attribute in attributes for dn in groups)
        return list(link.search(self._base, query, ["cn"]))


def _named_by(attribute: str, value: str) -> str:
    """Return the filter for groups that name a member. Servers have no index for roles: their class is asked, too."""
    return both(equals(CLASS, ROLE), equals(attribute, value)) if attribute == OCCUPANT else equals(attribute, value)


def _matches(link: LdapConnection, dn: str, rule: str) -> bool:
    """Return whether an entry is among those that an LDAP URL names; true as well if the rule cannot be read."""
    try:
        url = LDAPUrl(rule)
        if url.dn and not (same(dn, url.dn) or below(dn, url.dn)):
            return False
        return link.read(dn, ["1.1"], url.filterstr or "(objectClass=*)") is not None
    except (ValueError, ldap.FILTER_ERROR):
        return True
