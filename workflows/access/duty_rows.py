"""Decisions on duties as rows hold them: the sealed data, the keys, and the marked entries that an effect rests on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from config.text import gettext_lazy, shown, stored
from connectors.contract import AccountId, Act, Duty, DutyAct, DutyId, DutyImage, DutyKind, Subject
from workflows.context import Context
from workflows.storage.journal import Personal
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.duties import DutyChoice, DutyDecision
from workflows.storage.vault import Vault, WrongKey
from workflows.systems.registry import System
from workflows.tampering import Act as Entry
from workflows.tampering import Tampered, acts, last, recorded_state, require_journal

DECIDED, RULED, BEGUN, CARRIED = "duty.decided", "duty.ruled", "duty.begun", "duty.carried"
"""Acts of the journal. A person decides, a stage rules; the image is marked as the write begins."""
OVER = (CaseState.CANCELLED, CaseState.UNDONE)
"""States in which every duty is put back."""
SHORT = 8
"""Characters of a key that people type."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Account of the colleague who gets a duty."""

    account: str = ""
    login: str = ""
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class DecisionData:
    """Sealed data of a decision's row."""

    duty: Mapping[str, Any] = field(default_factory=dict)
    """The duty as it was listed."""
    choice: str = ""
    receiver: Mapping[str, str] = field(default_factory=dict)
    """A `Receiver`; empty unless the duty is given."""
    by: str = ""
    """Name of who decided; empty if a stage did."""
    by_id: str = ""
    reason: str = ""
    image: Mapping[str, Any] = field(default_factory=dict)
    """Before-image, from before the write until a read shows the duty put back; else empty."""
    carried: Sequence[str] = ()
    """Choice and receiver's account for which the image was taken."""
    result: str = ""
    """Result of the last read, in the form of `stored`."""
    problem: str = ""
    """Reason for which the decision is still to carry out, in the form of `stored`; else empty."""
    by_hand: bool = False
    """True if the system does not offer the act, so that a person does it there."""

    @property
    def order(self) -> tuple[str, str]:
        """Choice and receiver's account."""
        return self.choice, self.receiver.get("account", "")

    @property
    def to(self) -> Receiver:
        """The receiver."""
        return Receiver(**self.receiver)

    def seal(self, vault: Vault, key: bytes, row_id: str) -> bytes:
        """Encrypt the data for the row."""
        return vault.seal(key, asdict(self), f"duty_decision:{row_id}")

    @classmethod
    def of(cls, vault: Vault, key: bytes, row: DutyDecision) -> "DecisionData":
        """Decrypt a row's data. Raises `Tampered` where the row is not as we wrote it."""
        try:
            return cls(**vault.open(key, row.sealed, f"duty_decision:{row.id}")) if row.sealed else cls()
        except WrongKey as error:
            raise Tampered(gettext_lazy("a decision on a duty is not as we stored it")) from error


def duty_key(vault: Vault, case_id: str, system: str, duty: str) -> str:
    """Return the key of a duty in one case: a keyed hash, since its id may name people or clients."""
    return vault.blind(json.dumps(["duty", case_id, system, duty]))[:32]


def row_id(vault: Vault, case_id: str, system: str, duty: str) -> str:
    """Return the id of a decision's row."""
    return f"{case_id}:{system}:{duty_key(vault, case_id, system, duty)}"


def key_of(row: str) -> str:
    """Return the duty's key in a row's id."""
    return row.rpartition(":")[2]


def as_data(duty: Duty) -> dict[str, Any]:
    """Return a duty as JSON."""
    return asdict(duty) | {"fixed": stored(duty.fixed)}


def as_duty(data: Mapping[str, Any]) -> Duty:
    """Return a duty from JSON, in the language of the moment."""
    one = dict(data)
    return Duty(**(one | {"id": DutyId(one["id"]), "kind": DutyKind(one["kind"]), "fixed": shown(one["fixed"])}))


def image_data(image: DutyImage) -> dict[str, Any]:
    """Return a before-image as JSON."""
    acts = sorted(act.value for act in image.acts)
    kept = {"duty": image.duty, "account": image.account, "state": dict(image.state)}
    return {**kept, "acts": acts, "why_not": stored(image.why_not)}


def as_image(data: Mapping[str, Any]) -> DutyImage:
    """Return a before-image from JSON, in the language of the moment."""
    acts = frozenset(map(DutyAct, data["acts"]))
    state = dict(data["state"])
    return DutyImage(DutyId(data["duty"]), AccountId(data["account"]), state, acts, shown(data["why_not"]))


def image_mark(vault: Vault, image: Mapping[str, Any]) -> str:
    """Return a keyed hash of a before-image, for the journal."""
    return vault.blind(json.dumps(image, sort_keys=True))[:32]


def rows_of(session: Session, case_id: str, system: str = "") -> list[DutyDecision]:
    """Return the decisions of a case, or those of one system, by id."""
    query = select(DutyDecision).where(DutyDecision.case_id == case_id)
    query = query.where(DutyDecision.system == system) if system else query
    return sorted(session.exec(query), key=lambda row: row.id)


def write_entry(
    context: Context, session: Session, row: DutyDecision, data: DecisionData, action: str, actor: Any, **more: Any
) -> None:
    """Seal the data into the row, and write the marked entry, in the caller's transaction."""
    key = session.get_one(Case, row.case_id).wrapped_key
    row.sealed = data.seal(context.vault, key, row.id)
    session.add(row)
    facts = {
        "system": row.system,
        "duty": key_of(row.id),
        "choice": data.choice,
        "to": Personal(data.receiver.get("account", "")),
        **more,
    }
    context.journal.write(session, actor=actor, action=action, case_id=row.case_id, data=facts, sealed=row.sealed)


def entries(context: Context, session: Session, row: DutyDecision) -> list[Entry]:
    """Return the marked entries about one duty. Raises `Tampered` for one without our mark."""
    found = acts(context, session, row.case_id, "duty.%")
    return [act for act in found if (act.data.get("system"), act.data.get("duty")) == (row.system, key_of(row.id))]


def require_decided(context: Context, session: Session, row: DutyDecision, data: DecisionData) -> None:
    """Raise `Tampered` unless somebody decided exactly this, and the image is the one that was taken last."""
    require_journal(context, session)
    found, duty = entries(context, session, row), str(data.duty.get("id", ""))
    newest = last(found, DECIDED, RULED)
    if newest is None or row.id != row_id(context.vault, row.case_id, row.system, duty):
        raise Tampered(gettext_lazy("a duty would change, and nobody decided that"))
    if (newest.data.get("choice"), newest.data.get("to")) != data.order:
        raise Tampered(gettext_lazy("a duty would change in another way than was decided"))
    taken = last(found, BEGUN)
    if data.image and (taken is None or taken.data.get("image") != image_mark(context.vault, data.image)):
        raise Tampered(gettext_lazy("the state of a duty before its change is not as we stored it"))


def require_over(context: Context, session: Session, case_id: str) -> None:
    """Raise `Tampered` unless somebody cancelled or undid the case: only then is everything put back."""
    if recorded_state(context, session, case_id) not in OVER:
        raise Tampered(gettext_lazy("duties would be put back, and nobody undid the case"))


def recorded_day(context: Context, session: Session, case_id: str) -> datetime | None:
    """Return the effective time that the marked entries give a case; None without any."""
    newest = last(acts(context, session, case_id, "case.%", strict=False), "case.opened", "case.rescheduled")
    if newest is None:
        return None
    told = newest.data.get("to") or newest.data.get("effective_at")
    return datetime.fromisoformat(str(told)) if told else None


def blinds(system: System, act: Act = Act.LOCK) -> bool:
    """Return whether an act destroys or blinds the list of duties there."""
    effects = (one for one in system.manifest.effects if (one.act, one.subject) == (act, Subject.DUTIES))
    return any(system.connector.has_effect(one) for one in effects)


def settled(data: DecisionData, result: str) -> DecisionData:
    """Return the data of a decision that a read showed carried out."""
    return replace(data, result=stored(result), problem="", by_hand=False)


def wanted(case: Case, data: DecisionData) -> tuple[str, str]:
    """Return what is to become of a duty now: once the case is over, the leaver keeps it."""
    return (DutyChoice.KEEP.value, "") if case.state in OVER else data.order
