"""Observation of many accounts in few requests. A hidden or unread account is never called absent."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from math import ceil
from typing import Literal

from config.text import _
from connectors.contract import AccountId, Observation, Verdict
from connectors.errors import Conflict, ConnectorError, Forbidden, Missing, Unavailable
from connectors.identifiers import key
from connectors.scim import filters, wire
from connectors.scim.faults import RequestRejected
from connectors.scim.service import USERS, Service

CHUNK = 40
"""Ids in one filter: about 3,000 characters of address, which every proxy accepts."""
FEW = 3
"""Up to this number, accounts are read one by one."""
SURE = 4
"""Up to this number, filters are sent without first asking for the length of the list."""
LOOKS, LAG_SECONDS = 4, 0.5
"""Lookups of an account that a read by id shows locked, and the time between them."""
MAX_FAILURES = 3
"""Failed accounts after which the server, and not the record, counts as broken."""
LIST_AT_MOST = 5_000
"""Most accounts of a list that is read to prove that others are gone; a longer one is asked by filters."""
NOT_FOUND = Observation(Verdict.UNKNOWN, "")
"""The answer of a read by id, before it is judged."""
ReadMethod = Literal["filter", "list", "each"]


class Removals:
    """Accounts that we have locked in an application that removes inactive users: a missing account may be a lock.

    Remembers the locks of this process; asks the caller for those of other processes or of earlier runs.
    """

    def __init__(self, *, removes: bool) -> None:
        self.removes = removes
        self.on_record: Callable[[AccountId], bool] = lambda _: False
        self.locked: set[AccountId] = set()
        """Locks that this process has sent, or is about to send; without those that were refused or undone."""

    def explains(self, account: AccountId) -> bool:
        """Return whether our own lock explains a missing account."""
        return self.removes and (account in self.locked or self.on_record(account))

    def gone(self, account: AccountId, how: str) -> Observation:
        """Return the observation for an account that is proven gone; `how` names the proof."""
        if self.explains(account):
            text = _("the server has no such account since it was made inactive here: it removes such users; {how}")
            return Observation(Verdict.LOCKED, text.format(how=how), hidden=True)
        return Observation(Verdict.ABSENT, how)


def cheapest(wanted: int, total: int, per_page: int, *, filters_work: bool) -> ReadMethod:
    """Return the method with the fewest requests; figures are accounts."""
    cost: dict[ReadMethod, int] = {"filter": ceil(wanted / CHUNK)} if filters_work else {}
    cost |= {"list": ceil(total / max(per_page, 1)), "each": wanted}
    return min(cost, key=lambda way: cost[way])


class BulkObservation:
    """Reads the lock of many accounts."""

    def __init__(self, service: Service, removals: Removals, connections: int) -> None:
        self._service, self._removals, self._connections = service, removals, connections
        self._filters_work = True

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read all of them. An account that a list leaves out is read by id before it is called absent."""
        found = self._in_bulk(set(accounts)) if len(set(accounts)) > FEW else {}
        seen = {AccountId(user.id): wire.observation(user) for user in found.values()}
        unsaid = self._hidden_active(found.values()) | self._locked_in_lists(found.values())
        left = [account for account in dict.fromkeys(accounts) if account not in found or account in unsaid]
        seen |= self._one_by_one(left, alive=bool(found), compare=not found)
        if gone := {account for account, one in seen.items() if one is NOT_FOUND}:
            seen |= self._judge(gone, self._service.seen())
        return {account: seen[account] for account in accounts}

    def users(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, wire.User]:
        """Read all of them whole; gone ones are not in the answer. What a list leaves out is read by id."""
        wanted = dict.fromkeys(accounts)
        found = self._in_bulk(set(wanted)) if len(wanted) > FEW else {}
        users = {AccountId(user.id): user for user in found.values() if user.shows_active}
        for account in wanted:
            if account not in users:
                with suppress(Missing):
                    users[account] = self._service.user(account)
        return users

    def _is_contradicted(self, user: wire.User) -> bool:
        """Return whether a filter by the log-in shows a locked account active: a cache or a replica may lie.

        A lookup may lag behind a write for a moment: after a contradiction, two answers in a row must agree. Without an
        answer nothing contradicts.
        """
        if user.active is not False or not user.login or not self._service.features().filter:
            return False
        agreed, wanted = 0, 1
        for attempt in range(LOOKS):
            time.sleep(LAG_SECONDS if attempt else 0)
            try:
                page = next(self._service.pages(USERS, filters.equals("userName", user.login)))
            except (Conflict, Forbidden, Unavailable):
                return False
            if any(one.active and (one.id == user.id or key(one.login) == key(user.login)) for one in page.users):
                agreed, wanted = 0, 2
            else:
                agreed += 1
            if agreed == wanted:
                return False
        return True

    def _judge(self, gone: set[AccountId], total: int) -> dict[AccountId, Observation]:
        """Return the observations of accounts that a read by id did not find.

        They are gone only if no list shows them, and if the control, an account of the list, is found by its id.
        """
        doubt, shown = "", set[str]()
        try:
            shown = (None if total <= LIST_AT_MOST else self._filtered(gone)) or self._listed(gone)
        except (Unavailable, Conflict, Forbidden) as error:
            doubt = _("the list of all accounts cannot be read to its end: {error}").format(error=error)
        control = next((one for one in shown if one not in gone), "")
        if not doubt and (fault := self._control(control)):
            doubt = fault
        elif not doubt and "" in shown:
            doubt = _("the list shows accounts without an id")
        seen: dict[AccountId, Observation] = {}
        for account in gone:
            reason = _("the list shows the account, and a read by its id does not") if account in shown else doubt
            how = _("looked up by id in /Users and not there; {control} was found in the list and by id")
            seen[account] = (
                Observation(Verdict.UNKNOWN, _("read from /Users by id"), reason)
                if reason
                else self._removals.gone(account, how.format(control=control))
            )
        return seen

    def _listed(self, gone: set[AccountId]) -> set[str]:
        """Return which of the ids the list shows, one other id as a control, and "" if a record has no id."""
        shown, control = set[str](), ""
        for page in self._service.pages(USERS):
            ids = {user.id for user in page.users}
            control = control or next((one for one in sorted(ids) if one and one not in gone), "")
            shown |= ids & {*gone, ""}
        return shown | ({control} if control else set())

    def _filtered(self, gone: set[AccountId]) -> set[str] | None:
        """Return the same by filters, for a list that is too long to be read; None if they are not supported."""
        users = next(self._service.pages(USERS)).users
        control = next((AccountId(user.id) for user in users if user.id and user.id not in gone), None)
        if control is None or not (self._service.features().filter and self._filters_work):
            return None
        shown, ids = set[str](), sorted(gone)
        for start in range(0, len(ids), CHUNK):
            answer = self._answer([*ids[start : start + CHUNK], control])
            if not answer or control not in answer:
                return None
            shown |= answer.keys()
        return shown

    def _control(self, account: str) -> str:
        """Return why the control proves nothing; empty if it is found by its id."""
        if not account:
            return _("the list shows no other account that could be looked up for comparison")
        try:
            self._service.user(account)
        except (Missing, Unavailable, Conflict, Forbidden) as error:
            return _("an account of the list is not found by its id either: {error}").format(error=error)
        return ""

    def _hidden_active(self, users: Iterable[wire.User]) -> set[AccountId]:
        """Return the accounts whose `active` the list leaves out and a read by id shows; tried on one of them."""
        silent = [AccountId(user.id) for user in users if not user.shows_active]
        answers = self._one_by_one(silent[:1], alive=True)
        return set(silent) if any(one.verdict in (Verdict.OPEN, Verdict.LOCKED) for one in answers.values()) else set()

    def _locked_in_lists(self, users: Iterable[wire.User]) -> set[AccountId]:
        """Return the accounts that the list shows locked if it is wrong about one of them."""
        locked = [AccountId(user.id) for user in users if user.active is False]
        answers = self._one_by_one(locked[:1], alive=True)
        return set(locked) if any(one.verdict is Verdict.OPEN for one in answers.values()) else set()

    def _in_bulk(self, wanted: set[AccountId]) -> dict[str, wire.User]:
        if self._service.features().filter and self._filters_work and len(wanted) <= CHUNK * SURE:
            found = self._by_filter(wanted)
            if found is not None:
                return found
        pages = self._service.pages(USERS)
        first = next(pages)
        works = self._service.features().filter and self._filters_work
        way = cheapest(len(wanted), first.total or len(first.records), len(first.records), filters_work=works)
        if way == "filter":
            found = self._by_filter(wanted)
            way = "list" if found is None else way
        if way == "list":
            found = _picked(chain([first], pages), wanted)
        return found or {}

    def _by_filter(self, wanted: set[AccountId]) -> dict[str, wire.User] | None:
        """Return the accounts that filters by id find; None if the server ignores such filters."""
        found: dict[str, wire.User] = {}
        ids = sorted(wanted)
        for start in range(0, len(ids), CHUNK):
            answer = self._answer(ids[start : start + CHUNK])
            if answer is None:
                self._filters_work = False
            if not answer:  # nobody at all: all are gone, or the server answers an unknown filter with nothing
                return None
            found |= answer
        return found

    def _answer(self, ids: Sequence[AccountId]) -> dict[str, wire.User] | None:
        found: dict[str, wire.User] = {}
        try:
            for page in self._service.pages(USERS, filters.any_of(filters.equals("id", each) for each in ids)):
                if any(user.id and user.id not in ids for user in page.users):
                    return None
                found |= {user.id: user for user in page.users if user.id}
        except RequestRejected:
            return None
        except Unavailable:
            if not found:
                raise
        return found  # accounts that a broken answer left out are read by id

    def _one_by_one(
        self, accounts: Sequence[AccountId], *, alive: bool, compare: bool = False
    ) -> dict[AccountId, Observation]:
        """Read each account; if one fails and others do not, the record is broken and not the server."""
        enough = MAX_FAILURES if alive else min(MAX_FAILURES, len(accounts))
        seen: dict[AccountId, Observation] = {}
        faults: list[ConnectorError] = []
        with ThreadPoolExecutor(self._connections) as pool:
            futures = {account: pool.submit(self._read, account, compare=compare) for account in accounts}
            try:
                for account, future in futures.items():
                    try:
                        seen[account] = future.result()
                    except (Unavailable, Conflict, Forbidden) as error:
                        faults.append(error)
                        if sum(isinstance(one, Unavailable) for one in faults) == enough:
                            raise
                        seen[account] = Observation(Verdict.UNKNOWN, _("read from /Users by id"), str(error))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        if faults and len(faults) == len(seen) and not (alive or self._service.sees()):
            raise faults[0]
        return seen

    def _read(self, account: AccountId, *, compare: bool) -> Observation:
        try:
            user = self._service.user(account)
        except Missing:
            return NOT_FOUND
        if compare and self._is_contradicted(user):
            reason = _("a lookup by its log-in shows an active account, and a read by its id a locked one")
            return Observation(Verdict.UNKNOWN, _("read from /Users by id"), reason)
        return wire.observation(user)


def _picked(pages: Iterable[wire.Page], wanted: set[AccountId]) -> dict[str, wire.User]:
    found: dict[str, wire.User] = {}
    for page in pages:
        found |= {user.id: user for user in page.users if user.id in wanted}
        if len(found) == len(wanted):
            break
    return found
