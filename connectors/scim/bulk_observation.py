"""Observation of many accounts in few requests. A hidden or unread account is never called absent."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from math import ceil
from typing import Literal

from config.text import _
from connectors.contract import AccountId, Observation, Verdict
from connectors.errors import Conflict, ConnectorError, Forbidden, Missing, Unavailable
from connectors.scim import filters, wire
from connectors.scim.faults import RequestRejected
from connectors.scim.service import USERS, Service

CHUNK = 40
"""Ids in one filter: about 3,000 characters of address, which every proxy accepts."""
FEW = 3
"""Up to this number, accounts are read one by one."""
SURE = 4
"""Up to this number, filters are sent without first asking for the length of the list."""
MAX_FAILURES = 3
"""Failed accounts after which the server, and not the record, counts as broken."""
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

    def gone(self, account: AccountId) -> Observation:
        """Return the observation for an account that the server does not have."""
        if self.explains(account):
            return Observation(
                Verdict.LOCKED,
                _("the server has no such account since it was made inactive here: it removes such users"),
            )
        return Observation(Verdict.ABSENT, _("looked up by id in /Users and not there"))


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
        unsaid = self._hidden_active(found.values())
        left = [account for account in dict.fromkeys(accounts) if account not in found or account in unsaid]
        seen |= self._one_by_one(left, alive=bool(found))
        if any(one.verdict is Verdict.ABSENT for one in seen.values()) and not self._service.sees():
            raise Unavailable(_("the server shows no account at all; that is not believed"))
        return {account: seen[account] for account in accounts}

    def _hidden_active(self, users: Iterable[wire.User]) -> set[AccountId]:
        """Return the accounts whose `active` the list leaves out and a read by id shows; tried on one of them."""
        silent = [AccountId(user.id) for user in users if "active" not in user.raw]
        answers = self._one_by_one(silent[:1], alive=True)
        return set(silent) if any(one.verdict in (Verdict.OPEN, Verdict.LOCKED) for one in answers.values()) else set()

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

    def _one_by_one(self, accounts: Sequence[AccountId], *, alive: bool) -> dict[AccountId, Observation]:
        """Read each account; if one fails and others do not, the record is broken and not the server."""
        enough = MAX_FAILURES if alive else min(MAX_FAILURES, len(accounts))
        seen: dict[AccountId, Observation] = {}
        faults: list[ConnectorError] = []
        with ThreadPoolExecutor(self._connections) as pool:
            futures = {account: pool.submit(self._read, account) for account in accounts}
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

    def _read(self, account: AccountId) -> Observation:
        try:
            return wire.observation(self._service.user(account))
        except Missing:
            return self._removals.gone(account)


def _picked(pages: Iterable[wire.Page], wanted: set[AccountId]) -> dict[str, wire.User]:
    found: dict[str, wire.User] = {}
    for page in pages:
        found |= {user.id: user for user in page.users if user.id in wanted}
        if len(found) == len(wanted):
            break
    return found
