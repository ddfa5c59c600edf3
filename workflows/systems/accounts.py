"""Accounts of a case in one system: the leaver's, and the capability to look people up."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlmodel import select

from config.text import Sentence, gettext_lazy
from connectors.contract import AccountId, Accounts
from workflows.people import Leaver
from workflows.storage.case import person
from workflows.storage.rows.access import Inventory, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.store import Store
from workflows.storage.vault import Vault
from workflows.systems.registry import System


class PreconditionFailed(Exception):
    """Work cannot go on now, for a reason that a person can remove; it is tried again later."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class KeptAccounts:
    """Accounts that a system showed at notice: the sealed data of an `Inventory` row."""

    logins: Mapping[AccountId, str] = field(default_factory=dict)
    """Account id to log-in."""
    chosen: bool = False
    """True if they are the leaver's, false if a person must choose among them."""
    duties: Mapping[str, Any] = field(default_factory=dict)
    """Duties that were read beside them, as JSON (`workflows.access.duties`); empty if none were."""
    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further lists by account id and `Subject`, as JSON (`workflows.access.kept_lists`)."""

    def seal(self, vault: Vault, key: bytes, row_id: str) -> bytes:
        """Encrypt the data for the row."""
        return vault.seal(key, asdict(self), f"inventory:{row_id}")


def kept_accounts(vault: Vault, key: bytes, row_id: str, sealed: bytes) -> KeptAccounts:
    """Return the accounts that were kept at notice; none if none were. Raises `WrongKey`."""
    return KeptAccounts(**vault.open(key, sealed, f"inventory:{row_id}")) if sealed else KeptAccounts()


def leaver_accounts(store: Store, vault: Vault, case_id: str, leaver: Leaver, system: System) -> tuple[AccountId, ...]:
    """Return the leaver's accounts: those that the access track knows, those kept at notice, or those that match.

    Raises `PreconditionFailed` where several match.
    """
    with store.read() as session:
        known = session.exec(
            select(LeaverAccount.account_id).where(
                LeaverAccount.case_id == case_id, LeaverAccount.system == system.name
            )
        ).all()
        row = session.get(Inventory, f"{case_id}:{system.name}")
        kept = KeptAccounts()
        if row is not None:
            kept = kept_accounts(vault, session.get_one(Case, case_id).wrapped_key, row.id, row.sealed)
    if known:
        return tuple(AccountId(account) for account in sorted(known))
    accounts = require_accounts(system)
    if kept.chosen and (present := accounts.read(list(kept.logins))):
        return tuple(sorted(present))
    found = accounts.find(person(leaver)).accounts
    if len(found) > 1:
        raise PreconditionFailed(
            gettext_lazy("{count} accounts match the leaver: a person must choose one", count=len(found))
        )
    return tuple(account.id for account in found)


def require_accounts(system: System) -> Accounts:
    """Return a system's capability to look people up. Raises `PreconditionFailed` where it has none."""
    accounts = system.having(Accounts)
    if accounts is None:
        raise PreconditionFailed(
            gettext_lazy("this system cannot look people up, so the leaver's clients cannot be found")
        )
    return accounts
