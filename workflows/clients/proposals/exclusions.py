"""Exclusions: clients that stay with the leaver for a person's reason, stored and counted."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.split import lines
from workflows.clients.split.unmoved import Reasons
from workflows.clients.views import ExclusionLine
from workflows.people import Actor
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, Exclusion, Proposal
from workflows.storage.vault import Vault


def keep(
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
                    "sealed": lines.seal(
                        context.vault, case, row.id, replace(lines.unseal(context.vault, case, row), note=reason)
                    ),
                }
                for row in chunk
            ],
        )
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.system, Counter())[row.kind] += 1
    number = uuid.uuid4().hex
    plain = {
        "reason": reason,
        "by": by.name or by.id,
        "clients": len({(row.system, row.family) for row in rows}),
        "records": {system: dict(by_kind) for system, by_kind in counts.items()},
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


def reasons(vault: Vault, session: Session, case: Case, system: str) -> Reasons:
    """Return the number of records of each kind that stay in one system, by reason."""
    counted: dict[str, Counter[str]] = {}
    for _row, plain in _all(vault, session, case):
        for kind, number in plain["records"].get(system, {}).items():
            counted.setdefault(kind, Counter())[plain["reason"]] += number
    return counted


def joined(one: Reasons, other: Reasons) -> Reasons:
    """Return the sum of both counts."""
    return {kind: Counter(one.get(kind, {})) + Counter(other.get(kind, {})) for kind in {*one, *other}}


def _all(vault: Vault, session: Session, case: Case) -> list[tuple[Exclusion, dict[str, Any]]]:
    rows = session.exec(
        select(Exclusion).where(Exclusion.case_id == case.id).order_by(col(Exclusion.at), col(Exclusion.id))
    ).all()
    return [(row, vault.open(case.wrapped_key, row.sealed, f"exclusion:{row.id}")) for row in rows]
