"""Parts of a directory that the bot's account may not see, and acts that will be refused there."""

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import TypeVar

import ldap
from ldap.dn import dn2str, str2dn

from config.text import N_, _
from connectors.contract import Verdict
from connectors.errors import Forbidden
from connectors.ldap import attribute_rights, own_account
from connectors.ldap.absence import other_contexts
from connectors.ldap.connection import LdapConnection, part_only
from connectors.ldap.directory import Directory
from connectors.ldap.faults import LIMITS, NO_ANSWER, NOT_NOW, server_words, translate
from connectors.ldap.wire import Entry, either, equals, parent

T = TypeVar("T")
SAMPLE = 1000
"""Accounts and groups whose rights are asked for."""
FOLDERS = 200
"""Entries with others below them that are looked into."""
NO_OVERLAY = N_("accounts cannot be locked here: the database of {place} lacks the password policy overlay (ppolicy)")
NO_RIGHT = N_("{dn} will not be locked: {bind_dn} may not write {attributes}")


def find(directory: Directory, link: LdapConnection, seconds: float = float("inf")) -> Sequence[str]:
    """Return everything that the bot's account may not see or do, as sentences.

    Counting everybody stops after `seconds`, which is said.
    """
    end = time.monotonic() + seconds
    said = [*_other_places(directory, link), *hidden_entries(directory, link, end)]
    for look in (_without_overlay, attribute_rights.find, attribute_rights.hidden_members):
        try:
            said += look(directory, link, end)
        except LIMITS as error:
            said.append(str(translate(error, _("listing accounts and groups"))))
    return [*dict.fromkeys(said), *_missing_rights(directory, link)]


def require_writes(directory: Directory, link: LdapConnection) -> None:
    """Raise `Forbidden` unless this server takes writes where people are, and can lock there.

    The request deletes a value that no entry has, so it changes nothing. A read-only copy refuses it or names another
    server, before it looks at the value or at our rights (seen on slapd and 389). A database without the control that
    a lock needs refuses the control.
    """
    someone = link.first_person(directory.settings.base_dn, directory.control, ["1.1"])
    place = parent(someone.dn) if someone else directory.settings.base_dn
    nothing = [(ldap.MOD_DELETE, "description", [secrets.token_hex(16).encode()])]
    try:
        link.modify(place, nothing, directory.dialect.required_controls())
    except NOT_NOW:
        raise
    except ldap.UNAVAILABLE_CRITICAL_EXTENSION as error:
        raise Forbidden(_(NO_OVERLAY).format(place=place)) from error
    except (ldap.REFERRAL, ldap.UNWILLING_TO_PERFORM) as error:
        words = _("{url} is a read-only copy ({why}): put a server that takes writes into urls")
        raise Forbidden(words.format(url=link.url, why=server_words(error))) from error
    except ldap.LDAPError:
        return  # the value is missing, or the folder is not ours to change: the server takes writes


def _without_overlay(directory: Directory, link: LdapConnection, end: float) -> Iterator[str]:
    """Yield, as sentences, the folders with people in whose database nobody can be locked: there may be several."""
    controls, base = directory.dialect.required_controls(), directory.settings.base_dn
    rows = link.search(base, "(hasSubordinates=TRUE)", ["1.1"], []) if controls else ()
    for row in takewhile(lambda _row: time.monotonic() < end, islice(rows, FOLDERS)):
        nothing = [(ldap.MOD_DELETE, "description", [secrets.token_hex(16).encode()])]
        try:
            link.modify(row.dn, nothing, controls)
        except NO_ANSWER:
            raise
        except ldap.UNAVAILABLE_CRITICAL_EXTENSION:
            if link.first_person(row.dn, directory.control, ["1.1"]):
                yield _(NO_OVERLAY).format(place=row.dn)
        except ldap.LDAPError:  # the value is missing, or the folder is not ours to change
            continue


def _other_places(directory: Directory, link: LdapConnection) -> Iterator[str]:
    settings, elsewhere = directory.settings, list[str]()
    list(link.search(settings.base_dn, equals("cn", secrets.token_hex(16)), ["1.1"], elsewhere))
    if elsewhere:
        yield part_only(elsewhere)
    for context in other_contexts(directory, link):
        if link.first_person(context, directory.control, ["1.1"]):
            yield _("there are people below {context}, too: only those below {base_dn} are looked up").format(
                context=context, base_dn=settings.base_dn
            )


def hidden_entries(directory: Directory, link: LdapConnection, end: float) -> Iterator[str]:
    """Compare the entries that we see with what the server itself says of those below each folder."""
    try:
        if directory.dialect.children:
            yield from _uncounted(directory, link, end)
        else:
            yield from _opaque(directory, link, end)
    except LIMITS as error:  # who was found is read all the same
        yield str(translate(error, _("counting entries")))
    except TimeoutError:
        yield _("whether entries below {base} are hidden cannot be told: counting them takes too long").format(
            base=directory.settings.base_dn
        )


def _uncounted(directory: Directory, link: LdapConnection, end: float) -> Iterator[str]:
    """Yield, as sentences, the folders in which we see fewer entries than the server counts."""
    name, seen, told = directory.dialect.children, Counter[str](), dict[str, int]()
    for row in in_time(link.search(directory.settings.base_dn, "(objectClass=*)", [name], []), end):
        seen[parent(row.dn).casefold()] += 1
        if row.text(name).isdecimal():
            told[row.dn] = int(row.text(name))
    for folder, total in told.items():
        count = total - seen[str(dn2str(str2dn(folder))).casefold()]
        if count > 0:
            words = _("{count} of {total} entries below {folder} cannot be seen: an account may be one of them")
            yield words.format(count=count, total=total, folder=folder)


def _opaque(directory: Directory, link: LdapConnection, end: float) -> Iterator[str]:
    """Yield, as sentences, the folders in which the server has entries and shows none (RFC 3673, X.501)."""
    rows = link.search(directory.settings.base_dn, "(hasSubordinates=TRUE)", ["1.1"], [])
    for row in islice(in_time(rows, end), FOLDERS):
        if not link.has_child(row.dn):
            words = _("no entry below {folder} can be seen, and there are some: an account may be one of them")
            yield words.format(folder=row.dn)


def in_time(rows: Iterable[T], end: float) -> Iterator[T]:
    """Stream rows. Raises `TimeoutError` at the time `end`."""
    for row in rows:
        if time.monotonic() > end:
            raise TimeoutError
        yield row


def tells_hidden_entries(directory: Directory, link: LdapConnection) -> bool:
    """Return whether the server counts the entries below the base, those that it hides included."""
    name = directory.dialect.children
    base = link.read(directory.settings.base_dn, [name]) if name else None
    return base is not None and base.text(name).isdecimal()


def _missing_rights(directory: Directory, link: LdapConnection) -> Iterator[str]:
    """Ask for the rights over open accounts that a lock is for, and over groups."""
    dialect, settings = directory.dialect, directory.settings
    if not dialect.written:
        yield from attribute_rights.refused_writes(directory, link)
        return
    mine, members = own_account.name(directory, link), dialect.memberships[0]
    query = f"(&{directory.control}(!{dialect.locked_query}))"
    rows = with_rights(directory, link, settings.base_dn, query, dialect.written)
    people = [row for row in rows if dialect.identify(row) != mine and not dialect.protects(row)]
    if refused := [missing for row in people if (missing := dialect.refused(row, dialect.written))]:
        yield _("{bind_dn} may not write {attributes} of {count} of {total} accounts looked at").format(
            bind_dn=settings.bind_dn,
            attributes=" or ".join(dict.fromkeys(name for missing in refused for name in missing)),
            count=len(refused),
            total=len(people),
        )
    yield from _unknown_resets(directory, link, people)
    told = link.read(people[0].dn, [dialect.token]) if people and dialect.token else None
    if people and dialect.token and (told is None or not told.shows(dialect.token)):
        yield _("cannot tell who is in groups that {bind_dn} does not see: it may not read {attribute}").format(
            bind_dn=settings.bind_dn, attribute=dialect.token
        )
    base, query = settings.group_base_dn or settings.base_dn, equals("objectClass", members.object_class)
    groups = with_rights(directory, link, base, query, [members.attribute])
    # Some groups are the server's own, and refuse everybody: it is a fault only if all do.
    if groups and all(dialect.refused(row, [members.attribute]) for row in groups):
        yield _("{bind_dn} may take nobody out of a group: it may not write {attribute}").format(
            bind_dn=settings.bind_dn, attribute=members.attribute
        )
    if settings.disabled_ou and dialect.refuses_people(link, settings.disabled_ou):
        yield _("{bind_dn} may not move accounts to {folder}").format(
            bind_dn=settings.bind_dn, folder=settings.disabled_ou
        )


def _unknown_resets(directory: Directory, link: LdapConnection, people: Sequence[Entry]) -> Iterator[str]:
    """Yield, as sentences, whose passwords we may not reset. A lock then leaves them as they are, and still holds."""
    token = directory.dialect.our_token(link, directory)
    told = Counter(directory.dialect.may_reset(row, token) for row in people)
    for answer, words in (
        (False, _("{bind_dn} may not reset the passwords of {count} of {total} accounts looked at: they stay")),
        (None, _("cannot tell whether {bind_dn} may reset the passwords of {count} of {total} accounts looked at")),
    ):
        if count := told[answer]:
            yield words.format(bind_dn=directory.settings.bind_dn, count=count, total=len(people))


def refusals(directory: Directory, link: LdapConnection, accounts: Sequence[Entry]) -> Iterator[str]:
    """Yield, as sentences, the locks of these accounts that the server says, or shows, that it will refuse."""
    settings = directory.settings
    for row, missing in refused_locks(directory, link, accounts):
        if missing:
            yield _(NO_RIGHT).format(dn=row.dn, bind_dn=settings.bind_dn, attributes=" or ".join(missing))
        else:
            yield _("{dn} will be locked, and keeps its password: {bind_dn} may not reset it").format(
                dn=row.dn, bind_dn=settings.bind_dn
            )


def refused_locks(
    directory: Directory, link: LdapConnection, accounts: Sequence[Entry]
) -> Iterator[tuple[Entry, Sequence[str]]]:
    """Yield accounts with the attributes of a lock that we may not write; none of them: only the password stays."""
    dialect, settings = directory.dialect, directory.settings
    for row in () if dialect.written else accounts:
        locked = dialect.verdict(row)[0] is Verdict.LOCKED
        if missing := () if locked else attribute_rights.refused_lock(directory, link, row):
            yield row, missing
    query = either(dialect.matches(dialect.identify(row)) for row in accounts)
    rows = (
        with_rights(directory, link, settings.base_dn, query, dialect.written) if accounts and dialect.written else ()
    )
    token = dialect.our_token(link, directory) if rows else ()
    for row in rows:
        missing = dialect.refused(row, dialect.written)
        if missing or dialect.may_reset(row, token) is False:
            yield row, missing


def with_rights(
    directory: Directory, link: LdapConnection, base: str, query: str, wanted: Sequence[str]
) -> Sequence[Entry]:
    """Read entries with our rights to write the attributes `wanted`; none where the server does not tell us."""
    dialect = directory.dialect
    asked = (dialect.identifier, *dialect.attributes, *dialect.rights_attributes(wanted))
    try:
        return list(islice(link.search(base, query, asked, [], dialect.rights_controls()), SAMPLE))
    except NO_ANSWER:
        raise
    except ldap.LDAPError:  # no lock waits for that
        return ()
