"""Changes between versions of a proposal: clients that go to another successor, or stay for a person's reason."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, gettext_lazy, joined, ngettext_lazy
from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.split.sealed import seal_note, unseal_line
from workflows.clients.split.unmoved import Reasons
from workflows.clients.views import ExclusionLine
from workflows.people import Actor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, Exclusion, Proposal, Revision
from workflows.storage.vault import Vault

KEPT = 50
"""Changes of one edit that are kept by name; the others are counted."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes of one edit: the first by name, and the number of records."""

    named: Sequence[Mapping[str, str]]
    records: int
    given: Sequence[tuple[str, str, str, str]] = ()
    """System, family, successor's key and client's name, for each client that goes to another successor."""


def edit_of(context: ClientContext, case: Case, data: CaseData, moved: Sequence[tuple[Assignment, str]]) -> Edit:
    """Return the changes of lines that still name the former successor, each with the new successor's key.

    An empty key: the record stays with the leaver.
    """
    keys = {context.vault.blind(successor.key): successor.key for successor in data.successors}
    named = []
    given: dict[tuple[str, str], tuple[str, str]] = {}
    for number, (row, key) in enumerate(moved):
        if number >= KEPT and (not key or (row.system, row.family) in given):
            continue
        line = unseal_line(context.vault, case, row)
        name = line.family_name or line.name
        if number < KEPT:
            named.append({"name": name, "from": keys.get(row.successor, ""), "to": key})
        if key:
            given[row.system, row.family] = (key, name)
    return Edit(named, len(moved), [(*client, *receiver) for client, receiver in given.items()])


def keep_edit(context: ClientContext, session: Session, case: Case, old: str, new: str, edit: Edit) -> None:
    """Store the changes of an edit."""
    plain = {"named": edit.named, "all": edit.records, "given": edit.given}
    sealed = context.vault.seal(case.wrapped_key, plain, f"revision:{new}")
    session.add(Revision(id=new, previous=old, sealed=sealed))


def sentence(data: CaseData, edits: Iterable[Edit]) -> Sentence:
    """Return the changes in words: the first clients by name, and the number of records where there are more."""
    edits = tuple(edits)
    names = {"": data.leaver.name, **{successor.key: successor.name for successor in data.successors}}
    named = dict.fromkeys(
        (change["name"], names.get(change["from"], "?"), names.get(change["to"], "?"))
        for edit in edits
        for change in edit.named
    )
    sentences = [
        gettext_lazy("{client}: {old} → {new}", client=client, old=old, new=new)
        for client, old, new in list(named)[:SHOWN]
    ]
    if (count := sum(edit.records for edit in edits)) > SHOWN:
        sentences.append(ngettext_lazy("{count:,} record in all", "{count:,} records in all", count))
    return joined("; ", sentences)


def since(context: ClientContext, session: Session, case: Case, data: CaseData, proposal_id: str, digest: str) -> str:
    """Return the changes since the version of the case with that digest, in words; without one, since `proposal_id`."""
    shown = select(Proposal.id).where(Proposal.case_id == case.id, Proposal.digest == digest)
    return str(sentence(data, _edits_after(context, session, case, session.exec(shown).first() or proposal_id)))


def _edits_after(context: ClientContext, session: Session, case: Case, proposal_id: str) -> Iterator[Edit]:
    while revision := session.exec(select(Revision).where(Revision.previous == proposal_id)).first():
        plain = context.vault.open(case.wrapped_key, revision.sealed, f"revision:{revision.id}")
        yield Edit(plain["named"], plain["all"])
        proposal_id = revision.id


def keep_exclusion(
    context: ClientContext,
    session: Session,
    case: Case,
    proposal: Proposal,
    rows: Sequence[Assignment],
    reason: str,
    by: Actor,
) -> None:
    """Take lines out of every proposal, and store the reason, in the caller's transaction."""
    for chunk in chunks(rows, CHUNK):
        session.execute(
            sa.update(Assignment),
            [
                {
                    "id": row.id,
                    "state": AssignmentState.KEPT,
                    "proposal_id": None,
                    "sealed": seal_note(context.vault, case, row, reason),
                }
                for row in chunk
            ],
        )
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.system][row.kind] += 1
    number = uuid.uuid4().hex
    plain = {
        "reason": reason,
        "by": by.name or by.id,
        "clients": len({(row.system, row.family) for row in rows}),
        "records": counts,
    }
    sealed = context.vault.seal(case.wrapped_key, plain, f"exclusion:{number}")
    session.add(
        Exclusion(id=number, case_id=case.id, proposal_id=proposal.id, by=by.id, at=context.clock.now(), sealed=sealed)
    )
    context.journal.write(
        session,
        actor=by,
        action="clients.kept",
        case_id=case.id,
        sealed=sealed,
        data={"proposal": proposal.id, "clients": plain["clients"], "records": len(rows)},
    )


def exclusion_lines(vault: Vault, session: Session, case: Case) -> tuple[ExclusionLine, ...]:
    """Return every exclusion of a case, oldest first."""
    return tuple(
        ExclusionLine(
            plain["reason"],
            plain["by"],
            row.at,
            plain["clients"],
            sum(sum(by_kind.values()) for by_kind in plain["records"].values()),
        )
        for row, plain in _all(vault, session, case)
    )


def reasons(vault: Vault, session: Session, case: Case, system: str, staying: Reasons) -> Reasons:
    """Return the number of records of each kind that stay in one system, by reason; `staying`: nobody can move them."""
    counted: dict[str, Counter[str]] = defaultdict(Counter, {kind: Counter(by) for kind, by in staying.items()})
    for _row, plain in _all(vault, session, case):
        for kind, number in plain["records"].get(system, {}).items():
            counted[kind][plain["reason"]] += number
    return counted


def _all(vault: Vault, session: Session, case: Case) -> list[tuple[Exclusion, dict[str, Any]]]:
    rows = session.exec(
        select(Exclusion).where(Exclusion.case_id == case.id).order_by(col(Exclusion.at), col(Exclusion.id))
    ).all()
    return [(row, vault.open(case.wrapped_key, row.sealed, f"exclusion:{row.id}")) for row in rows]
