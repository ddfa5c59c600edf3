"""Fixtures of the SCIM connector's own tests: a fresh server for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.scim.connector import Scim as Connector
from tests.connectors.scim.proxy import Proxy
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Scim

Open = Callable[..., ScimWorld]


@pytest.fixture
def open_world() -> Iterator[Open]:
    """Start servers with the requested features, and with a few people."""
    with ExitStack() as stack:

        def start(kind: type[Connector] = Connector, **features: Any) -> ScimWorld:
            server = stack.enter_context(Scim(**{"people": PEOPLE[:4]} | features))
            proxy = Proxy(server.port)
            stack.callback(proxy.close)
            return ScimWorld(server, proxy, kind)

        yield start


@pytest.fixture
def world(open_world: Open) -> ScimWorld:
    return open_world()
