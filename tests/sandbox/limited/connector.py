"""A connector for the CRM with a published limit, built as a real one is: `connectors.http`, the manifest's limits."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel

from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    ClientBook,
    Connections,
    Limits,
    Locked,
    Login,
    Lookup,
    Manifest,
    Moved,
    MoveOrder,
    MoveOutcome,
    Observation,
    Person,
    RateLimiter,
    Record,
    RecordId,
    Verdict,
)
from connectors.http import Api
from tests.sandbox.limited.server import PAGE, REQUESTS, WINDOW
from workflows.systems.registry import System


class LimitedCrm(Accounts, ClientBook):
    """Accounts that only look, and a client book."""

    def __init__(self, url: str) -> None:
        self.api = Api(url)

    def connections(self) -> Connections:
        return self.api.pool

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        self.api.use_rate_limiter(pace)

    def check(self) -> str:
        self._ask("/find", emails=[])
        return "answers"

    def close(self) -> None:
        self.api.close()

    def _ask(self, path: str, **asked: Any) -> Any:
        return self.api.read("POST", path, json=asked).json()

    def find(self, person: Person) -> Lookup:
        rows = self._ask("/find", emails=list(person.emails))
        return Lookup(
            tuple(Account(AccountId(r["id"]), r["id"], r["id"], _verdict(r["active"]), "mail") for r in rows), "mail"
        )

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        rows = self._ask("/observe", ids=list(accounts))
        return {one: Account(one, one, one, _verdict(rows[one]), "id") for one in accounts}

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        rows = self._ask("/observe", ids=list(accounts))
        return {one: Observation(_verdict(rows[one]), "asked") for one in accounts}

    def before(self, account: AccountId) -> BeforeImage:
        return BeforeImage(account, {})

    def lock(self, before: BeforeImage) -> Locked:
        return Locked(Change.ALREADY, Login.NOT_TRIED)

    def unlock(self, before: BeforeImage) -> Change:
        return Change.ALREADY

    def count(self, owner: AccountId) -> Mapping[str, int]:
        return {"deal": self._ask("/count", owner=owner)}

    def records(self, owner: AccountId) -> Iterator[Record]:
        after = ""
        while ids := self._ask("/records", owner=owner, after=after):
            after = ids[-1]
            for one in ids:
                family = f"client:{int(one.partition(':')[2]) // 4}"
                yield Record(RecordId(one), "deal", f"Deal {one}", owner, family, f"Client {family}")

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        return {
            RecordId(r): AccountId(o)
            for start in range(0, len(records), PAGE)
            for r, o in self._ask("/owners", ids=list(records[start : start + PAGE])).items()
        }

    def owner_faults(
        self, accounts: Sequence[AccountId], pools: Collection[str], on: date
    ) -> Mapping[AccountId, Mapping[str, str]]:
        """Everybody can own everything there."""
        del on
        return {account: dict.fromkeys(pools, "") for account in accounts}

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        """One request; the answer is what the CRM reads of each record after its write."""
        orders = [{"id": one.record, "owner": one.owner, "to": one.successor} for one in batch]
        seen = self.api.write("POST", "/move", json={"orders": orders}).json()
        read = zip(batch, seen, strict=True)
        return [Moved(one.record, _outcome(one, owner), AccountId(owner)) for one, owner in read]


def _verdict(active: bool | None) -> Verdict:
    return Verdict.ABSENT if active is None else Verdict.OPEN if active else Verdict.LOCKED


def _outcome(one: MoveOrder, owner: str) -> MoveOutcome:
    if owner == one.successor:
        return MoveOutcome.MOVED
    return MoveOutcome.REFUSED if owner == one.owner else MoveOutcome.TAKEN


class NoSettings(BaseModel):
    """Settings without keys: `system` gives the connector its address."""


def system(url: str, requests: int = REQUESTS, window: float = WINDOW) -> System:
    """Return the system for the program's registry."""
    limits = Limits(move_batch=PAGE, move_at_once=4, requests=requests, window=timedelta(seconds=window))
    return System("crm", Manifest("limited", "Limited CRM", LimitedCrm, NoSettings, limits), LimitedCrm(url))
