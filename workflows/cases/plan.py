"""The plan of an offboarding, looked up in every system at once; nothing is written."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from decimal import Decimal

from config.text import N_, _, join, listed, ngettext, punctuated
from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Act,
    Blockers,
    ClientBook,
    Effect,
    ExportLog,
    Groups,
    Lookup,
    Observation,
    Sessions,
    Subject,
    Tokens,
    Verdict,
)
from connectors.errors import ConnectorError
from workflows.access import manual_step, observation, restriction
from workflows.access.absence import AbsenceCheck
from workflows.access.identity import candidates, identify
from workflows.access.links import PersonLinks
from workflows.access.protected import BY_POLICY, ProtectedAccounts, foresee
from workflows.access.views import AccountLine, BlockerLine, BookLine, EffectLine, SystemPlan
from workflows.people import Leaver, Successor
from workflows.stages.views import HoldLine
from workflows.storage.case import CaseData, person
from workflows.storage.journal import HANDOVER
from workflows.storage.work import say
from workflows.systems.effects import ACTS, SUBJECT_WORDS, blinded_accounts, effects_of, sentence
from workflows.systems.registry import System, Systems

SECONDS = 8.0
"""Time for one system before the plan goes on without it: a person waits at a loading view."""
IDENTITY_SECONDS = 5.0
"""Part of it for which the other systems wait for the directory."""
ACTIONS: tuple[tuple[type, str], ...] = (
    (Accounts, N_("lock the account, then read it back")),
    (Sessions, N_("end open sessions")),
    (Tokens, N_("revoke personal tokens")),
    (Groups, N_("leave all groups")),
    (ClientBook, N_("hand the clients over, once approved")),
    (ExportLog, N_("record what was exported")),
)


@dataclass(frozen=True, slots=True)
class SystemSurvey:
    """The answer of one system."""

    plan: SystemPlan
    lookup: Lookup | None = None
    accounts: tuple[Account, ...] = ()
    warnings: tuple[str, ...] = ()
    """Warnings to read before confirming."""
    nothing: bool = False
    """True if it has no account by the leaver's names, and the same lookup is proven to find others."""
    asked: Leaver | None = None
    """The identifiers that it was asked about, if its answer is whole: no doubt, no candidate, no blind spot."""


def survey(systems: Systems, leaver: Leaver) -> tuple[Leaver, dict[str, SystemSurvey]]:
    """Look the leaver up in the directory, and with all that it knows in the other systems; return both.

    The others wait a while for the directory. A system without an answer is planned with its problem.
    """
    identified: Future[Leaver] = Future()
    if systems.directory not in systems:
        identified.set_result(leaver)

    def ask(system: System) -> SystemSurvey:
        if system.name != systems.directory:
            wait([identified], IDENTITY_SECONDS)
            return look(system, identified.result() if identified.done() else leaver)
        known = leaver
        try:
            answer = look(system, leaver)
            known = identify(leaver, answer.accounts)
        finally:
            identified.set_result(known)
        return answer

    surveys = {
        name: answer
        if isinstance(answer, SystemSurvey)
        else SystemSurvey(_plan(systems[name], (), "", None, say(answer)))
        for name, answer in systems.ask(ask, SECONDS).items()
    }
    known = surveys.get(systems.directory)
    return identify(leaver, known.accounts if known else ()), surveys


def look(system: System, leaver: Leaver) -> SystemSurvey:
    """Look the leaver up in one system, with groups and the size of the client book."""
    if work := manual_step.work_of(system):
        return SystemSurvey(manual_step.plan(system, work))
    accounts = system.having(Accounts)
    if accounts is None:
        return SystemSurvey(_plan(system, (), "", None, _("this connector cannot look accounts up")))
    lookup = accounts.find(person(leaver))
    asked, unasked = candidates(accounts, leaver, lookup)
    blind = (*system.connector.shortfalls(), *system.connector.blind_spots())
    lines, unread = _lines(system, lookup.accounts)
    book = _book(system, lookup)
    several = ngettext(
        "{count} account matches; a person must choose the right one",
        "{count} accounts match; a person must choose the right one",
        len(lines),
    )
    problem = several.format(count=len(lines)) if len(lines) > 1 else join("; ", () if lines else lookup.doubts)
    foreseen = foresee(system, {one.id for one in lookup.accounts})
    refused, unasked_of_vendor = _blockers(system, lookup.accounts)
    said = {one.why for one in refused}
    return SystemSurvey(
        replace(_plan(system, lines, lookup.how, book, problem), blockers=refused),
        lookup,
        lookup.accounts,
        (
            *foreseen,
            *unread,
            *unasked_of_vendor,
            *map(asked_about, asked),
            *((unasked,) if unasked else ()),
            *(one for one in (lookup.doubts if lines else ()) if one not in said),
            *lookup.hidden,
            *blind,
        ),
        asked=None if asked or unasked or lookup.doubts or lookup.hidden or blind else leaver,
    )


def _blockers(system: System, found: Sequence[Account]) -> tuple[tuple[BlockerLine, ...], tuple[str, ...]]:
    """Return what the vendor will refuse for accounts that were found, and why that is not known."""
    connector, lines = system.having(Blockers), list[BlockerLine]()
    if connector is None:
        return (), ()
    try:
        for account in found:
            lines += [
                BlockerLine(account.login, one.act, one.why, one.remedy) for one in connector.blockers(account.id)
            ]
    except (ConnectorError, *observation.MALFORMED) as error:
        text = _("what the system will refuse cannot be told: {error}")
        return tuple(lines), (text.format(error=observation.malformed(error)),)
    return tuple(sorted(lines, key=lambda one: (ACTS.index(one.act), one.login))), ()


def prove(
    systems: Systems,
    surveys: dict[str, SystemSurvey],
    absence: AbsenceCheck,
    leaver: Leaver,
    links: Mapping[str, PersonLinks],
) -> dict[str, SystemSurvey]:
    """Return the answers with the proof of every absence, or with the reason for which there is none, as a problem.

    A system where everybody should have an account is left to `unlinked`.
    """
    data = CaseData(leaver, Successor("", "", leaver.manager_email), (), HANDOVER, "")

    def check(system: System) -> tuple[Observation, bool] | None:
        one = surveys[system.name]
        if one.lookup is None or one.accounts or one.plan.problem or system.expects_account:
            return None
        seen = absence.judge(system, one.lookup, data, links)
        found = links[system.name].accounts or absence.lookup_doubts(system, one.lookup, data)
        return seen, seen.verdict is Verdict.ABSENT or not found

    proven = dict(surveys)
    for name, answer in systems.ask(check, SECONDS).items():
        if answer is None:
            continue
        unproven = Observation(Verdict.UNKNOWN, surveys[name].plan.how)
        seen, nothing = (replace(unproven, reason=say(answer)), False) if isinstance(answer, ConnectorError) else answer
        why = "" if seen.verdict is Verdict.ABSENT else seen.reason
        plan = replace(proven[name].plan, how=seen.how, problem=why)
        proven[name] = replace(proven[name], plan=plan, nothing=nothing)
    return proven


def asked_about(account: Account) -> str:
    """Return the warning for an account that may be the leaver's."""
    return _("{login} ({name}) may be the leaver's too and is left alone unless a person links it").format(
        login=account.login, name=account.name
    )


def owns_nothing(
    systems: Systems, leaver: Leaver, surveys: Mapping[str, SystemSurvey], linked: Mapping[str, Collection[AccountId]]
) -> bool:
    """Return whether every client book was read whole, for all that the leaver is known by, and is empty.

    `linked`: accounts that a person linked, by system. A look-up may miss them.
    """
    directory = surveys.get(systems.directory)
    read = directory is None or directory.nothing or not directory.plan.problem
    return read and all(
        _is_empty(one, leaver if name != systems.directory else one.asked, linked.get(name, ()))
        for name, one in surveys.items()
        if systems[name].has(ClientBook) and not one.plan.by_hand
    )


def _is_empty(one: SystemSurvey, leaver: Leaver | None, linked: Collection[AccountId]) -> bool:
    if one.asked is None or one.asked != leaver:  # it was asked before the directory answered
        return False
    if not one.accounts:
        return one.nothing and not linked
    book = one.plan.book
    read = not one.plan.problem and book is not None and not book.problem
    owned = book is None or any(book.counts.values())
    return read and not owned and {account.id for account in one.accounts}.issuperset(linked)


def protected(systems: Systems, surveys: dict[str, SystemSurvey], guards: ProtectedAccounts) -> tuple[str, ...]:
    """Return a warning for each protected account, which a case would leave alone."""
    line = punctuated("{title}, {login}: {why}")
    return tuple(
        line.format(title=one.plan.title, login=found.login, why=why)
        for name, one in surveys.items()
        for found in one.accounts
        if (why := _protection(guards, systems[name], found)) and not _is_told(one.plan, found, why)
    )


def _is_told(plan: SystemPlan, found: Account, why: str) -> bool:
    """Return whether a refusal of the vendor says the same of an account, with its remedy. Policy is never that."""
    blocked = any(one.login == found.login and one.act is Act.LOCK for one in plan.blockers)
    return blocked and why != _(BY_POLICY)


def _protection(guards: ProtectedAccounts, system: System, found: Account) -> str:
    try:
        return guards.why_not(system, found)
    except ConnectorError as error:
        return _("whether this is Handover's own account cannot be told now: {error}").format(error=say(error))


def unlinked(systems: Systems, surveys: dict[str, SystemSurvey], linked: Collection[str]) -> tuple[str, ...]:
    """Return a warning for each system that expects an account and has none for the leaver.

    `linked`: systems where a person linked an account, or said that there is none.
    """
    return tuple(
        _("{title}: no account was found, and everybody should have one there; a person must link it.").format(
            title=one.plan.title
        )
        for name, one in surveys.items()
        if systems[name].expects_account and not one.plan.problem and not one.accounts and name not in linked
    )


def unmatched(leaver: Leaver, linked: Collection[str], directory: str) -> tuple[str, ...]:
    """Return the warning that absence proves nothing for a leaver who is not matched in the directory."""
    words = _("Not matched in the company's directory. A system without an account will say unknown, not absent.")
    return () if leaver.directory_id or directory in linked else (words,)


def held(hold: HoldLine | None) -> tuple[str, ...]:
    """Return the warning that a legal hold of another case counts for this one, too."""
    if hold is None:
        return ()
    text = _("Legal hold since {at}, by {by} (case {case}). Acts that destroy something wait until it ends.")
    return (text.format(at=hold.set_at.date(), by=hold.set_by, case=hold.case_id),)


def unread(surveys: Mapping[str, SystemSurvey]) -> tuple[str, ...]:
    """Return the warnings that a system was not looked up, that absence is not proven, or that nothing was found."""
    words = []
    dark = [one for one in surveys.values() if one.plan.problem and not one.plan.accounts]
    unreachable = [one.plan.title for one in dark if not one.lookup]
    if unreachable:
        words.append(
            _("{systems}: not looked up. The case will say unknown there until a read succeeds.").format(
                systems=listed(unreachable)
            )
        )
    if unproven := [one.plan.title for one in dark if one.lookup]:
        words.append(
            _("{systems}: no account was found, which is no proof. The case will say unknown there.").format(
                systems=listed(unproven)
            )
        )
    if not any(one.plan.accounts or (one.plan.problem and not one.lookup) for one in surveys.values()):
        words.append(_("No account was found in any system. Check that this is the right person."))
    return tuple(words)


def warnings(surveys: Mapping[str, SystemSurvey]) -> tuple[str, ...]:
    """Return the warnings of the systems' answers, to read before confirming."""
    line = punctuated("{title}: {what}. ").rstrip()
    words = [line.format(title=one.plan.title, what=warning) for one in surveys.values() for warning in one.warnings]
    locked = [
        one.plan.title
        for one in surveys.values()
        if one.plan.accounts and all(a.verdict is Verdict.LOCKED for a in one.plan.accounts)
    ]
    if locked:
        words.append(_("Already locked in {systems}.").format(systems=listed(locked)))
    return tuple(words)


def _lines(system: System, found: tuple[Account, ...]) -> tuple[tuple[AccountLine, ...], tuple[str, ...]]:
    """Return a line for each account, and the errors where its groups cannot be read."""
    lines: list[AccountLine] = []
    unread: dict[str, None] = {}
    groups = system.having(Groups)
    for account in found:
        names: tuple[str, ...] = ()
        if groups and (why := blinded_accounts(system, Subject.GROUPS, [account])):
            unread[why.words] = None
            groups = None
        try:
            names = tuple(group.name for group in groups.groups(account.id)) if groups else ()
        except ConnectorError as error:
            unread[_("the groups cannot be read: {error}").format(error=say(error))] = None
        lines.append(
            AccountLine(system.name, account.id, account.login, account.matched_by, account.verdict, groups=names)
        )
    return tuple(lines), tuple(unread)


def _book(system: System, lookup: Lookup) -> BookLine | None:
    book = system.having(ClientBook)
    if book is None:
        return None
    if not lookup.accounts:
        return BookLine(system.name, {}, {}, _("no account was found there, so its clients are not known"))
    if why := blinded_accounts(system, Subject.RECORDS, lookup.accounts):
        return BookLine(system.name, {}, {}, why.words)
    counts, value = Counter[str](), defaultdict[str, Decimal](Decimal)
    try:
        for account in lookup.accounts:
            counts.update(book.count(account.id))
            for record in book.records(account.id):
                if record.open and record.value:
                    value[record.currency] += record.value
    except ConnectorError as error:
        return BookLine(system.name, {}, {}, say(error))
    return BookLine(system.name, dict(counts), dict(value))


def _plan(
    system: System, accounts: tuple[AccountLine, ...], how: str, book: BookLine | None, problem: str
) -> SystemPlan:
    every = (*restriction.promise(system), *(_(words) for capability, words in ACTIONS if system.has(capability)))
    does = every if accounts else ()
    effects = tuple(effect_line(one) for one in effects_of(system)) if accounts else ()
    return SystemPlan(
        system.name, system.manifest.title, accounts, how, does, system.cannot, book, problem, effects=effects
    )


def effect_line(effect: Effect) -> EffectLine:
    """Return an effect as people read it."""
    return EffectLine(_(SUBJECT_WORDS[effect.subject]), effect.act, effect.destroys, sentence(effect).words)
