"""The shared rate limiter, asked before each HTTP request, including log-ins."""

from datetime import timedelta

import pytest
from pydantic import BaseModel, SecretStr

from connectors import registry
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.contract import RateLimiter
from connectors.errors import Unavailable
from connectors.scim.settings import ScimSettings
from connectors.tryton.settings import TrytonSettings

NOWHERE = "http://127.0.0.1:9"
SETTINGS: dict[str, BaseModel] = {
    "tryton": TrytonSettings(url=NOWHERE, database="crm", login="handover", password=SecretStr("x")),
    "bottlecrm": BottleCrmSettings(url=NOWHERE, login="svc@x.example", token=SecretStr("x")),
    "scim": ScimSettings(url=NOWHERE, token=SecretStr("x"), inactive_means="suspended", requests_per_second=1000),
}


class Closed(RateLimiter):
    """A limit that is used up for a long time."""

    def take(self) -> float:
        raise Unavailable("the limit is used up", timedelta(hours=1))

    def hold(self, wait: timedelta | None) -> None:
        raise AssertionError("nothing was sent")


@pytest.mark.parametrize("kind", SETTINGS)
def test_nothing_is_sent_without_leave(kind: str) -> None:
    connector = registry.build(kind, SETTINGS[kind])
    try:
        connector.use_rate_limiter(Closed())
        with pytest.raises(Unavailable, match="the limit is used up"):
            connector.check()
    finally:
        connector.close()
