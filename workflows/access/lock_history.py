"""Lock history for connectors: which accounts Handover locked. Some systems no longer list locked accounts."""

from functools import partial

from sqlmodel import col, select

from connectors.contract import AccountId, Accounts
from workflows.access.account_state import AccountData
from workflows.context import Context
from workflows.storage.case import UNWATCHED
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.store import Store
from workflows.storage.vault import Vault


def connect_lock_history(context: Context) -> None:
    """Give every connector access to the lock history."""
    for system, accounts in context.systems.with_capability(Accounts):
        accounts.use_lock_history(partial(was_locked_by_case, context.store, context.vault, system.name))


def was_locked_by_case(store: Store, vault: Vault, system: str, account: AccountId) -> bool:
    """Return whether a case that still stands has locked this account there."""
    query = (
        select(LeaverAccount, Case.wrapped_key)
        .join(Case, col(LeaverAccount.case_id) == col(Case.id))
        .where(LeaverAccount.system == system, LeaverAccount.account_id == account, col(Case.state).not_in(UNWATCHED))
    )
    with store.read() as session:
        rows = session.exec(query).all()
    return any(AccountData.load(vault.open(key, row.sealed, f"account:{row.id}")).locked for row, key in rows)
