"""What an edit changed: which clients, from whom to whom, for somebody who still looks at an older version."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, select

from config.text import Sentence, gettext_lazy, joined, ngettext_lazy
from workflows.clients.context import ClientContext
from workflows.clients.split import lines as line_rows
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, Proposal, Revision

KEPT = 50
"""Changes that are kept by name of one edit; the rest is counted."""
TOLD = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """What one edit did: the first lines by name, and how many there are."""

    named: Sequence[Mapping[str, str]]
    records: int


def of(context: ClientContext, case: Case, data: CaseData, moved: Sequence[tuple[Assignment, str]]) -> Edit:
    """Return what an edit does with lines, which still name who had them, each with its new successor's key.

    An empty key: it stays with the leaver.
    """
    people = {context.vault.blind(one.key): one.key for one in data.successors}
    named = []
    for row, key in moved[:KEPT]:
        line = line_rows.unseal(context.vault, case, row)
        named.append({"name": line.family_name or line.name, "from": people.get(row.successor, ""), "to": key})
    return Edit(named, len(moved))


def keep(context: ClientContext, session: Session, case: Case, old: str, new: str, edit: Edit) -> None:
    """Remember an edit."""
    sealed = context.vault.seal(case.wrapped_key, {"named": edit.named, "all": edit.records}, f"revision:{new}")
    session.add(Revision(id=new, previous=old, sealed=sealed))


def words(data: CaseData, edits: Iterable[Edit]) -> Sentence:
    """Return what edits changed: the first few clients, and how many records where there are more."""
    names = {"": data.leaver.name, **{one.key: one.name for one in data.successors}}
    said: dict[tuple[str, str, str], None] = {}
    count = 0
    for edit in edits:
        said.update(
            dict.fromkeys((one["name"], names.get(one["from"], "?"), names.get(one["to"], "?")) for one in edit.named)
        )
        count += edit.records
    told = [
        gettext_lazy("{client}: {old} → {new}", client=client, old=old, new=new)
        for client, old, new in list(said)[:TOLD]
    ]
    if count > TOLD:
        told.append(ngettext_lazy("{count:,} record in all", "{count:,} records in all", count))
    return joined("; ", told)


def since(context: ClientContext, session: Session, case: Case, data: CaseData, proposal_id: str) -> str:
    """Return what changed since that version, in words; empty where nothing is on record."""
    return str(words(data, _after(context, session, case, proposal_id)))


def _after(context: ClientContext, session: Session, case: Case, proposal_id: str) -> Iterator[Edit]:
    current = session.exec(select(Revision).where(Revision.previous == proposal_id)).first()
    while current is not None:
        plain: dict[str, Any] = context.vault.open(case.wrapped_key, current.sealed, f"revision:{current.id}")
        yield Edit(plain["named"], plain["all"])
        current = session.exec(select(Revision).where(Revision.previous == current.id)).first()


def since_digest(context: ClientContext, session: Session, case: Case, data: CaseData, digest: str) -> str:
    """Return what changed since the version of this case that had that digest."""
    old = session.exec(select(Proposal.id).where(Proposal.case_id == case.id, Proposal.digest == digest)).first()
    return since(context, session, case, data, old) if old else ""
