"""Matching of accounts to the leaver: no guesses, and never another person's account."""

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
    """Links of one person in one system: account id to log-in. `nobody`: the person has no account there."""

    accounts: Mapping[AccountId, str]
    nobody: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Accounts to lock. `ambiguous` counts the accounts among which a person must choose; `own` is then empty."""

    own: tuple[Found, ...]
    ambiguous: int = 0
    note: str = ""


def links(session: Session, vault: Vault, person_key: str, system: str) -> PersonLinks:
    """Return a person's links in one system."""
    return all_links(session, vault, person_key).get(system, PersonLinks({}))


def all_links(session: Session, vault: Vault, person_key: str) -> dict[str, PersonLinks]:
    """Return a person's links by system; a system without links is left out."""
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
    """Choose the leaver's accounts among those that a lookup shows. Pure."""
    own = [account for account in found if account.id not in strangers]
    left_alone = len(found) - len(own)
    words = _("{count} account(s) with this address belong to somebody else by now and were left alone")
    note = words.format(count=left_alone) if left_alone else ""
    if len(own) <= 1:
        return Match(tuple(own), note=note)
    chosen = tuple(account for account in own if account.id in linked)
    if chosen:
        others = _("{count} more account(s) match and were left alone: a person chose")
        more = others.format(count=len(own) - len(chosen)) if len(own) > len(chosen) else ""
        return Match(chosen, note="; ".join(filter(None, [note, more])))
    if linked:
        all_of_them = _("{count} account(s) match and were left alone").format(count=len(own))
        return Match((), note="; ".join(filter(None, [note, all_of_them])))
    return Match((), len(own), note)


def other_persons_accounts(
    systems: Systems, leaver: Leaver, system: str, found: Sequence[Found], known: Collection[str]
) -> frozenset[AccountId]:
    """Return the accounts that belong to another person by now, because a name was reused after the lock-out.

    The directory's ids decide. If an entry has the leaver's address and another id, it is another person. No unknown
    account elsewhere is then matched to the leaver by its address. Raises what the directory raises: without its answer
    the owner is not known.
    """
    fresh = [account for account in found if account.id not in known]
    if not leaver.directory_id or not fresh or systems.directory not in systems:
        return frozenset()
    if system == systems.directory:
        return frozenset(account.id for account in fresh if account.id != leaver.directory_id)
    directory = systems[systems.directory].having(Accounts)
    present = directory.find(person(leaver)).accounts if directory else ()
    reused = any(account.id != leaver.directory_id for account in present)
    return frozenset(account.id for account in fresh) if reused else frozenset()
