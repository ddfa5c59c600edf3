"""Receivers of a book: the successors with an account that can own its records, and those added to a proposal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from config.identifiers import folded
from config.text import Sentence, gettext_lazy, joined, loaded, stored
from connectors.contract import AccountId, Person, Verdict
from connectors.errors import ConnectorError
from workflows.clients.context import ClientContext
from workflows.clients.earlier import all_accounts
from workflows.clients.split.rules import BY_VALUE, AllocationRequest, OwnerFaults
from workflows.clients.split.sealed import ProposalData, line_context, load_line
from workflows.people import Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, leaving
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment
from workflows.storage.work import say
from workflows.systems.accounts import PreconditionFailed, require_accounts
from workflows.systems.registry import System


@dataclass(frozen=True, slots=True)
class Receivers:
    """Those of a case's successors who can own at least some of the listed records."""

    accounts: Mapping[str, AccountId]
    """Each one's account by key, in the case's order."""
    faults: OwnerFaults
    """Reasons for which each cannot own the records of some owner pools."""
    notes: tuple[str, ...]
    """Stored sentences on the others, and on what these cannot own."""
    reasons: Mapping[str, str]
    """Stored reason by key, for each of the others."""
    unable: tuple[str, ...]
    """Stored reasons for which accounts of the others can own no record."""
    names: Mapping[str, str]
    """Name by key, as the system has it."""


def find_receivers(
    context: ClientContext,
    system: System,
    successors: Sequence[Successor],
    leaver: Sequence[AccountId],
    pools: Collection[str],
    on: date,
) -> Receivers:
    """Read which successors can own records of these pools on the day of the move.

    Who leaves, too, gets nothing. Raises `PreconditionFailed` where nobody can own any.
    """
    if not successors:
        raise PreconditionFailed(gettext_lazy("clients turned up, and the case names nobody to receive them"))
    read = read_receivers(context, system, successors, leaver, pools, on)
    if not read.accounts and read.unable:
        raise PreconditionFailed(
            gettext_lazy("none of the successors can own the records here: {why}", why=said(sorted(set(read.unable))))
        )
    if not read.accounts:
        raise PreconditionFailed(gettext_lazy("none of the successors has an active account here"))
    return read


def read_receivers(
    context: ClientContext,
    system: System,
    successors: Sequence[Successor],
    leaver: Sequence[AccountId],
    pools: Collection[str],
    on: date,
) -> Receivers:
    """Read which of some people can own records of these pools on the day of the move, and why others cannot."""
    directory, book = require_accounts(system), context.system(system.name)[1]
    with context.store.read() as session:
        gone = leaving(session, context.vault, successors)
    found = {
        successor.key: directory.find(Person(successor.name, (successor.email,))).accounts for successor in successors
    }
    seen = directory.observe([account.id for hits in found.values() for account in hits])
    active = {
        key: [one.id for one in known if one.id not in leaver and seen[one.id].verdict is Verdict.OPEN]
        for key, known in found.items()
    }
    single = {key: accounts[0] for key, accounts in active.items() if len(accounts) == 1 and key not in gone}
    read = book.owner_faults(sorted(set(single.values())), pools, on) if single else {}
    faults = {
        key: {pool: stored(read[account][pool]) for pool in pools if read[account][pool]}
        for key, account in single.items()
    }
    accounts: dict[str, AccountId] = {}
    notes, others, unable = [], {}, []
    for successor in successors:
        key = successor.key
        reasons = sorted(set(faults.get(key, {}).values()))
        why = _why(len(found[key]), len(active[key]), leaves=key in gone)
        if why is None and (not reasons or len(faults[key]) < len(pools)):
            accounts[key] = single[key]
        because = why or said(reasons)
        told = {"name": successor.name, "system": system.name, "why": because}
        if key not in accounts:
            others[key] = because.stored
            unable += reasons
            notes.append(gettext_lazy("{name} gets nothing in {system}: {why}", **told).stored)
        elif reasons:
            notes.append(gettext_lazy("{name} cannot get every client in {system}: {why}", **told).stored)
    names = {key: known[0].name for key, known in found.items() if known}
    kept = {key: faults[key] for key in accounts if faults[key]}
    return Receivers(accounts, kept, tuple(notes), others, tuple(unable), names)


def present_loads(
    context: ClientContext,
    system: System,
    successors: Sequence[Successor],
    receivers: Receivers,
    request: AllocationRequest,
) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Return the number of records that each receiver owns now, by key, and stored sentences about it.

    Empty if the company does not count them, or the strategy does not. If one number cannot be read, none counts.
    """
    if not request.policy.counts_present_load or request.strategy not in BY_VALUE:
        return {}, ()
    _system, book = context.system(system.name)
    owned = {}
    for key, account in receivers.accounts.items():
        try:
            owned[key] = sum(book.count(account).values())
        except ConnectorError as error:
            why = gettext_lazy(
                "Records that successors own already do not count in {system}: {why}",
                system=system.name,
                why=say(error),
            )
            return {}, (why.stored,)
    names = {one.key: one.name for one in successors}
    told = ", ".join(f"{names[key]} {number:,}" for key, number in owned.items())
    note = gettext_lazy(
        "Records that they own already in {system}, and that count: {who}", system=system.name, who=told
    )
    return owned, (note.stored,)


def said(reasons: Sequence[str]) -> Sentence:
    """Return stored sentences as one."""
    return joined(", ", [loaded(reason) for reason in reasons])


def _why(found: int, active: int, *, leaves: bool) -> Sentence | None:
    if leaves:
        return gettext_lazy("is leaving, too")
    if not found:
        return gettext_lazy("no account there")
    if not active:
        return gettext_lazy("the account there is not active")
    return gettext_lazy("{count} accounts match", count=active) if active > 1 else None


@dataclass(frozen=True, slots=True)
class AddedReceivers:
    """People who receive clients by an edit, and were not among the successors before."""

    people: tuple[Successor, ...] = ()
    by_system: Mapping[str, Receivers] = field(default_factory=dict)

    def extend(self, data: ProposalData) -> ProposalData:
        """Return a proposal's data with their accounts."""
        accounts, faults = dict(data.accounts), dict(data.owner_faults)
        for name, read in self.by_system.items():
            accounts[name] = {**accounts[name], **read.accounts}
            faults[name] = {**faults.get(name, {}), **read.faults}
        return replace(data, accounts=accounts, owner_faults=faults)

    def why_not(self, system: str, key: str) -> str:
        """Return the stored reason why a person receives nothing in a system; empty where they can."""
        read = self.by_system.get(system)
        return read.reasons.get(key, "") if read else ""


def read_added(
    context: ClientContext,
    proposal_id: str,
    case: Case,
    data: CaseData,
    listed: ProposalData,
    people: Sequence[Successor],
) -> AddedReceivers:
    """Read whether people can own records of a proposal; the leaver cannot. Reads every system, and writes nothing.

    Raises `Refused(CANNOT_RECEIVE)` where that cannot be known, and what a connector raises.
    """
    own = {one.key: gettext_lazy("is leaving, too").stored for one in people if _is_same(data.leaver, one)}
    on = max(context.clock.now(), case.effective_at).date()
    by_system = {}
    for name in listed.accounts:
        try:
            system, _book = context.system(name)
            leaver = all_accounts(context, case, data.leaver, system)
            with context.store.read() as session:
                pools = _pools(context, session, proposal_id, case, name)
            read = read_receivers(context, system, people, leaver, pools, on)
            able = {key: account for key, account in read.accounts.items() if key not in own}
            by_system[name] = replace(read, accounts=able, reasons={**read.reasons, **own})
        except PreconditionFailed as failed:
            raise Refused(Code.CANNOT_RECEIVE, successor=people[0].name, why=str(failed.sentence)) from failed
    names = {key: name for read in by_system.values() for key, name in read.names.items()}
    named = (
        Successor(one.key, names.get(one.key, one.name) if one.name == one.email else one.name, one.email, one.slack_id)
        for one in people
    )
    return AddedReceivers(tuple(named), by_system)


def _is_same(leaver: Leaver, person: Successor) -> bool:
    looks_the_same = folded(person.email) in map(folded, leaver.emails)
    return looks_the_same or bool(person.slack_id and person.slack_id == leaver.slack_id)


def _pools(context: ClientContext, session: Session, proposal_id: str, case: Case, system: str) -> frozenset[str]:
    """Return the owner pools of a proposal's records in one system."""
    unseal = context.vault.opener(case.wrapped_key)
    rows = session.execute(
        sa.select(col(Assignment.id), col(Assignment.sealed))
        .where(col(Assignment.proposal_id) == proposal_id, col(Assignment.system) == system)
        .execution_options(yield_per=1000)
    )
    return frozenset(load_line(unseal(sealed, line_context(row))).owner_pool for row, sealed in rows)
