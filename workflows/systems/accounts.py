"""Accounts of a case in one system: the leaver's, and the capability to look people up."""

from sqlmodel import select

from config.text import Sentence, gettext_lazy
from connectors.contract import AccountId, Accounts
from workflows.people import Leaver
from workflows.storage.case import person
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.store import Store
from workflows.systems.registry import System


class PreconditionFailed(Exception):
    """Work cannot go on now, for a reason that a person can remove; it is tried again later."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def leaver_accounts(store: Store, case_id: str, leaver: Leaver, system: System) -> tuple[AccountId, ...]:
    """Return the leaver's accounts: those that the access track knows, else those that match.

    Raises `PreconditionFailed` where several match.
    """
    with store.read() as session:
        known = session.exec(
            select(LeaverAccount.account_id).where(
                LeaverAccount.case_id == case_id, LeaverAccount.system == system.name
            )
        ).all()
    if known:
        return tuple(AccountId(account) for account in sorted(known))
    found = require_accounts(system).find(person(leaver)).accounts
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
