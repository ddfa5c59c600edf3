"""Changes between versions of a proposal: clients, their former and their new successors."""

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
"""Changes of one edit that are kept by name; the others are counted."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes of one edit: the first by name, and the number of records."""

    named: Sequence[Mapping[str, str]]
    records: int


def edit_of(context: ClientContext, case: Case, data: CaseData, moved: Sequence[tuple[Assignment, str]]) -> Edit:
    """Return the changes of lines that still name the former successor, each with the new successor's key.

    An empty key: the record stays with the leaver.
    """
    keys = {context.vault.blind(one.key): one.key for one in data.successors}
    named = []
    for row, key in moved[:KEPT]:
        line = line_rows.unseal(context.vault, case, row)
        named.append({"name": line.family_name or line.name, "from": keys.get(row.successor, ""), "to": key})
    return Edit(named, len(moved))


def keep(context: ClientContext, session: Session, case: Case, old: str, new: str, edit: Edit) -> None:
    """Store the changes of an edit."""
    sealed = context.vault.seal(case.wrapped_key, {"named": edit.named, "all": edit.records}, f"revision:{new}")
    session.add(Revision(id=new, previous=old, sealed=sealed))


def sentence(data: CaseData, edits: Iterable[Edit]) -> Sentence:
    """Return the changes in words: the first clients by name, and the number of records where there are more."""
    edits = tuple(edits)
    names = {"": data.leaver.name, **{one.key: one.name for one in data.successors}}
    named = dict.fromkeys(
        (change["name"], names.get(change["from"], "?"), names.get(change["to"], "?"))
        for edit in edits
        for change in edit.named
    )
    told = [
        gettext_lazy("{client}: {old} → {new}", client=client, old=old, new=new)
        for client, old, new in list(named)[:SHOWN]
    ]
    if (count := sum(edit.records for edit in edits)) > SHOWN:
        told.append(ngettext_lazy("{count:,} record in all", "{count:,} records in all", count))
    return joined("; ", told)


def since(context: ClientContext, session: Session, case: Case, data: CaseData, proposal_id: str) -> str:
    """Return the changes since a version, in words; empty where none are stored."""
    return str(sentence(data, _edits_after(context, session, case, proposal_id)))


def _edits_after(context: ClientContext, session: Session, case: Case, proposal_id: str) -> Iterator[Edit]:
    while revision := session.exec(select(Revision).where(Revision.previous == proposal_id)).first():
        plain: dict[str, Any] = context.vault.open(case.wrapped_key, revision.sealed, f"revision:{revision.id}")
        yield Edit(plain["named"], plain["all"])
        proposal_id = revision.id


def since_digest(context: ClientContext, session: Session, case: Case, data: CaseData, digest: str) -> str:
    """Return the changes since the version of this case with that digest, in words."""
    old = session.exec(select(Proposal.id).where(Proposal.case_id == case.id, Proposal.digest == digest)).first()
    return since(context, session, case, data, old) if old else ""
