"""Edits of earlier proposals of a case, kept by the next listing where they still make sense."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from config.text import gettext_lazy, loaded, ngettext_lazy
from connectors.contract import AccountId
from workflows.clients.context import BookAttempt, ClientContext
from workflows.clients.split.rules import FamilyTotals, OwnerFaults, owner_fault
from workflows.storage.rows.clients import Proposal, Revision

TOLD = 5
"""Edits that were dropped and are told one by one."""


class EarlierEdits:
    """Clients that people gave to a successor in earlier versions; the latest edit of a client counts."""

    def __init__(self, context: ClientContext, session: Session, book_attempt: BookAttempt, system: str) -> None:
        case = book_attempt.case
        self._names = {one.key: one.name for one in book_attempt.data.successors}
        self._given: dict[str, tuple[str, str]] = {}
        """The successor's key and the client's name, by family."""
        made = select(Revision).join(Proposal, col(Proposal.id) == col(Revision.id)).where(Proposal.case_id == case.id)
        for row in session.exec(made.order_by(col(Proposal.version))):
            plain: Mapping[str, Any] = context.vault.open(case.wrapped_key, row.sealed, f"revision:{row.id}")
            self._given |= {
                family: (key, name) for place, family, key, name in plain.get("given", ()) if place == system
            }

    def apply(
        self, families: FamilyTotals, accounts: Mapping[str, AccountId], faults: OwnerFaults
    ) -> tuple[dict[str, str], list[str]]:
        """Return the successor by family for the edits that can be kept, and stored sentences on them and the rest."""
        kept: dict[str, str] = {}
        dropped = []
        for family, (key, name) in self._given.items():
            if family not in families:
                continue
            fault = owner_fault(faults, key, families.pools(family))
            if key in accounts and not fault:
                kept[family] = key
                continue
            why = loaded(fault) if fault else gettext_lazy("no account that can receive it")
            to = self._names.get(key, key)
            dropped.append(
                gettext_lazy("{client} does not go to {name} as before: {why}", client=name, name=to, why=why)
            )
        notes = [one.stored for one in dropped[:TOLD]]
        return kept, [*_kept(len(kept)), *notes, *_dropped(max(len(dropped) - TOLD, 0))]


def _kept(count: int) -> list[str]:
    note = ngettext_lazy(
        "{count:,} client goes where an edit of the earlier proposal put it",
        "{count:,} clients go where edits of the earlier proposal put them",
        count,
    )
    return [note.stored] if count else []


def _dropped(count: int) -> list[str]:
    note = ngettext_lazy(
        "{count:,} more edit of the earlier proposal was dropped",
        "{count:,} more edits of the earlier proposal were dropped",
        count,
    )
    return [note.stored] if count else []
