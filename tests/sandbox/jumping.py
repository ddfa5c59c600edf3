"""A clock that can be set ahead from another process, so that a practice day or quarter passes in a second."""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class JumpClock:
    """The machine's clock plus what stands in a file, in seconds."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Return the present practice moment."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    @property
    def ahead(self) -> float:
        """How far ahead of the machine's clock this one is, in seconds."""
        return float(self._file.read_text(encoding="ascii") or 0) if self._file.exists() else 0.0

    def jump(self, seconds: float) -> None:
        """Set the clock ahead; every process that reads the file sees it at its next look."""
        temporary = self._file.with_suffix(".new")
        temporary.write_text(str(self.ahead + seconds), encoding="ascii")
        temporary.replace(self._file)
