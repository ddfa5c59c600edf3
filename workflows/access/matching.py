"""Which of the accounts that a lookup shows are the leaver's: never a guess, never a stranger's."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, select

from config.text import _
from connectors.contract import Account as Found
from connectors.contract import AccountId, Accounts
from workflows.people import Leaver
from workflows.storage.case import person
from workflows.storage.rows.access import AccountLink
from workflows.storage.vault import Vault
from workflows.systems.registry import Systems


@dataclass(frozen=True, slots=True)
class PersonLinks:
    """What people have said about one person in one system: account id to log-in; `nobody`: there is no account."""

    accounts: Mapping[AccountId, str]
    nobody: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The accounts to work on. `ambiguous` counts those among which a person must choose; then `own` is empty."""

    own: tuple[Found, ...]
    ambiguous: int = 0
    note: str = ""


def links(session: Session, vault: Vault, person_key: str, system: str) -> PersonLinks:
    """Read what people have said."""
    return all_links(session, vault, person_key).get(system, PersonLinks({}))


def all_links(session: Session, vault: Vault, person_key: str) -> dict[str, PersonLinks]:
    """Read what people have said of one person, by system; a system that nobody spoke of is not there."""
    spoken: dict[str, list[AccountLink]] = defaultdict(list)
    for row in session.exec(select(AccountLink).where(AccountLink.person_key == person_key)):
        spoken[row.system].append(row)
    return {system: _links(vault, rows) for system, rows in spoken.items()}


def _links(vault: Vault, rows: Sequence[AccountLink]) -> PersonLinks:
    known = {
        AccountId(row.account_id): str(vault.open(row.wrapped_key, row.sealed, f"link:{row.id}"))
        for row in rows
        if row.account_id
    }
    return PersonLinks(known, any(not row.account_id for row in rows))


def match(found: Sequence[Found], linked: Collection[AccountId], strangers: Collection[AccountId] = ()) -> Match:
    """Choose among what a lookup shows. Pure."""
    mine = [one for one in found if one.id not in strangers]
    left = len(found) - len(mine)
    said = _("{count} account(s) with this address belong to somebody else by now and were left alone")
    note = said.format(count=left) if left else ""
    if len(mine) <= 1:
        return Match(tuple(mine), note=note)
    chosen = tuple(one for one in mine if one.id in linked)
    if chosen:
        others = _("{count} more account(s) match and were left alone: a person chose")
        more = others.format(count=len(mine) - len(chosen)) if len(mine) > len(chosen) else ""
        return Match(chosen, note="; ".join(filter(None, [note, more])))
    if linked:
        all_of_them = _("{count} account(s) match and were left alone").format(count=len(mine))
        return Match((), note="; ".join(filter(None, [note, all_of_them])))
    return Match((), len(mine), note)


def other_persons_accounts(
    systems: Systems, leaver: Leaver, system: str, found: Sequence[Found], known: Collection[str]
) -> frozenset[AccountId]:
    """Return those of the accounts found long after the lock-out that are somebody else's: a name was given out anew.

    The directory's ids tell: an entry with the leaver's address and another id is another person, and then no account
    elsewhere that the case does not know can be taken for the leaver's by its address. Raises what the directory
    raises: without its answer nobody can tell.
    """
    fresh = [one for one in found if one.id not in known]
    if not leaver.directory_id or not fresh or systems.directory not in systems:
        return frozenset()
    if system == systems.directory:
        return frozenset(one.id for one in fresh if one.id != leaver.directory_id)
    directory = systems[systems.directory].having(Accounts)
    present = directory.find(person(leaver)).accounts if directory else ()
    reused = any(one.id != leaver.directory_id for one in present)
    return frozenset(one.id for one in fresh) if reused else frozenset()
