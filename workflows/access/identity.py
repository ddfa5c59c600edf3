"""Identity of a leaver: every address, log-in and id, as kept with the case and as the directory and Slack give it now.

The directory's entry is read by its stable id: names change, and are given to others.
"""

import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlmodel import col, select

from config.identifiers import is_among, plain
from config.text import _
from connectors.contract import Account, AccountId, Accounts, Lookup, Person
from connectors.errors import ConnectorError
from workflows.context import Context
from workflows.people import Leaver
from workflows.ports import DeliveryFailed
from workflows.storage.case import keep_names, open_case_data, person
from workflows.storage.rows.case import Case, CaseName
from workflows.storage.vault import WrongKey
from workflows.storage.work import say
from workflows.systems.registry import Systems

FRESH = timedelta(minutes=10)
"""Time after the opening of a case for which the plan's identity is that of now."""
NAMES_ARE_REUSED = timedelta(days=1)
"""Time after the lock-out from which an address may be another person's."""

PAGE = 500
"""Cases whose names are kept in one transaction."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of a leaver now. `doubts`: reasons, as sentences, for which an identifier may be missing."""

    leaver: Leaver
    own: frozenset[str] = frozenset()
    """Names that are the leaver's alone, as they are compared."""
    taken: frozenset[str] = frozenset()
    """Names of the leaver that another entry of the directory has now."""
    doubts: tuple[str, ...] = ()
    unread: ConnectorError | None = None
    """Error of the directory, if names may be another person's by now."""

    def strangers(self, found: Sequence[Account], known: Collection[str], *, directory: bool) -> frozenset[AccountId]:
        """Return the accounts of a lookup that belong to another person by now, because a name was reused.

        It is another person's account if a name of the leaver is taken, and none of its names is the leaver's alone.
        Raises what the directory raised: without its answer the owner is not known.
        """
        fresh = [one for one in found if one.id not in known and not (directory and one.id == self.leaver.directory_id)]
        if fresh and self.unread:
            raise self.unread
        return frozenset(one.id for one in fresh if self.taken and not self._is_own(one))

    def _is_own(self, account: Account) -> bool:
        number = self.leaver.employee_number
        return bool(number and account.employee_number == number) or not self.own.isdisjoint(names(account))


def names(account: Account) -> frozenset[str]:
    """Return the addresses and log-ins of an account, as they are compared."""
    return frozenset(plain(one) for one in account.names if one != account.id)


def identify(leaver: Leaver, found: Sequence[Account]) -> Leaver:
    """Complete the leaver from the company's directory, where exactly one account matched."""
    if len(found) != 1:
        return leaver
    known = found[0]
    named = replace(
        leaver,
        name=leaver.name or known.name,
        email=leaver.email or known.email,
        title=leaver.title or known.title,
        manager_email=known.manager_email or leaver.manager_email,
        directory_id=known.id,
    )
    return _knowing(named, known)


def _knowing(leaver: Leaver, entry: Account) -> Leaver:
    return leaver.knowing((entry.email, *entry.also), (entry.login, *entry.logins), entry.employee_number)


def candidates(accounts: Accounts, leaver: Leaver, lookup: Lookup) -> tuple[tuple[Account, ...], str]:
    """Return the accounts that may be the leaver's and were not matched: a person is asked about each.

    The text is empty, or says why they were not looked for. Whoever matched is locked all the same, and audits look
    for others in the system's list.
    """
    matched = {one.id for one in lookup.accounts}
    try:
        return tuple(one for one in accounts.related(person(leaver)) if one.id not in matched), ""
    except ConnectorError as error:
        return (), _("other accounts of the same person were not looked for: {why}").format(why=say(error))


def read_identity(context: Context, leaver: Leaver, *, late: bool) -> Identity:
    """Return the identity as it is now. Raises nothing: what cannot be read is a doubt, and stops no lock-out.

    `late`: the person has left so long ago that somebody else may have the names. Nobody is identified by them then.
    """
    directory = _directory(context.systems)
    if directory is None:
        return Identity(leaver)
    try:
        wanted = AccountId(leaver.directory_id)
        entry = directory.read([wanted]).get(wanted) if wanted else None
        if entry:
            leaver = _knowing(leaver, entry)
        found = directory.find(person(leaver)).accounts
    except ConnectorError as error:
        doubt = _("the directory was not read, so names that changed are not known: {why}").format(why=say(error))
        unread = error if late and leaver.directory_id else None
        return Identity(_with_slack(context, leaver)[0], doubts=(doubt,), unread=unread)
    if not wanted and not late:
        leaver = identify(leaver, found)
        entry = found[0] if leaver.directory_id else None
    leaver, unasked = _with_slack(context, leaver)
    others = [names(one) for one in found if leaver.directory_id and one.id != leaver.directory_id]
    kept = frozenset(map(plain, (*leaver.emails, *leaver.logins)))
    own = (names(entry) if entry else kept) - (frozenset().union(*others) if late else frozenset())
    taken = kept & frozenset().union(*others) - own
    return Identity(leaver, own, taken, () if entry else unasked)


def other_persons_accounts(
    context: Context, leaver: Leaver, system: str, found: Sequence[Account], known: Collection[str]
) -> frozenset[AccountId]:
    """Return the accounts of an audit's lookup that belong to another person by now. `known`: those of the case.

    The directory is asked only about accounts that are new. Raises what it raises: without its answer the owner is not
    known.
    """
    if all(one.id in known for one in found):
        return frozenset()
    present = read_identity(context, leaver, late=True)
    return present.strangers(found, known, directory=system == context.systems.directory)


def other_owner(systems: Systems, leaver: Leaver, account: Account) -> str:
    """Return the name of the directory's entry with an account's address, if it is another one than the leaver's.

    Without the directory's answer nobody is known to own it: a lock-out goes on.
    """
    directory = _directory(systems)
    if directory is None or not leaver.directory_id or is_among(account.email, leaver.emails):
        return ""
    try:
        found = directory.find(Person("", (account.email,))).accounts
    except ConnectorError:
        return ""
    others = [one.name or one.login for one in found if one.id != leaver.directory_id]
    return others[0] if len(others) == len(found) and others else ""


def read_directory_entries(systems: Systems, leavers: Sequence[Leaver]) -> list[Leaver]:
    """Return past leavers with what their entries say now, read in one call. Raises what the directory raises."""
    directory = _directory(systems)
    ids = [AccountId(one.directory_id) for one in leavers if one.directory_id]
    entries = directory.read(ids) if directory and ids else {}
    return [_knowing(one, entry) if (entry := entries.get(AccountId(one.directory_id))) else one for one in leavers]


def keep(context: Context, case_id: str, leaver: Leaver) -> None:
    """Keep further identifiers with the case: a directory may forget them."""
    with context.store.write(case_id) as session:
        case = session.get_one(Case, case_id)
        if not case.wrapped_key:
            return
        data = open_case_data(context.vault, case)
        known = data.leaver  # another attempt may have kept more meanwhile
        leaver = leaver.knowing(known.emails, known.logins, known.employee_number)
        if leaver != known:
            case.sealed = context.vault.seal(case.wrapped_key, replace(data, leaver=leaver).dump(), f"case:{case_id}")
            session.add(case)
        keep_names(session, context.vault, case_id, leaver)


def keep_missing_names(context: Context) -> None:
    """Keep the names of cases that an earlier version opened, by which they are found from now on."""
    has_names = select(CaseName.key).where(CaseName.case_id == Case.id).exists()
    with context.store.read() as session:
        unnamed = session.exec(select(Case.id).where(~has_names)).all()
    for start in range(0, len(unnamed), PAGE):
        with context.store.write() as session:
            for case in session.exec(select(Case).where(col(Case.id).in_(unnamed[start : start + PAGE]))):
                with suppress(WrongKey):  # the sweep says so
                    keep_names(session, context.vault, case.id, open_case_data(context.vault, case).leaver)


def _directory(systems: Systems) -> Accounts | None:
    system = systems.get(systems.directory)
    return system.having(Accounts) if system else None


def _with_slack(context: Context, leaver: Leaver) -> tuple[Leaver, tuple[str, ...]]:
    """Return the leaver with the address of the Slack profile now, and the doubt if Slack does not answer."""
    if not leaver.slack_id:
        return leaver, ()
    try:
        member = context.authorization.members.find(leaver.slack_id)
    except DeliveryFailed as failed:
        return leaver, (_("Slack was not asked for the address of now: {why}").format(why=failed),)
    return (leaver.knowing([member.email]) if member else leaver), ()


@dataclass(slots=True)
class PresentIdentity:
    """Identity of one case's leaver, read when it is first needed, for all systems of an attempt."""

    context: Context
    case: Case
    leaver: Leaver
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: Identity | None = None
    _read: bool = False

    def read(self, *, afresh: bool = False) -> Identity:
        """Return the identity. The plan's is that of now while the case is new, if the directory knows the person.

        `afresh`: read it even so.
        """
        with self._lock:
            if self._known is None or (afresh and not self._read):
                now = self.context.clock.now()
                if self.leaver.directory_id and now - self.case.opened_at < FRESH and not afresh:
                    self._known = Identity(self.leaver)
                else:
                    self._read = True
                    late = now - self.case.effective_at > NAMES_ARE_REUSED
                    self._known = read_identity(self.context, self.leaver, late=late)
                    if self._known.leaver != self.leaver:
                        keep(self.context, self.case.id, self._known.leaver)
            return self._known
