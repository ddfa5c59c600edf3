"""Introductions in BottleCRM: a task for the successor at the client's record, with the text.

BottleCRM sends the client nothing. The key stands in the task's title, since a list can be searched by title only
(`tasks/views/task_views.py`). A task is made first and given to people after (`tasks/updates.py`), so that a cut may
leave it with nobody.
"""

from collections.abc import Mapping, Sequence

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.book import owner_fault
from connectors.bottlecrm.rest import PAGE, Rest, ValidationRefused, read_pages
from connectors.bottlecrm.wire import Json, Kind
from connectors.contract import AccountId, Introduced, Introduction, IntroductionWay, RecordId
from connectors.errors import Conflict, Missing, OutcomeUnknown, Unavailable

WAYS = (IntroductionWay.TASK,)
PARENTS = frozenset({"account", "opportunity", "case", "lead", "project"})
"""Kinds that a task can be linked to. A contact stands in a list of its own."""
TASKS = wire.BY_NAME["task"]


class Introducing:
    """Tasks that introduce successors."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        """Make one task, unless there is one with this key; return its state from a read after the write."""
        if way not in WAYS:
            raise Conflict(_("BottleCRM sends clients no messages: it can only give the successor a task"))
        kind, number = self._place(client)
        if found := self.find(client, key):
            return self._given(found, successor)
        if fault := self._fault(kind, successor):
            return Introduced(client, Introduction.REFUSED, reason=fault)
        try:
            self._rest.write("POST", TASKS.address(), _task(kind, number, successor, text, key))
        except ValidationRefused as refusal:
            return Introduced(client, Introduction.REFUSED, reason=str(refusal))
        try:
            found = self.find(client, key)
        except Unavailable as error:
            raise OutcomeUnknown(_("the task was made and cannot be read back: {error}").format(error=error)) from error
        if found is None:
            raise OutcomeUnknown(_("BottleCRM accepted the task and does not show it"))
        return found

    def find(self, client: RecordId, key: str) -> Introduced | None:
        """Search the tasks at a client's record for a key in their title."""
        place = wire.record_place(client)
        if place is None:
            raise Missing(client)
        found = [row for row in self._tasks(key) if _marked(row, key) and self._is_at(row, *place)]
        return self._state(Introduced(client, Introduction.WAITING, wire.identity(found[0]))) if found else None

    def read(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        """Read each task, one by one."""
        return [self._state(one) if one.id else one for one in sent]

    def _place(self, client: RecordId) -> tuple[Kind, str]:
        """Return kind and number of a record that is there. Raises `Missing`."""
        place = wire.record_place(client)
        if place is None:
            raise Missing(client)
        kind, number = place
        self._rest.get(kind.address(number), kind.query)
        return place

    def _fault(self, kind: Kind, successor: AccountId) -> str:
        if kind.name == TASKS.name:
            return _("a task has no client that BottleCRM could link to a task")
        return owner_fault(successor, self._rest.members([successor]).get(successor))

    def _given(self, found: Introduced, successor: AccountId) -> Introduced:
        """Give a task to the successor, if an earlier call made it and was cut off before that."""
        if found.state is not Introduction.WAITING:
            return found
        self._rest.write("PATCH", TASKS.address(found.id), {"assigned_to": [successor]})
        return self._state(found)

    def _tasks(self, key: str) -> Sequence[Json]:
        def read(offset: int) -> wire.Page:
            query = {**TASKS.query, "title": key, "limit": str(PAGE), "offset": str(offset)}
            return wire.page(self._rest.get(TASKS.address(), query), TASKS.halves)

        return list(read_pages(read, _("the list of tasks")))

    def _is_at(self, row: Json, kind: Kind, number: str) -> bool:
        if kind.name in PARENTS:
            return _linked(row.get(kind.name)) == number
        task = wire.at(self._rest.get(TASKS.address(wire.identity(row))), (TASKS.detail,))
        contacts = task.get("contacts")
        return isinstance(contacts, list) and any(_linked(one) == number for one in contacts)

    def _state(self, one: Introduced) -> Introduced:
        try:
            task = wire.at(self._rest.get(TASKS.address(one.id), TASKS.query), (TASKS.detail,))
        except Missing:
            return Introduced(one.client, Introduction.BOUNCED, one.id, _("the task was deleted in BottleCRM"))
        if not wire.holders(task):
            return Introduced(one.client, Introduction.WAITING, one.id, _("the task is there, and nobody has it"))
        return Introduced(one.client, Introduction.SENT, one.id)


def _task(kind: Kind, number: str, successor: AccountId, text: str, key: str) -> Json:
    """Return a new task. Its title has the key; a contact is linked in a list."""
    linked: Mapping[str, object] = {"contacts": [number]} if kind.name == "contact" else {kind.name: number}
    title = _("Introduce yourself to the client ({key})").format(key=key)
    return {
        "title": title,
        "status": "New",
        "priority": "High",
        "description": text,
        "assigned_to": [successor],
        **linked,
    }


def _marked(row: Json, key: str) -> bool:
    return f"({key})" in str(row.get("title") or "")


def _linked(value: object) -> str:
    """Return the id of a linked record, which is an object or the id alone."""
    return str(value.get("id") if isinstance(value, Mapping) else value)
