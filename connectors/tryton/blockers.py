"""Refusals by Tryton that lie ahead: our rights on models, and record rules that shut one user against writes.

A read of `_write` tells whether the record rules let us write a record (trytond 8.2, model/modelsql.py; tried).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from config.text import _
from connectors.contract import AccountId, Act, Blocker
from connectors.errors import Unavailable
from connectors.tryton.book import Book
from connectors.tryton.owners import USER, Owners
from connectors.tryton.rpc import Rpc


class BlockerList:
    """Reads what Tryton will refuse our own user."""

    def __init__(self, rpc: Rpc, owners: Owners, book: Book, login: str) -> None:
        self._rpc, self._owners, self._book, self._login = rpc, owners, book, login

    def of(self, account: AccountId) -> Iterator[Blocker]:
        """Yield the refusals of one user. Raises `Missing`."""
        row = self._owners.row(account)
        if row["active"]:
            yield from self._of_lock(row)
        yield from self._of_moves(account)

    def _of_lock(self, row: Mapping[str, Any]) -> Iterator[Blocker]:
        if row["id"] == self._rpc.user:
            why = _("this is the user that Handover itself signs in as.")
            yield Blocker(Act.LOCK, why, _("Give Handover a user of its own in Tryton."))
        elif not self._rpc.rights(USER)[USER]["write"]:
            why = _("{login} may not write {model}.").format(login=self._login, model=USER)
            yield Blocker(Act.LOCK, why, self._grant(USER))
        elif not self._writable(row["id"]):
            why = _("a record rule does not let {login} write the user {user}.")
            remedy = _("Let {login} write this user in the record rules of {model}, or lock the user by hand.")
            told = remedy.format(login=self._login, model=USER)
            yield Blocker(Act.LOCK, why.format(login=self._login, user=row["login"]), told)

    def _writable(self, number: int) -> bool:
        rows = self._rpc.read(f"{USER}.read", [number], ["_write"])
        if not (isinstance(rows, list) and len(rows) == 1 and rows[0].get("_write") in (0, 1)):
            raise Unavailable(_("Tryton does not tell whether we may write the user"))
        return bool(rows[0]["_write"])

    def _of_moves(self, account: AccountId) -> Iterator[Blocker]:
        owned = [model for model, number in self._book.owned(account).items() if number]
        rights = self._rpc.rights(*owned) if owned else {}
        for model in owned:
            if not rights[model]["write"]:
                why = _("{login} may not write {model}.").format(login=self._login, model=model)
                yield Blocker(Act.MOVE_RECORDS, why, self._grant(model))

    def _grant(self, model: str) -> str:
        text = _("Let {login} write {model} in Tryton (Models, Access Rights).")
        return text.format(login=self._login, model=model)
