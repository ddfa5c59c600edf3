"""The system with paid seats in memory, as the suites of licences and of deactivation see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import TypeVar

from connectors.contract import AccountId, LicenceId
from connectors.errors import BadCredential, Forbidden
from tests.workflows.memory import MemoryTenant, World

R = TypeVar("R")


class Refusing(World):
    """Answers every call, or those of one method, with one error."""

    def __init__(self, world: World, error: Exception, method: str = "") -> None:
        super().__init__(world.name)
        self.users, self._error, self._method = world.users, error, method

    def call(self, method: str, act: Callable[[], R]) -> R:
        if self._method in ("", method):
            raise self._error
        return super().call(method, act)


class TenantWorld:
    """A tenant that sells two seats itself and a third through a group."""

    patience = 6.0
    names: Sequence[str] = ("E3", "Visio", "Power BI")

    def __init__(self, kind: type[MemoryTenant] = MemoryTenant) -> None:
        self.system, self.kind = World("tenant"), kind
        self.system.licence_groups = {self.names[2]}
        self.system.user("keeper", "keeper@x.example", groups={"all staff", self.names[2]})

    def connect(self, password: str = "good") -> MemoryTenant:
        if password != "good":
            return self.kind(Refusing(self.system, BadCredential("wrong password")))
        return self.kind(self.system)

    def refused(self) -> MemoryTenant:
        return self.kind(Refusing(self.system, Forbidden("licences may not be read"), "licences"))

    def person(self) -> AccountId:
        number = len(self.system.users)
        return self.system.user(f"u{number}", f"u{number}@x.example", groups={"all staff"}).id

    def nobody(self) -> AccountId:
        return AccountId("nobody")

    def no_licence(self) -> LicenceId:
        return LicenceId("nothing")

    def give(self, account: AccountId, name: str) -> None:
        if name in self.system.licence_groups:
            self.system.users[account].groups.add(name)
        else:
            self.system.users[account].licences[LicenceId(name)] = name

    def take(self, account: AccountId, name: str) -> None:
        self.system.users[account].groups.discard(name)
        self.system.users[account].licences.pop(LicenceId(name), None)

    def held(self) -> Mapping[AccountId, frozenset[str]]:
        seats = self.system.licence_groups
        users = self.system.users.values()
        return {one.id: frozenset({*one.licences.values(), *(one.groups & seats)}) for one in users}

    def state(self, account: AccountId) -> object:
        return asdict(self.system.users[account])

    def sell_out(self, name: str) -> bool:
        self.system.free_seats[LicenceId(name)] = 0
        return True

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))

    def is_open(self, account: AccountId) -> bool:
        return self.system.users[account].active

    def is_deactivated(self, account: AccountId) -> bool:
        user = self.system.users.get(account)
        return user is not None and user.deactivated

    def truth(self) -> Mapping[AccountId, object]:
        return {one: self.state(one) for one in self.system.users}

    def writes(self) -> int:
        return self.system.writes.total()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.system.down = True
        yield
        self.system.down = False

    def silent(self) -> AbstractContextManager[None]:
        return self.stopped()  # nothing waits in memory
