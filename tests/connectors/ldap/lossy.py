"""A proxy that loses the answer to a change: the directory carries it out, and the bot gets no answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator

MODIFY = 0x66
"""The tag of a ModifyRequest (RFC 4511, 4.6), right behind the message id."""


def _is_modify(data: bytes) -> bool:
    long = data[1] - 0x80 if len(data) > 1 and data[1] > 0x80 else 0
    start = 2 + long  # SEQUENCE and its length
    return len(data) > start + 2 and data[start + 2 + data[start + 1]] == MODIFY


def _serve(client: socket.socket, port: int) -> None:
    lost = threading.Event()
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=_answer, args=(server, client, lost), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if _is_modify(data):
                    lost.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)
        back.join(2)


def _answer(server: socket.socket, client: socket.socket, lost: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while (data := server.recv(65536)) and not lost.is_set():
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, port), daemon=True).start()


@contextlib.contextmanager
def lossy_wire(port: int) -> Iterator[str]:
    """Return the address of a proxy to the directory at `port`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, port), daemon=True)
        thread.start()
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(2)
