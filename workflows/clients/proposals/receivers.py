"""Accounts of the successors in one system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.text import Sentence, gettext_lazy
from connectors.contract import Account as Found
from connectors.contract import AccountId, Person, Verdict
from workflows.people import Successor
from workflows.systems.accounts import PreconditionFailed, require_accounts
from workflows.systems.registry import System


@dataclass(frozen=True, slots=True)
class ActiveSuccessors:
    """Successors with an active account, by key, in the order of the case; `notes`: stored sentences on the others."""

    accounts: Mapping[str, AccountId]
    notes: tuple[str, ...]


def active_successors(system: System, successors: Sequence[Successor], leaver: Sequence[AccountId]) -> ActiveSuccessors:
    """Look up every successor, and check for an active account. Raises `PreconditionFailed` where nobody has one."""
    directory = require_accounts(system)
    found = {one.key: directory.find(Person(one.name, (one.email,))).accounts for one in successors}
    seen = directory.observe([account.id for hits in found.values() for account in hits])
    accounts: dict[str, AccountId] = {}
    notes = []
    for one in successors:
        active = [a for a in found[one.key] if a.id not in leaver and seen[a.id].verdict is Verdict.OPEN]
        if len(active) == 1:
            accounts[one.key] = active[0].id
        else:
            notes.append(
                gettext_lazy(
                    "{name} gets nothing in {system}: {why}",
                    name=one.name,
                    system=system.name,
                    why=_why(found[one.key], active),
                ).stored
            )
    if not accounts:
        raise PreconditionFailed(gettext_lazy("none of the successors has an active account here"))
    return ActiveSuccessors(accounts, tuple(notes))


def _why(found: Sequence[Found], active: Sequence[Found]) -> Sentence:
    if not found:
        return gettext_lazy("no account there")
    if not active:
        return gettext_lazy("the account there is not active")
    return gettext_lazy("{count} accounts match", count=len(active))
