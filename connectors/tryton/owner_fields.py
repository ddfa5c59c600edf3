"""Owner fields of records: the opportunity's employee, and the fields that the settings name.

Such a field points to an employee (`company.employee`) or to a user (`res.user`). The model's other fields (a party, a
company, an active flag) are read from Tryton itself. So the settings name only the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.text import _
from connectors.errors import Missing
from connectors.tryton.rpc import Rpc

USER, EMPLOYEE, PARTY = "res.user", "company.employee", "party.party"
BESIDES = ("party", "company", "active", "state")


@dataclass(frozen=True, slots=True)
class OwnerField:
    """One field of one model."""

    model: str
    name: str
    users: bool = False
    """True if it points to users; else it points to employees."""
    party: str | None = None
    """Path from the record to its party's own fields: `party.`, or empty if the record is the party."""
    company: bool = False
    """True if the record belongs to a company. Only that company's employees can own it."""
    active: bool = False
    """True if the record can be inactive. Such a record is in no list that does not ask for it."""
    state: bool = False

    @property
    def text(self) -> str:
        """Return the field as the settings write it."""
        return f"{self.model}:{self.name}"


OPPORTUNITY = OwnerField("sale.opportunity", "employee", party="party.", company=True, state=True)


def read(rpc: Rpc, text: str) -> OwnerField:
    """Look a field up, given as `MODEL:FIELD`. Raises `Missing` with an instruction if it can own nothing."""
    model, _colon, name = text.partition(":")
    if not rpc.read("ir.model.search_count", [["name", "=", model]]):
        raise Missing(
            _(
                "owner_fields: Tryton has no model {model}; activate its module there, "
                "or take {field} out of the settings"
            ).format(model=model, field=text)
        )
    known = rpc.read(f"{model}.fields_get", [name, *BESIDES])
    if wrong := fault(text, known.get(name)):
        raise Missing(wrong)
    party = "" if model == PARTY else "party." if _points(known.get("party"), PARTY) else None
    return OwnerField(
        model,
        name,
        users=_points(known[name], USER),
        party=party,
        company=_points(known.get("company"), "company.company"),
        active="active" in known,
        state=known.get("state", {}).get("type") == "selection",
    )


def fault(text: str, found: Mapping[str, Any] | None) -> str:
    """Return why a field can own nothing and what to do, from Tryton's description of it; empty if it can."""
    model, _colon, name = text.partition(":")
    if found is None:
        message = _("owner_fields: Tryton's {model} has no field {name}; correct {field} in the settings")
        return message.format(model=model, name=name, field=text)
    if not (_points(found, EMPLOYEE) or _points(found, USER)):
        return _(
            "owner_fields: {field} is {what} in Tryton; name a field that points to one employee (company.employee) or "
            "one user (res.user)"
        ).format(field=text, what=" ".join(filter(None, (found["type"], found.get("relation")))))
    if not found.get("searchable", True):
        message = _("owner_fields: Tryton cannot search by {field}; name the field that it is computed from")
        return message.format(field=text)
    if found["readonly"]:
        return _(
            "owner_fields: {field} is read-only: let the bot's user write it (Fields Access), or take"
            " it out of the settings if Tryton fills it in by itself"
        ).format(field=text)
    return ""


def _points(found: Mapping[str, Any] | None, model: str) -> bool:
    return found is not None and found["type"] == "many2one" and found.get("relation") == model
