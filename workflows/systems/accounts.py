from sqlmodel import select

from connectors.contract import AccountId, Accounts
from workflows.people import Leaver
from workflows.storage.case import person
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.store import Store
from workflows.systems.registry import System


class PreconditionFailed(Exception):
    """Refusal of a book that cannot go on now. A person can resolve the reason, and the work is tried again later."""


def leaver_accounts(store: Store, case_id: str, leaver: Leaver, system: System) -> tuple[AccountId, ...]:
    """Return the leaver's accounts: those of the access track, else those that match. Raises `PreconditionFailed`."""
    with store.read() as session:
        known = session.exec(
            select(LeaverAccount.account_id).where(
                LeaverAccount.case_id == case_id, LeaverAccount.system == system.name
            )
        ).all()
    if known:
        return tuple(AccountId(account) for account in sorted(known))
    found = _accounts(system).find(person(leaver)).accounts
    if len(found) > 1:
        raise PreconditionFailed(f"{len(found)} accounts match the leaver: a person must say which one is theirs")
    return tuple(account.id for account in found)


def _accounts(system: System) -> Accounts:
    accounts = system.having(Accounts)
    if accounts is None:
        raise PreconditionFailed("this system cannot look people up, so nobody's clients can be told apart")
    return accounts
