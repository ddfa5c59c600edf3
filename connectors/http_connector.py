"""The part that the connectors over HTTP share."""

import httpx

from connectors.connections import ConnectionPool
from connectors.contract import Connector, RateLimiter
from connectors.http import Api


class HttpConnector(Connector):
    """A connector whose every call goes through one client."""

    _api: Api

    def connections(self) -> ConnectionPool[httpx.Client]:
        """Return the pool that every call takes its connection from."""
        return self._api.pool

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request, including log-ins, in place of any limit in the settings."""
        self._api.use_rate_limiter(pace)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
