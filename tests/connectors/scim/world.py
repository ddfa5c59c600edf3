"""The practice application as the conformance suites see it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer
from connectors.contract import AccountId, GroupId
from connectors.scim.connector import Scim as Connector
from connectors.scim.settings import ScimSettings
from tests.connectors.scim.proxy import Act, Fault, Proxy
from tests.sandbox.company.scim import Scim


class ScimWorld:
    """Reads and changes the server's storage; connects as the bot, through the wire."""

    patience = 6.0

    def __init__(self, server: Scim, proxy: Proxy, kind: type[Connector] = Connector) -> None:
        self.server, self.proxy, self.kind = server, proxy, kind
        self._passwords: dict[str, str] = {}
        self._connectors: list[Connector] = []
        proxy.hurried = self._hurried

    def settings(self, **changes: Any) -> ScimSettings:
        values = {
            "url": f"http://127.0.0.1:{self.proxy.port}/v2",
            "token": SecretStr(self.server.token),
            "inactive_means": "suspended",
            "connect_seconds": 20,
            "request_seconds": 20,
        }
        return ScimSettings.model_validate(values | changes)

    def connect(self, password: str = "good", **changes: Any) -> Connector:
        token = {} if password == "good" else {"token": SecretStr(password)}
        self._connectors.append(self.kind(self.settings(**token, **changes)))
        return self._connectors[-1]

    @contextmanager
    def _hurried(self) -> Iterator[None]:
        """Shorten our time limits only while no answer will come: a busy machine is not a silent server."""
        clients = [connector._api for connector in self._connectors]
        usual = [client.timeout for client in clients]
        for client in clients:
            client.timeout = httpx.Timeout(0.5)
        try:
            yield
        finally:
            for client, timeout in zip(clients, usual, strict=True):
                client.timeout = timeout

    def add(self, who: Newcomer) -> AccountId:
        self._passwords[who.login] = who.password
        return AccountId(
            self.server.add_user(who.login, displayName=who.name, emails=[{"value": who.email, "primary": True}])
        )

    def nobody(self) -> AccountId:
        return AccountId(uuid4().hex)

    def truth(self) -> Mapping[AccountId, object]:
        return {AccountId(key): user for key, user in self.server.users().items()}

    def writes(self) -> int:
        return self.server.writes()

    def can_log_in(self, login: str, password: str) -> bool:
        """Return the application's rule: the right password of an active user."""
        user = next((u for u in self.server.users().values() if u["userName"] == login), None)
        return user is not None and user["active"] is True and self._passwords.get(login) == password

    def reopen(self, account: AccountId) -> None:
        self.server.change(account, active=True)

    def stopped(self) -> AbstractContextManager[None]:
        return self.proxy.stopped()

    def silent(self) -> AbstractContextManager[None]:
        return self.proxy.fault(Fault(Act.HANG))

    def secrets(self) -> Sequence[str]:
        return [self.server.token]

    # -- groups

    def add_group(self, name: str, members: Sequence[AccountId]) -> GroupId:
        return GroupId(self.server.add_group(name, members))

    def no_group(self) -> GroupId:
        return GroupId(uuid4().hex)

    def members(self, group: GroupId) -> frozenset[AccountId]:
        return frozenset(AccountId(member) for member in self.server.members(group))

    def memberships(self) -> Mapping[GroupId, object]:
        return {GroupId(key): group for key, group in self.server.groups().items()}
