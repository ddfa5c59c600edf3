"""Decision and outcome of one record's move, from the reads before and after the write. Pure.

In BottleCRM a record is assigned to any number of equal people. A move replaces the owner with the successor and keeps
everybody else.
"""

from collections.abc import Mapping, Sequence

from config.text import _
from connectors.bottlecrm.wire import Member
from connectors.contract import AccountId, Change, Moved, MoveOrder, MoveOutcome

People = Mapping[AccountId, Member]


def decide(one: MoveOrder, present: Sequence[Member], people: People) -> Moved | list[AccountId]:
    """Return the new assignees of the record, or the outcome if there is nothing to write."""
    ids = [who.id for who in present]
    if one.owner not in ids or one.owner == one.successor:
        return _not_theirs(one, ids)
    successor = people.get(one.successor)
    if successor is None:
        return _refused(one, one.owner, _("BottleCRM has no member {id}").format(id=one.successor))
    if not successor.active:
        return _refused(one, one.owner, _("{name} is inactive").format(name=successor.name))
    return list(dict.fromkeys(one.successor if who == one.owner else who for who in ids))


def report(one: MoveOrder, before: Sequence[Member], after: Sequence[Member]) -> Moved:
    """Return the outcome of a record that was written."""
    ids = [who.id for who in after]
    if not ids:
        return _refused(one, None, _("BottleCRM left the record without an owner: assign it by hand"))
    if one.owner in ids:
        return _refused(one, one.owner, _("BottleCRM accepted the change and kept the owner"))
    if one.successor not in ids:
        return Moved(one.record, MoveOutcome.TAKEN, ids[0])
    lost = [who.name for who in before if who.id not in {*ids, one.owner}]
    removed = _("BottleCRM removes inactive users from a record that is written: {names}").format(names=", ".join(lost))
    return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.MADE, removed if lost else "")


def gone(one: MoveOrder) -> Moved:
    """Return the outcome of a missing record."""
    return Moved(one.record, MoveOutcome.GONE, None)


def unreadable(one: MoveOrder, why: str) -> Moved:
    """Return the outcome of a record whose own answer cannot be read."""
    return _refused(one, None, _("BottleCRM's answer about this record cannot be read: {why}").format(why=why))


def declined(one: MoveOrder, why: str) -> Moved:
    """Return the outcome of a write that BottleCRM refused."""
    return _refused(one, one.owner, why)


def _not_theirs(one: MoveOrder, ids: Sequence[AccountId]) -> Moved:
    if one.successor in ids:
        return Moved(one.record, MoveOutcome.MOVED, one.successor, Change.ALREADY)
    if not ids:
        return _refused(one, None, _("the record has no owner any more: assign it by hand"))
    return Moved(one.record, MoveOutcome.TAKEN, ids[0])


def _refused(one: MoveOrder, owner: AccountId | None, reason: str) -> Moved:
    return Moved(one.record, MoveOutcome.REFUSED, owner, reason=reason)
