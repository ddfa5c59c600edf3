"""Ports for servers with a given address, or that stop and start again at the same one.

A port from the kernel (`bind` to 0, then close) may be taken a moment later: by another test run, or by an
outgoing connection, whose port comes from the same range. So these ports are below it. Each is reserved for this
process by a socket in the kernel's abstract namespace. The socket ends with the process and leaves no file.
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
    """Return a TCP port on loopback that no other process gets while this one runs."""
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
