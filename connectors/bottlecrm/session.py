"""A signed-in session of the service user, for acts that no token may do: listing and revoking tokens.

A refresh token lives for 14 days and works once: its answer brings the next one (`auth_views.py`
OrgAwareTokenRefreshView). The file holds the valid one. Several threads and programs may share the file: it is locked
during a renewal.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from config.text import N_, _
from connectors.bottlecrm import wire
from connectors.bottlecrm.rest import Rest, body
from connectors.errors import BadCredential, Forbidden, OutcomeUnknown

PATH = "/api/auth/refresh-token/"
WHAT_TO_DO = N_("sign in again as that user and put the new refresh token into it")


class Session:
    """Access tokens, which live for an hour, from a file with a refresh token."""

    def __init__(self, rest: Rest, file: Path | None) -> None:
        self._rest, self._file = rest, file
        self._lock = Lock()
        self._access = ""

    def proof(self, refused: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Return the header of a session. Renew the session if there is none, or if `refused` is the present one."""
        with self._lock:
            if not self._access or refused == self._header():
                self._access = ""
                self._access = self._renew()
            return self._header()

    def _header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._access}"}

    def _renew(self) -> str:
        if self._file is None:
            raise Forbidden(_("BottleCRM lets no personal token see or revoke tokens: set session_file"))
        try:
            with _alone(self._file):
                return self._exchange(self._file)
        except OSError as error:
            raise Forbidden(_("session_file {file}: {why}").format(file=self._file, why=error.strerror)) from error

    def _exchange(self, file: Path) -> str:
        held = file.read_text(encoding="utf-8").strip()
        try:
            answer = body(self._rest.post_bare(PATH, {"refresh": held}))
        except (BadCredential, Forbidden) as error:
            raise BadCredential(
                _("BottleCRM refuses the session in {file} (used or expired): {what_to_do}").format(
                    file=file, what_to_do=_(WHAT_TO_DO)
                )
            ) from error
        except OutcomeUnknown as error:
            raise OutcomeUnknown(
                _("{error}; if the session in {file} is refused now, {what_to_do}").format(
                    error=error, file=file, what_to_do=_(WHAT_TO_DO)
                )
            ) from error
        _replace(file, wire.at(answer, ("refresh",)))
        return str(wire.at(answer, ("access",)))


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(file: Path, text: str) -> None:
    """Replace the file atomically, readable only by its owner."""
    fresh = file.with_name(f"{file.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
