"""Accounts that no address leads to: a person searches the system, says whose an account is, and it is remembered."""

from collections.abc import Callable

from sqlmodel import Session, select

from connectors.contract import Account as Found
from connectors.contract import Accounts, Person
from workflows.access import matching, observation
from workflows.access.account_state import AccountData
from workflows.access.protected import ProtectedAccounts
from workflows.access.views import Candidate
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import UNWATCHED, CaseData, person, read_case, refresh_case_message
from workflows.storage.rows.access import AccountLink
from workflows.storage.rows.case import Case
from workflows.systems.registry import System

Retry = Callable[[str, str, Actor], None]


class AccountLinking:
    """Finds candidates, and keeps what people said. `retry` locks one system of a case again."""

    def __init__(self, context: Context, guards: ProtectedAccounts, retry: Retry) -> None:
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock = context.systems, context.clock
        self._guards, self._retry = guards, retry

    def candidates(self, case_id: str, system: str, search: str = "") -> tuple[Candidate, ...]:
        """Return the accounts that match the leaver, or, with `search`, exactly that address, log-in or id.

        Raises `Refused` (UNKNOWN_CASE, UNKNOWN_SYSTEM) and what the connector raises.
        """
        where, accounts = self._system(system)
        with self._store.read() as session:
            case, data = read_case(session, self._vault, case_id)
            links = matching.links(session, self._vault, case.leaver_key, system)
        sought = Person("", (search.strip(),), (search.strip(),)) if search.strip() else person(data.leaver)
        return tuple(
            Candidate(
                one.id,
                one.login,
                one.name,
                one.email,
                one.verdict,
                one.matched_by,
                one.id in links.accounts,
                self._guards.why_not(where, one),
            )
            for one in accounts.find(sought).accounts
        )

    def link(self, case_id: str, system: str, by: Actor, *, account: str = "", login: str = "") -> str:
        """Remember that this account is the leaver's; return its log-in.

        It is named by its exact log-in or address, or by its id: of one that matches the leaver, or with its log-in.

        It is tried at once where the case has begun, and found by every later case of the same person. Raises
        `Refused`: UNKNOWN_CASE, UNKNOWN_SYSTEM, UNKNOWN_ACCOUNT, PROTECTED, NOT_OPEN.
        """
        where, accounts = self._system(system)
        with self._store.read() as session:
            _, data = read_case(session, self._vault, case_id)
        found = self._one(accounts, data, account, login)
        if self._guards.protection_reason(where, *found.names):
            raise Refused(Code.PROTECTED, name=found.login)
        self._keep(case_id, system, by, found.id, found.login)
        return found.login

    def link_additional(self, case_id: str, system: str, by: Actor, account: str) -> str:
        """Remember that this account is the leaver's beside those that the case knows; raises as `link`.

        Those are linked with it: where a person has chosen, every other account is left alone, in later cases too.
        """
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            for row in observation.known(session, f"{case_id}:{system}"):
                data = AccountData.load(self._vault.open(case.wrapped_key, row.sealed, f"account:{row.id}"))
                self._replace(session, case, system, by, row.account_id, data.login)
        return self.link(case_id, system, by, account=account)

    def none(self, case_id: str, system: str, by: Actor) -> None:
        """Remember that the leaver has no account there. Raises as `link`."""
        self._system(system)
        self._keep(case_id, system, by, "", "")

    def _system(self, name: str) -> tuple[System, Accounts]:
        system = self._systems.get(name)
        accounts = system.having(Accounts) if system else None
        if system is None or accounts is None:
            raise Refused(Code.UNKNOWN_SYSTEM, system=name, known=", ".join(self._systems))
        return system, accounts

    def _one(self, accounts: Accounts, data: CaseData, account: str, login: str) -> Found:
        """Return exactly the account that is meant, as the system has it now."""
        named = [Person("", (), (login,)), Person("", (login,))] if login else []
        sought = [*([person(data.leaver)] if account else []), *named]
        for one in sought:
            hits = [found for found in accounts.find(one).accounts if _means(found, account, login)]
            if len(hits) == 1:
                return hits[0]
        raise Refused(Code.UNKNOWN_ACCOUNT, account=account or login)

    def _keep(self, case_id: str, system: str, by: Actor, account: str, login: str) -> None:
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            if case.state in UNWATCHED:
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            self._replace(session, case, system, by, account, login)
            refresh_case_message(session, case_id)
            begun = case.effective_at <= self._clock.now()
        if begun:
            self._retry(case_id, system, by)

    def _replace(self, session: Session, case: Case, system: str, by: Actor, account: str, login: str) -> None:
        """Add the link; an account and `none` shut each other out. The same word twice is one."""
        rows = session.exec(
            select(AccountLink).where(AccountLink.person_key == case.leaver_key, AccountLink.system == system)
        ).all()
        if any(row.account_id == account for row in rows):
            return
        for row in rows:
            if not (row.account_id and account):
                session.delete(row)
        session.flush()
        row_id = self._vault.blind(f"link:{case.leaver_key}:{system}:{account}")[:32]
        wrapped = self._vault.new_key()
        sealed = self._vault.seal(wrapped, login, f"link:{row_id}")
        session.add(
            AccountLink(
                id=row_id,
                person_key=case.leaver_key,
                system=system,
                account_id=account,
                by=by.id,
                at=self._clock.now(),
                wrapped_key=wrapped,
                sealed=sealed,
            )
        )
        said = {"system": system, "account": account or "none"}
        self._journal.write(session, actor=by, action="account.linked", case_id=case.id, data=said)


def forget(session: Session, person_key: str) -> int:
    """Delete what people said about somebody of whom no case is kept any more; return how much that was.

    A link belongs to the person and not to one case: it stands, under a key of its own, for as long as any case of
    theirs can be read, and must go with the last one. To be called in the transaction that deletes a case or its key.
    """
    if session.exec(select(Case.id).where(Case.leaver_key == person_key, Case.wrapped_key != b"")).first():
        return 0
    rows = session.exec(select(AccountLink).where(AccountLink.person_key == person_key)).all()
    for row in rows:
        session.delete(row)
    return len(rows)


def _means(found: Found, account: str, login: str) -> bool:
    if account:
        return found.id == account
    return bool(login) and login.casefold() in (found.login.casefold(), found.email.casefold())
