"""Words about a row that may name people (a vendor's error, how someone was looked up): sealed under the case's key."""

from dataclasses import asdict, dataclass

from workflows.vault import Vault


@dataclass(frozen=True, slots=True)
class Note:
    """Why something is so, and how that is known."""

    reason: str = ""
    how: str = ""
    choose: bool = False
    """Whether it is so until a person links an account."""


def seal(vault: Vault, key: bytes, row: str, note: Note) -> bytes:
    """Encrypt a note for its row; `row` is `table:id`."""
    return vault.seal(key, asdict(note), f"note:{row}")


def unseal(vault: Vault, key: bytes, row: str, sealed: bytes) -> Note:
    """Decrypt a row's note; a row that has none yet gives an empty one."""
    return Note(**vault.open(key, sealed, f"note:{row}")) if sealed else Note()
