"""A server that answers every log-in with one result code, and nothing else that it is asked."""

import contextlib
import socket
import threading
from collections.abc import Iterator

BIND = 0x60
"""The tag of a BindRequest (RFC 4511, 4.2), right behind the message id, which is below 128 here."""


def _serve(client: socket.socket, code: int) -> None:
    with client, contextlib.suppress(OSError):
        while data := client.recv(65536):
            if data[5] == BIND:
                result = bytes([0x61, 7, 0x0A, 1, code, 4, 0, 4, 0])
                client.sendall(bytes([0x30, 3 + len(result), 2, 1, data[4]]) + result)


def _accept(listener: socket.socket, code: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, code), daemon=True).start()


@contextlib.contextmanager
def reticent(code: int) -> Iterator[str]:
    """Give the address of such a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, code), daemon=True)
        thread.start()
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(2)
