"""Proof of absence: whether a lookup without accounts, or an account that is gone, may be believed.

It is believed only if the leaver was matched in the company's directory and the read was complete. The same lookup must
find a known account, and nothing for a made-up one. That check is shared by all leavers of a system for a minute.
"""

import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from threading import Lock

from sqlmodel import col, select

from config.text import N_, _, join
from connectors.contract import Account, AccountId, Accounts, Lookup, Observation, Person, Roster, Verdict
from workflows.access.account_state import ON_WORD, AccountData
from workflows.access.links import NoAccount, PersonLinks
from workflows.access.observation import MALFORMED, malformed
from workflows.context import Context
from workflows.people import Leaver
from workflows.storage.case import CaseData, open_case_data, person
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.vault import WrongKey
from workflows.systems.registry import System, Systems

SHARED = timedelta(minutes=1)
UNUSUAL = re.compile(r"[^a-zA-Z0-9.@_-]")
LISTED = 200
"""Accounts of a list among which a known one is chosen. The list is not read further."""
NOT_MATCHED = N_("the leaver is not matched in the company's directory, so nothing shows under which names to look")
NO_CONTROL = N_("cannot prove absence: no other account is known there that the same lookup must find")
CONTRADICTED = N_("the system shows an account with the leaver's address or log-in, and the lookup does not")


class Kind(StrEnum):
    """Ways in which an account is looked up."""

    ADDRESS = N_("address")
    LOGIN = N_("log-in")
    ID = N_("id")


@dataclass
class Control:
    """Check of one system's lookup with a known account, within one minute."""

    began: datetime
    account: Account | None = None
    asked: set[str] = field(default_factory=set)
    """Addresses that were looked up to find a known account."""
    searched: bool = False
    """True once the system's list and other cases were searched for a known account."""
    doubts: dict[Kind, str] = field(default_factory=dict)
    """Result for each kind: a sentence, or empty if the account was found."""


def is_matched(systems: Systems, leaver: Leaver, links: Mapping[str, PersonLinks], now: datetime) -> bool:
    """Return whether the leaver is matched in the directory, linked there by a person, or said to be not in it."""
    directory = links[systems.directory]
    return bool(leaver.directory_id or directory.accounts or directory.nobody(now))


def colleagues(data: CaseData) -> tuple[str, ...]:
    """Return the addresses of the colleagues that a case names."""
    return tuple(one.email for one in (data.approver, *data.successors) if one.email)


def proven(how: str) -> str:
    """Return how an absence is known, with its proof."""
    return _("{how}; the same lookup finds an account that is known to be there").format(how=how)


def on_word(none: NoAccount, how: str) -> str:
    """Return how an absence is known that rests on a statement."""
    reason = none.reason or _("no reason on record")
    return _(ON_WORD).format(name=none.by, day=none.last_day, reason=reason, how=how)


def is_absent(seen: Observation) -> bool:
    """Return whether a verdict rests on an account that the system did not show."""
    return seen.verdict is Verdict.ABSENT or seen.hidden


class AbsenceCheck:
    """Checks of absence in all systems. One instance is shared by all threads of a process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._locks = defaultdict[str, Lock](Lock)
        self._controls: dict[str, Control] = {}

    def doubts(
        self, system: System, lookup: Lookup, data: CaseData, links: Mapping[str, PersonLinks], *, by_id: bool = False
    ) -> tuple[str, ...]:
        """Return the reasons for which no account in a lookup is no proof; empty if it is proven.

        `by_id`: the verdict also rests on an account's id that is gone. Raises what the connector raises.
        """
        if not is_matched(self._context.systems, data.leaver, links, self._context.clock.now()):
            return (_(NOT_MATCHED),)
        return self.lookup_doubts(system, lookup, data, by_id=by_id)

    def lookup_doubts(self, system: System, lookup: Lookup, data: CaseData, *, by_id: bool = False) -> tuple[str, ...]:
        """Return the reasons for which a lookup may miss an account, whoever the leaver is in the directory.

        Raises what the connector raises.
        """
        if lookup.doubts:
            return lookup.doubts
        searched = person(data.leaver)
        kinds = {Kind.ADDRESS: any(searched.emails), Kind.LOGIN: any(searched.logins), Kind.ID: by_id}
        return self._doubts(system, [kind for kind, used in kinds.items() if used], searched, colleagues(data))

    def judge(
        self,
        system: System,
        lookup: Lookup,
        data: CaseData,
        links: Mapping[str, PersonLinks],
        *,
        gone: Collection[str] = (),
    ) -> Observation:
        """Return `absent` with its proof or the word of a person; else `unknown` with the reasons.

        `gone`: accounts of the case that are not there by their ids.
        """
        if shown := [one.login for one in lookup.accounts if one.id in gone]:
            why = _("the lookup shows {logins}, which is not there by its id").format(logins=", ".join(shown))
            return Observation(Verdict.UNKNOWN, lookup.how, why)
        own, now = links[system.name], self._context.clock.now()
        if own.none and own.nobody(now):
            return Observation(Verdict.ABSENT, on_word(own.none, lookup.how))
        accounts, by_id = system.having(Accounts), {AccountId(one) for one in (*gone, *own.accounts)}
        if system.name == self._context.systems.directory and data.leaver.directory_id:
            by_id.add(AccountId(data.leaver.directory_id))
        unread = sorted(by_id - set(gone))
        for account, seen in (accounts.observe(unread) if accounts and unread else {}).items():
            if seen.verdict is not Verdict.ABSENT:
                why = _("the lookup shows no account, and the account {id} is still there").format(id=account)
                verdict = seen.verdict if seen.verdict is Verdict.OPEN else Verdict.UNKNOWN
                return Observation(verdict, seen.how, join("; ", (why, seen.reason)))
        doubts: tuple[str, ...] = (_("no account was found, and everybody should have one here"),)
        if by_id or not system.expects_account:
            doubts = self.doubts(system, lookup, data, links, by_id=bool(by_id))
        if not doubts:
            return Observation(Verdict.ABSENT, proven(lookup.how))
        return Observation(Verdict.UNKNOWN, lookup.how, join("; ", (*doubts, own.ended(now))))

    def believed(
        self, system: System, answer: Mapping[AccountId, Observation], cases: Mapping[AccountId, str]
    ) -> dict[AccountId, Observation]:
        """Return a bulk read in which no account is taken for gone without proof. `cases`: each account's case.

        An account that the same answer shows proves that the system shows accounts. Else a known one is read by its id.
        """
        gone = [one for one, seen in answer.items() if is_absent(seen)]
        if not gone or any(
            seen.verdict in (Verdict.LOCKED, Verdict.OPEN) and not seen.hidden for seen in answer.values()
        ):
            return dict(answer)
        doubts = self._doubts(system, [Kind.ID], Person(""), self._colleagues(cases[gone[0]]))
        unproven = {one: replace(answer[one], verdict=Verdict.UNKNOWN, reason=join("; ", doubts)) for one in gone}
        return {**answer, **(unproven if doubts else {})}

    def _colleagues(self, case_id: str) -> tuple[str, ...]:
        with self._context.store.read() as session:
            case = session.get_one(Case, case_id)
        try:
            return colleagues(open_case_data(self._context.vault, case))
        except WrongKey:
            return ()

    def _doubts(
        self, system: System, kinds: Sequence[Kind], searched: Person, known: Collection[str]
    ) -> tuple[str, ...]:
        accounts = system.having(Accounts)
        if accounts is None:
            return (_(NO_CONTROL),)
        try:
            return self._control(system, accounts, kinds, searched, known)
        except MALFORMED as error:
            return (_("cannot prove absence: {why}").format(why=malformed(error)),)

    def _control(
        self, system: System, accounts: Accounts, kinds: Sequence[Kind], searched: Person, known: Collection[str]
    ) -> tuple[str, ...]:
        leaver, now = _names(searched), self._context.clock.now()
        with self._locks[system.name]:
            control = self._controls.get(system.name)
            if control is None or not timedelta() <= now - control.began < SHARED:
                control = self._controls[system.name] = Control(now)
            self._choose(system, accounts, control, leaver, [one for one in known if _fold(one) not in leaver])
            if control.account is None:
                return (_(NO_CONTROL),)
            if leaver & _names(control.account):
                return (_(CONTRADICTED),)
            for kind in kinds:
                if kind not in control.doubts:
                    control.doubts[kind] = _check(accounts, control.account, kind)
            found = [control.doubts[kind] or _unlike(kind, searched, control.account) for kind in kinds]
            return tuple(dict.fromkeys(filter(None, found)))

    def _choose(
        self, system: System, accounts: Accounts, control: Control, leaver: set[str], colleagues: Sequence[str]
    ) -> None:
        """Choose the known account: a colleague of the case, else one of the system's list, else one of a case."""
        new = [one for one in colleagues if _fold(one) not in control.asked]
        if control.account is None and new:
            control.asked |= {_fold(one) for one in new}
            found, strangers = _find(accounts, Kind.ADDRESS, new)
            own = accounts.own_account() if found else ""
            if known := [one for one in found if own not in one.names]:
                control.account, control.doubts[Kind.ADDRESS] = known[0], _made_up(Kind.ADDRESS) if strangers else ""
        if control.account is None and not control.searched:
            control.searched = True
            control.account = _listed(system, accounts, leaver)
            if control.account is None:
                self._choose_of_case(system.name, accounts, control)

    def _choose_of_case(self, system: str, accounts: Accounts, control: Control) -> None:
        """Choose the account of another case that was read last, if its log-in finds it."""
        query = (
            select(LeaverAccount, Case.wrapped_key)
            .join(Case, col(LeaverAccount.case_id) == col(Case.id))
            .where(
                LeaverAccount.system == system,
                col(LeaverAccount.verdict).in_((Verdict.LOCKED, Verdict.OPEN)),
                Case.wrapped_key != b"",
            )
            .order_by(col(LeaverAccount.read_at).desc())
            .limit(1)
        )
        with self._context.store.read() as session:
            row = session.exec(query).first()
        if row is None:
            return
        known, key = row
        try:
            data = AccountData(**self._context.vault.open(key, known.sealed, f"account:{known.id}"))
        except WrongKey:
            return
        found, strangers = _find(accounts, Kind.LOGIN, [data.login])
        if here := [one for one in found if one.id == known.account_id]:
            control.account, control.doubts[Kind.LOGIN] = here[0], _made_up(Kind.LOGIN) if strangers else ""


def _listed(system: System, accounts: Accounts, leaver: set[str]) -> Account | None:
    """Return a known account of the system's list: the leaver's if the list shows it, else an open one with all names.

    Handover's own account is no proof: many systems show everybody their own account and nobody else's.
    """
    roster = system.having(Roster)
    if roster is None:
        return None
    own, best = accounts.own_account(), list[Account]()
    stream = roster.everyone()
    for one in islice(stream, LISTED):
        if own in one.names:
            continue
        if leaver & _names(one):
            best = [one]
            break
        best.insert(0 if one.verdict is Verdict.OPEN and one.email and one.login else len(best), one)
    if isinstance(stream, Generator):
        stream.close()
    return best[0] if best else None


def _check(accounts: Accounts, known: Account, kind: Kind) -> str:
    """Return the doubt about one kind of lookup, or empty: it finds the known account, and nothing made up."""
    blind = _("cannot prove absence: an account that is there is not found by its {kind}").format(kind=_(kind.value))
    if kind is Kind.ID:
        seen = accounts.observe([known.id])[known.id]
        return "" if seen.verdict in (Verdict.LOCKED, Verdict.OPEN) and not seen.hidden else blind
    text = known.email if kind is Kind.ADDRESS else known.login
    if not text:
        return _("cannot prove absence: no known account there has a value for {kind}").format(kind=_(kind.value))
    found, strangers = _find(accounts, kind, [text])
    if known.id not in {one.id for one in found}:
        return blind
    return _made_up(kind) if strangers else ""


def _unlike(kind: Kind, searched: Person, known: Account) -> str:
    """Return the doubt about characters that the known account does not have: some servers never find a plus sign."""
    sought = {Kind.ADDRESS: searched.emails, Kind.LOGIN: searched.logins}.get(kind, ())
    shown = known.email if kind is Kind.ADDRESS else known.login
    unlike = sorted(set(UNUSUAL.findall("".join(sought))) - set(shown))
    words = _("cannot prove absence: no known account there has {characters} in its {kind}")
    return words.format(characters=" ".join(unlike), kind=_(kind.value)) if unlike else ""


def _find(accounts: Accounts, kind: Kind, known: Sequence[str]) -> tuple[list[Account], bool]:
    """Look known values up together with a made-up one.

    Return the accounts that have a known value, and whether any has none.
    """
    made_up = f"handover-{secrets.token_hex(8)}"
    if kind is Kind.ADDRESS:
        found = accounts.find(Person("", (*known, f"{made_up}@{known[0].rpartition('@')[2]}"))).accounts
    else:
        found = accounts.find(Person("", (), (*known, made_up))).accounts
    asked = {_fold(one) for one in known}
    mine = [one for one in found if asked & _names(one)]
    return mine, len(mine) < len(found)


def _made_up(kind: Kind) -> str:
    return _("cannot prove absence: the lookup by {kind} shows accounts that do not have it").format(kind=_(kind.value))


def _names(one: Account | Person) -> set[str]:
    names = one.names if isinstance(one, Account) else (*one.emails, *one.logins)
    return {_fold(name) for name in names if name}


def _fold(text: str) -> str:
    return text.strip().lower()
