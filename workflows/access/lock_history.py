"""What our rows say of locks that we have carried out, for connectors whose systems make locked accounts vanish."""

from functools import partial

from sqlmodel import col, select

from connectors.contract import AccountId, Accounts
from workflows.access.account_state import AccountData
from workflows.storage.case import UNWATCHED
from workflows.storage.rows.access import Account
from workflows.storage.rows.case import Case
from workflows.storage.store import Store
from workflows.storage.vault import Vault
from workflows.systems.registry import Systems


def introduce(systems: Systems, store: Store, vault: Vault) -> None:
    """Give every connector its way to ask."""
    for system, accounts in systems.with_capability(Accounts):
        accounts.recall(partial(locked, store, vault, system.name))


def locked(store: Store, vault: Vault, system: str, account: AccountId) -> bool:
    """Whether a case that still stands has locked this account there."""
    query = (
        select(Account, Case.wrapped_key)
        .join(Case, col(Account.case_id) == col(Case.id))
        .where(Account.system == system, Account.account_id == account, col(Case.state).not_in(UNWATCHED))
    )
    with store.read() as session:
        rows = session.exec(query).all()
    return any(AccountData.load(vault.open(key, row.sealed, f"account:{row.id}")).locked for row, key in rows)
