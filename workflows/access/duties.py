"""Duties of a leaver: read for the plan, kept at notice with the inventory, and read again beside that.

A duty never holds up a lock-out. A read that fails is a sentence here, and no error.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from typing import Any

from config.text import Sentence, _, shown, stored
from connectors.contract import Account, AccountId, Act, Duties, Duty, DutyId, DutyKind, Subject, Verdict
from connectors.errors import ConnectorError
from workflows.access.observation import MALFORMED, malformed
from workflows.access.views import DutyComparison, DutyLine, SystemPlan
from workflows.context import Context
from workflows.storage.case import read_case
from workflows.storage.rows.access import Inventory
from workflows.storage.work import say
from workflows.systems.accounts import PreconditionFailed, kept_accounts, leaver_accounts
from workflows.systems.effects import blinded as blinded_by
from workflows.systems.effects import blinded_accounts, why_unread
from workflows.systems.registry import System, Systems

SECONDS = 5.0
"""Time for one system. A person waits for the plan meanwhile."""
MOST = 2000
"""Duties of one leaver in one system that are shown and kept."""
KINDS = tuple(DutyKind)


def worst_first(duties: Iterable[Duty]) -> tuple[Duty, ...]:
    """Return duties in the order of what hurts first. What goes on after the lock comes before what stops."""
    return tuple(
        sorted(duties, key=lambda one: (not one.active, KINDS.index(one.kind), one.stops is True, one.what, one.title))
    )


def blinded(system: System, accounts: Sequence[Account]) -> Sentence | None:
    """Return why the duties of accounts from a lookup cannot be read: somebody has locked them. None: they can."""
    return blinded_accounts(system, Subject.DUTIES, accounts)


def read(
    system: System, accounts: Collection[AccountId], now: datetime, unread: Sentence | None = None
) -> DutyLine | None:
    """Read the duties of the leaver's accounts; None where the system lists none. `unread`: why they cannot be read."""
    connector = system.having(Duties)
    if connector is None:
        return None
    line = DutyLine(system.name, system.manifest.title, read_at=now)
    if unread:
        return replace(line, unknown=(unread.words,), read_at=None)
    try:
        found = [list(islice(connector.duties(one), MOST + 1)) for one in accounts]
        unseen = dict.fromkeys(words for one in accounts for words in connector.unseen_duties(one))
    except (ConnectorError, *MALFORMED) as error:
        return replace(line, unknown=(malformed(error),), read_at=None)
    every = worst_first({duty.id: duty for some in found for duty in some}.values())
    if len(every) > MOST:
        unseen[_("there are more than {count}, and only so many are listed").format(count=MOST)] = None
    return replace(line, duties=every[:MOST], unknown=tuple(unseen))


def foresee(systems: Systems, plans: Mapping[str, SystemPlan], now: datetime) -> Mapping[str, SystemPlan]:
    """Return the plans with the duties of the accounts that were found. All systems are asked at once."""

    def ask(system: System) -> DutyLine | None:
        found = plans[system.name].accounts
        locked = any(one.verdict is Verdict.LOCKED for one in found)
        unread = blinded_by(system, Subject.DUTIES, {Act.LOCK}) if locked else None
        return read(system, [AccountId(one.account_id) for one in found], now, unread) if len(found) == 1 else None

    having = [name for name, plan in plans.items() if plan.accounts and systems[name].has(Duties)]
    if not having:
        return plans
    with_duties = dict(plans)
    for name, answer in systems.ask(ask, SECONDS).items():
        if name not in having:
            continue
        plan = plans[name]
        line = DutyLine(name, plan.title, unknown=(plan.problem,))  # a person must choose the account first
        if isinstance(answer, ConnectorError):
            line = replace(line, unknown=(say(answer),))
        with_duties[name] = replace(plan, duties=answer if isinstance(answer, DutyLine) else line)
    return with_duties


def kept(line: DutyLine | None) -> Mapping[str, Any]:
    """Return a reading as JSON for the sealed data of an inventory; empty if nothing was read."""
    if line is None or line.read_at is None:
        return {}
    duties = [asdict(one) | {"fixed": stored(one.fixed)} for one in line.duties]
    return {"at": line.read_at.isoformat(), "duties": duties, "unknown": [stored(one) for one in line.unknown]}


def kept_line(system: System, data: Mapping[str, Any]) -> DutyLine | None:
    """Return the reading that was kept at notice; None if there is none."""
    if not data:
        return None
    duties = tuple(
        Duty(**(one | {"id": DutyId(one["id"]), "kind": DutyKind(one["kind"]), "fixed": shown(one["fixed"])}))
        for one in data["duties"]
    )
    unknown = tuple(shown(one) for one in data["unknown"])
    return DutyLine(system.name, system.manifest.title, duties, unknown, datetime.fromisoformat(data["at"]))


class DutyLists:
    """Duties of a case's leaver: those at notice, and those of now."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def of_case(self, case_id: str) -> tuple[DutyComparison, ...]:
        """Read the duties in every system that lists them. Raises `Refused(UNKNOWN_CASE)`."""
        context = self._context
        at_notice: dict[str, DutyLine | None] = {}
        with context.store.read() as session:
            case, data = read_case(session, context.vault, case_id)
            for system, _connector in context.systems.with_capability(Duties):
                row = session.get(Inventory, f"{case_id}:{system.name}")
                sealed = kept_accounts(context.vault, case.wrapped_key, row.id, row.sealed).duties if row else {}
                at_notice[system.name] = kept_line(system, sealed)

        def ask(system: System) -> DutyLine | None:
            try:
                accounts = leaver_accounts(context.store, context.vault, case_id, data.leaver, system)
            except PreconditionFailed as error:
                return DutyLine(system.name, system.manifest.title, unknown=(str(error.sentence),))
            if not accounts:
                words = _("no account was found there, so its duties are not known")
                return DutyLine(system.name, system.manifest.title, unknown=(words,), no_account=True)
            unread = why_unread(context.store, context.vault, case_id, system, Subject.DUTIES, accounts)
            return read(system, accounts, context.clock.now(), unread)

        answers = context.systems.ask(lambda one: ask(one) if one.name in at_notice else None, 2 * SECONDS)
        return tuple(
            DutyComparison(name, context.systems[name].manifest.title, _line(context.systems[name], answer), before)
            for name, before in at_notice.items()
            for answer in [answers[name]]
        )


def _line(system: System, answer: DutyLine | ConnectorError | None) -> DutyLine:
    if isinstance(answer, DutyLine):
        return answer
    unknown = (say(answer),) if answer else ()
    return DutyLine(system.name, system.manifest.title, unknown=unknown)
