"""Accounts of the leaver: matched without guesses, never another person's account, or linked by a person.

An account that no address matches is linked: a person searches the system and links the account to the leaver.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from config.identifiers import address_or_nothing, is_among, visible
from config.text import _
from connectors.contract import Account, AccountId, Accounts, Person
from workflows.access import observation
from workflows.access.account_state import AccountData
from workflows.access.protected import ProtectedAccounts
from workflows.access.views import Candidate
from workflows.authorization import Right
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import UNWATCHED, CaseData, person, read_case, refresh_case_message
from workflows.storage.findings import open_of
from workflows.storage.journal import Personal
from workflows.storage.rows.access import AccountLink, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import FindingKind
from workflows.storage.vault import Vault
from workflows.systems.registry import System

Retry = Callable[[str, str, Actor], None]


@dataclass(frozen=True, slots=True)
class NoAccount:
    """Statement of a person that the leaver has no account in a system. It counts until its end."""

    by: str
    reason: str
    last_day: str
    until: datetime
    """End of the last day."""


@dataclass(frozen=True, slots=True)
class PersonLinks:
    """Links of one person in one system: account id to log-in, or the statement that there is no account."""

    accounts: Mapping[AccountId, str] = field(default_factory=dict)
    none: NoAccount | None = None
    denied: Mapping[AccountId, str] = field(default_factory=dict)
    """Accounts that a person said are not the leaver's: account id to log-in."""

    def nobody(self, now: datetime) -> bool:
        """Return whether a statement that there is no account counts now."""
        return self.none is not None and now < self.none.until

    def ended(self, now: datetime) -> str:
        """Return a sentence on a statement that has ended, or empty."""
        if self.none is None or self.nobody(now):
            return ""
        words = _(
            "{name} said that there is none, and that statement ended on {day}: say it again, or link the account"
        )
        return words.format(name=self.none.by, day=self.none.last_day)


@dataclass(frozen=True, slots=True)
class Match:
    """Accounts to lock. `ambiguous` counts the accounts among which a person must choose; `own` is then empty."""

    own: tuple[Account, ...]
    ambiguous: int = 0
    note: str = ""
    others: tuple[Account, ...] = ()
    """Accounts that match as well, and that nobody has linked or denied. They are never locked."""


class AccountLinking:
    """Finds candidates and stores links. `retry` locks one system of a case again."""

    def __init__(
        self, context: Context, guards: ProtectedAccounts, retry: Retry, *, zone: str = "UTC", none_days: int = 365
    ) -> None:
        """Take `zone`, in which a statement's last day ends, and `none_days`, the most days for which it counts."""
        self._zone, self._none_days = ZoneInfo(zone), none_days
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock = context.systems, context.clock
        self._guards, self._retry = guards, retry
        self._authorization, self._findings = context.authorization, context.findings

    def candidates(self, case_id: str, system: str, search: str = "") -> tuple[Candidate, ...]:
        """Return the accounts that match the leaver, or, with `search`, exactly that address, log-in or id.

        Raises `Refused` (UNKNOWN_CASE, UNKNOWN_SYSTEM) and what the connector raises.
        """
        configured, accounts = self._system(system)
        with self._store.read() as session:
            case, data = read_case(session, self._vault, case_id)
            linked = all_links(session, self._vault, case.leaver_key)[system].accounts
        wanted = _named(search)
        searched = Person("", (wanted,), (wanted,)) if wanted else person(data.leaver)
        return tuple(
            Candidate(
                account.id,
                account.login,
                account.name,
                account.email,
                account.verdict,
                account.matched_by,
                account.id in linked,
                self._guards.why_not(configured, account),
            )
            for account in accounts.find(searched).accounts
        )

    def link(self, case_id: str, system: str, by: Actor, *, account: str = "", login: str = "") -> str:
        """Link an account to the leaver; return its log-in.

        The account is named by its exact log-in or address. An id alone is enough if the account matches the leaver.
        If the case has begun, the account is locked at once. Every later case of the same person finds the link. Raises
        `Refused`: UNKNOWN_CASE, UNKNOWN_SYSTEM, UNKNOWN_ACCOUNT, PROTECTED, NOT_OPEN.
        """
        self._authorization.require(Right.LINK, by, case_id)
        configured, accounts = self._system(system)
        with self._store.read() as session:
            _case, data = read_case(session, self._vault, case_id)
        found = self._one(accounts, data, account, _named(login))
        if self._guards.protection_reason(configured, *found.names):
            raise Refused(Code.PROTECTED, name=found.login)
        self._keep(case_id, system, by, found.id, found.login)
        return found.login

    def link_additional(self, case_id: str, system: str, by: Actor, account: str) -> str:
        """Link an account in addition to the accounts that the case has. Raises as `link`.

        The accounts of the case are linked as well: once a person has chosen, all other accounts are left alone.
        """
        self._authorization.require(Right.LINK, by, case_id)
        with self._store.write() as session:
            case, _data = read_case(session, self._vault, case_id)
            for row in observation.known(session, f"{case_id}:{system}"):
                data = AccountData(**self._vault.open(case.wrapped_key, row.sealed, f"account:{row.id}"))
                self._replace(session, case, system, by, row.account_id, data.login)
        return self.link(case_id, system, by, account=account)

    def none(self, case_id: str, system: str, by: Actor, reason: str, last_day: date) -> None:
        """Record that the leaver has no account there, with the reason. It counts until the end of `last_day`.

        Raises as `link`, and NEEDS_REASON, PAST_TIME, LONG_STATEMENT.
        """
        self._authorization.require(Right.LINK, by, case_id)
        self._system(system)
        now, until = (
            self._clock.now(),
            datetime.combine(last_day + timedelta(days=1), time(), self._zone).astimezone(UTC),
        )
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        if until <= now:
            raise Refused(Code.PAST_TIME, at=until.isoformat())
        if until > now + timedelta(days=self._none_days + 1):
            raise Refused(Code.LONG_STATEMENT, days=str(self._none_days))
        said = {"by": by.name, "reason": reason.strip(), "last_day": last_day.isoformat(), "until": until.isoformat()}
        self._keep(case_id, system, by, "", said)

    def deny(self, case_id: str, system: str, by: Actor, *, account: str, reason: str) -> str:
        """Record that an account is not the leaver's, with the reason; return its log-in.

        Until then an open account that matches stays in the verdict. Raises as `link`, and NEEDS_REASON; IN_CASE for an
        account that the case has locked.
        """
        self._authorization.require(Right.LINK, by, case_id)
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        _configured, accounts = self._system(system)
        with self._store.read() as session:
            case, data = read_case(session, self._vault, case_id)
            told = [finding for finding in open_of(session, case_id, system) if finding.account_id == account]
            logins = [self._findings.note(session, finding).login for finding in told]
        login = logins[0] if logins else self._one(accounts, data, account, "").login
        with self._store.write() as session:
            case = self._changeable(session, case_id)
            if session.get(LeaverAccount, f"{case_id}:{system}:{account}"):
                raise Refused(Code.IN_CASE, account=login)
            self._replace(session, case, system, by, account, login, denied=reason.strip())
            for finding in open_of(session, case_id, system):
                if finding.account_id == account and finding.kind in (FindingKind.NEW_ACCOUNT, FindingKind.POSSIBLE):
                    self._findings.close(session, finding, by)
            refresh_case_message(session, case_id)
        self._begin_again(case, system, by)
        return login

    def _system(self, name: str) -> tuple[System, Accounts]:
        system = self._systems.get(name)
        accounts = system.having(Accounts) if system else None
        if system is None or accounts is None:
            raise Refused(Code.UNKNOWN_SYSTEM, system=name, known=", ".join(self._systems))
        return system, accounts

    def _one(self, accounts: Accounts, data: CaseData, account: str, login: str) -> Account:
        """Return exactly the named account, in its present state."""
        named = [Person("", (), (login,)), Person("", (login,))] if login else []
        searches = [*([person(data.leaver)] if account else []), *named]
        for search in searches:
            matches = [found for found in accounts.find(search).accounts if _means(found, account, login)]
            if len(matches) == 1:
                return matches[0]
        related = [one for one in accounts.related(person(data.leaver)) if account and one.id == account]
        if related:
            return related[0]
        raise Refused(Code.UNKNOWN_ACCOUNT, account=account or login)

    def _keep(self, case_id: str, system: str, by: Actor, account: str, said: str | Mapping[str, str]) -> None:
        with self._store.write() as session:
            case = self._changeable(session, case_id)
            self._replace(session, case, system, by, account, said)
            refresh_case_message(session, case_id)
        self._begin_again(case, system, by)

    def _changeable(self, session: Session, case_id: str) -> Case:
        case, _data = read_case(session, self._vault, case_id)
        if case.state in UNWATCHED:
            raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
        return case

    def _begin_again(self, case: Case, system: str, by: Actor) -> None:
        if case.effective_at <= self._clock.now():
            self._retry(case.id, system, by)

    def _replace(
        self,
        session: Session,
        case: Case,
        system: str,
        by: Actor,
        account: str,
        said: str | Mapping[str, str],
        denied: str = "",
    ) -> None:
        """Add the statement: a link with its log-in, or that there is no account, or that an account is not theirs.

        An account replaces `none`, and `none` replaces all accounts. A repeated link to an account has no effect.
        `denied`: the reason for which the account is not the leaver's; a later statement replaces an earlier one.
        """
        rows = session.exec(
            select(AccountLink).where(AccountLink.person_key == case.leaver_key, AccountLink.system == system)
        ).all()
        links = _links(self._vault, [row for row in rows if _is_genuine(self._vault, row)])
        if account in (links.denied if denied else links.accounts):
            return
        for row in rows:
            replaced = not denied and AccountId(row.account_id) not in links.denied and not (row.account_id and account)
            if replaced or row.account_id == account:
                session.delete(row)
        session.flush()
        row_id = link_id(self._vault, case.leaver_key, system, account)
        wrapped = self._vault.new_key()
        kept = {"login": said, "denied": denied} if denied else said
        session.add(
            AccountLink(
                id=row_id,
                person_key=case.leaver_key,
                system=system,
                account_id=account,
                by=by.id,
                at=self._clock.now(),
                wrapped_key=wrapped,
                sealed=self._vault.seal(wrapped, kept, f"link:{row_id}"),
            )
        )
        self._journal.write(
            session,
            actor=by,
            action="account.denied" if denied else "account.linked",
            case_id=case.id,
            data={"system": system, "account": Personal(account or "none")},
            sealed=self._vault.seal(case.wrapped_key, denied, f"denied:{row_id}") if denied else b"",
        )


def forget(session: Session, person_key: str) -> int:
    """Delete a person's links once no case of theirs is kept; return how many there were.

    A link belongs to the person, under a key of its own. It stays while any case of theirs can be read, and is deleted
    with the last one. Call this in the transaction that deletes a case or its key.
    """
    if session.exec(select(Case.id).where(Case.leaver_key == person_key, Case.wrapped_key != b"")).first():
        return 0
    rows = session.exec(select(AccountLink).where(AccountLink.person_key == person_key)).all()
    for row in rows:
        session.delete(row)
    return len(rows)


def _means(found: Account, account: str, login: str) -> bool:
    return found.id == account if account else is_among(login, (found.login, found.email))


def _named(text: str) -> str:
    """Return the address or log-in that a person typed, without characters that nobody sees."""
    return address_or_nothing(text) or visible(text)


def link_id(vault: Vault, person_key: str, system: str, account: str) -> str:
    """Return the id of a link: a keyed hash, so that nobody without the key can add a link."""
    return vault.blind(f"link:{person_key}:{system}:{account}")[:32]


def _is_genuine(vault: Vault, row: AccountLink) -> bool:
    return row.id == link_id(vault, row.person_key, row.system, row.account_id)


def forged_links(session: Session, vault: Vault, person_key: str) -> list[str]:
    """Return the systems in which a link of this person was added or changed by another hand."""
    rows = session.exec(select(AccountLink).where(AccountLink.person_key == person_key))
    return sorted({row.system for row in rows if not _is_genuine(vault, row)})


def all_links(session: Session, vault: Vault, person_key: str) -> Mapping[str, PersonLinks]:
    """Return a person's links by system; a system without links has empty ones. A forged link is none."""
    return links_of(session, vault, (person_key,))[person_key]


def _links(vault: Vault, rows: Sequence[AccountLink]) -> PersonLinks:
    said = {row.account_id: vault.open(row.wrapped_key, row.sealed, f"link:{row.id}") for row in rows}
    none = next((_statement(row, said[""]) for row in rows if not row.account_id), None)
    denied = {AccountId(one): str(kept["login"]) for one, kept in said.items() if one and isinstance(kept, Mapping)}
    accounts = {AccountId(one): str(kept) for one, kept in said.items() if one and not isinstance(kept, Mapping)}
    return PersonLinks(accounts, none, denied)


def _statement(row: AccountLink, said: Mapping[str, str] | str) -> NoAccount:
    """Return a statement. One of an earlier version has no reason and no end: it counts for a year."""
    if not isinstance(said, Mapping):
        until = row.at + timedelta(days=365)
        return NoAccount(row.by, "", until.date().isoformat(), until)
    return NoAccount(said["by"], said["reason"], said["last_day"], datetime.fromisoformat(said["until"]))


def links_of(session: Session, vault: Vault, persons: Collection[str]) -> Mapping[str, Mapping[str, PersonLinks]]:
    """Return the links of many people, by person and system. A forged link is none."""
    query = select(AccountLink).where(col(AccountLink.person_key).in_(persons))
    found = defaultdict[str, dict[str, PersonLinks]](lambda: defaultdict(PersonLinks))
    rows = session.exec(query.order_by(col(AccountLink.person_key), col(AccountLink.system)))
    genuine = (row for row in rows if _is_genuine(vault, row))
    for (person_key, system), of_both in groupby(genuine, attrgetter("person_key", "system")):
        found[person_key][system] = _links(vault, list(of_both))
    return found


def match_accounts(
    found: Sequence[Account],
    linked: Collection[str],
    strangers: Collection[AccountId] = (),
    known: Collection[AccountId] = (),
    denied: Collection[AccountId] = (),
) -> Match:
    """Choose the leaver's accounts among those that a lookup shows, beside the `known` ones that exist. Pure."""
    own = [account for account in found if account.id not in {*strangers, *denied}]
    words = _("{count} account(s) with this address belong to somebody else by now and were left alone")
    notes = [words.format(count=left)] if (left := sum(one.id in strangers for one in found)) else []
    words = _("{count} account(s) match and were left alone: a person said that they are not the leaver's")
    notes += [words.format(count=left)] if (left := sum(one.id in denied for one in found)) else []
    note = "; ".join(notes)
    fresh = [account for account in own if account.id not in known]
    if not fresh or (len(own) == 1 and not known):
        return Match(tuple(own), note=note)
    if not (linked or known):
        return Match((), len(fresh), note)
    chosen = {*linked, *known}
    return Match(
        tuple(account for account in own if account.id in chosen),
        note=note,
        others=tuple(account for account in own if account.id not in chosen),
    )
