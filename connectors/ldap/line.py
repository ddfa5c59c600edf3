"""Bytes that a connection has received, as the kernel counts them.

libldap reads one message whole, and offers no limit to python-ldap (liblber's LBER_SB_OPT_SET_MAX_INCOMING needs the
connection's C structure). A 200 MB entry took 600 MB of memory.
"""

import socket
import struct
from typing import Any

BYTES_RECEIVED = struct.Struct("128xQ")
"""Place of `tcpi_bytes_received` in the kernel's `tcp_info` (linux/tcp.h, since Linux 4.1)."""


def received(raw: Any) -> int:
    """Return the bytes that a connection of python-ldap has received; 0 where none are counted: at a Unix socket."""
    try:
        line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=raw.fileno())
    except (OSError, ValueError):
        return 0
    try:
        info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED.size)
        return int(BYTES_RECEIVED.unpack(info)[0])
    except (OSError, struct.error):
        return 0
    finally:
        line.detach()  # it stays libldap's
