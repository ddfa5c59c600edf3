"""Addresses of host names, within a time.

`getaddrinfo` has no time limit. With a name server that does not answer, it waits for half a minute and longer
(resolv.conf(5): 5 seconds, twice, for each of three servers).
"""

import ipaddress
import socket
import threading
from concurrent.futures import Future

from config.text import _


class NoNameServer(TimeoutError):
    """The name server does not answer in time. Nothing was sent."""


class Names:
    """Look-ups of names, each in a thread of its own, and one at a time for each name."""

    def __init__(self) -> None:
        self._under_way: dict[str, Future[list[str]]] = {}
        self._lock = threading.Lock()

    def addresses(self, host: str, seconds: float) -> list[str]:
        """Return the addresses of a host, in the system's order. Raises `NoNameServer`, `OSError`.

        A look-up that takes too long is left behind. Whoever asks for the same name meanwhile waits for that one.
        """
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        with self._lock:
            found = self._under_way.get(host)
            if found is None:
                found = self._under_way[host] = Future()
                threading.Thread(target=self._look_up, args=(host, found), name="names", daemon=True).start()
        try:
            return found.result(seconds)
        except TimeoutError as error:
            if found.done():  # the look-up's own
                raise
            raise NoNameServer(_("no name server answers about {host}").format(host=host)) from error

    def _look_up(self, host: str, found: "Future[list[str]]") -> None:
        try:
            every = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            result, error = list(dict.fromkeys(str(one[4][0]) for one in every)), None
        except Exception as failed:  # noqa: BLE001 - raised again where it is waited for
            result, error = [], failed
        with self._lock:
            del self._under_way[host]
        if error:
            found.set_exception(error)
        else:
            found.set_result(result)
