"""Ports for servers that are told where to listen, or that go away and come back to the same place.

A port that the kernel gives (`bind` to 0, then close) can be anybody's a moment later: of the other test run, or of an
outgoing connection, which takes its port from the same range. So these lie below that range, and each is kept for this
process by a socket in the kernel's abstract namespace, which goes with the process and leaves no file behind.
"""

import itertools
import os
import socket
from pathlib import Path

LOWEST = 10_000
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_tries = itertools.count(os.getpid() * 97)  # two runs begin far apart; who meets another's port just goes on


class NoPort(RuntimeError):
    """Every port below the kernel's own range is taken."""


def free_port() -> int:
    """Return a TCP port on loopback that nobody has and nobody gets, for as long as this process lives."""
    highest = _highest()
    for turn in itertools.islice(_tries, highest - LOWEST):
        port = LOWEST + turn % (highest - LOWEST)
        if _keep(port):
            return port
    raise NoPort(f"no port between {LOWEST} and {highest} is free")


def _highest() -> int:
    try:
        lowest_of_the_kernel = int(RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        lowest_of_the_kernel = 32_768
    return lowest_of_the_kernel if lowest_of_the_kernel > LOWEST + 1000 else 65_536


def _keep(port: int) -> bool:
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0handover-port-{port}")
        with socket.create_server(("127.0.0.1", port)):
            mark.detach()  # open until the process ends
            return True
    except OSError:
        mark.close()
        return False
