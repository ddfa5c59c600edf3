"""Duties of a user in Tryton: keys of programs, notifications that fall back to them, people whom they supervise.

Scheduled actions and triggers name no user in Tryton 8.2: they run as user 0 (trytond 8.2 ir/cron.py, `run`).
A key of a program works on for an inactive user (trytond 8.2 res/user.py, `UserApplication.check`; tried).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.text import N_, _
from connectors.contract import AccountId, Duty, DutyId, DutyKind
from connectors.errors import Unavailable
from connectors.tryton import wire
from connectors.tryton.owners import EMPLOYEE, Owners
from connectors.tryton.restrictions import Restrictions
from connectors.tryton.rpc import Rpc

PAGE = 200
"""Records in one read."""
MOST_PAGES = 100
"""Pages of one kind: a server that gives more of them for one person is not believed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A field that names the user, or an employee of theirs, and what that makes of its record."""

    model: str
    field: str
    kind: DutyKind
    title: str = "rec_name"
    state: str = ""
    """Field that tells whether it is switched on, if there is one."""
    on: tuple[object, ...] = (True,)
    fixed: str = ""
    employees: bool = False


KEYS = "res.user.application"
SOURCES = (
    # `rec_name` of a key would be the key itself.
    Source(
        KEYS,
        "user",
        DutyKind.RUNS,
        title="application",
        state="state",
        on=("validated",),
        fixed=N_("a key belongs to its user: a program needs a new key of another user"),
    ),
    *(
        Source("notification.email", f"fallback_recipients{which}", DutyKind.ROUTES, title="content.rec_name")
        for which in ("", "_secondary", "_hidden")
    ),
    Source(EMPLOYEE, "supervisor", DutyKind.NAMED, state="active", employees=True),
)


class DutyList:
    """Reads the duties of a user from every model that the server has and our own user may read."""

    def __init__(self, rpc: Rpc, owners: Owners, restrictions: Restrictions, login: str) -> None:
        self._rpc, self._owners, self._restrictions, self._login = rpc, owners, restrictions, login

    def of(self, account: AccountId) -> Iterator[Duty]:
        """Stream the duties. Raises `Missing` if there is no such user."""
        row = self._owners.row(account)
        readable, _shut = self._models()
        for source in SOURCES:
            ids = row["employees"] if source.employees else [row["id"]]
            if source.model in readable and ids:
                yield from self._of(source, ids)

    def unseen(self, account: AccountId) -> Sequence[str]:
        """Return, as sentences, the models that our own user may not read, whole or in part."""
        self._owners.row(account)
        readable, shut = self._models()
        said = [_("{login} may not read {models}").format(login=self._login, models=", ".join(shut))] if shut else []
        return [*said, *self._restrictions.of(readable)]

    def _models(self) -> tuple[list[str], list[str]]:
        """Return the models that the server has: those that we may read, and the others."""
        wanted = list(dict.fromkeys(source.model for source in SOURCES))
        rows = self._rpc.read("ir.model.search_read", [["name", "in", wanted]], 0, None, None, ["name"])
        there = [model for model in wanted if model in {row["name"] for row in rows}]
        if EMPLOYEE not in there or KEYS not in there:  # parts of Tryton itself: the list of models is not whole
            raise Unavailable(_("Tryton does not show which models it has"))
        rights = self._rpc.rights(*there)
        readable = [model for model in there if rights[model]["read"]]
        return readable, [model for model in there if model not in readable]

    def _of(self, source: Source, ids: Sequence[int]) -> Iterator[Duty]:
        fields, after = [source.title, *filter(None, [source.state])], 0
        method, order = f"{source.model}.search_read", [["id", "ASC"]]
        for _page in range(MOST_PAGES):
            asked = ([[source.field, "in", list(ids)], ["id", ">", after]], 0, PAGE, order, fields)
            rows = self._rpc.read(method, *asked, context=wire.ALL)
            yield from (_duty(source, row) for row in rows)
            if not rows:
                return
            before, after = after, rows[-1]["id"]
            if after <= before:
                break
        raise Unavailable(_("the server gives the same page again and again"))


def _duty(source: Source, row: Mapping[str, Any]) -> Duty:
    first, _dot, further = source.title.partition(".")
    name = (row.get(f"{first}.") or {}).get(further) if further else row[first]
    number = row["id"]
    return Duty(
        id=DutyId(f"{source.model}:{source.field}:{number}"),
        kind=source.kind,
        what=f"{source.model}:{source.field}",
        title=f"{name} {number}" if source.model == KEYS else str(name or number),
        place=f"{source.model},{number}",
        stops=False,
        fixed=_(source.fixed) if source.fixed else "",
        active=not source.state or row[source.state] in source.on,
    )
