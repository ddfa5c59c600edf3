"""A clock that can be set ahead from another process, so that a practice day or quarter passes in a second."""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class JumpClock:
    """The machine's clock plus the seconds in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Return the present practice moment."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    @property
    def ahead(self) -> float:
        """Return the seconds by which this clock is ahead of the machine's."""
        return float(self._file.read_text(encoding="ascii") or 0) if self._file.exists() else 0.0

    def jump(self, seconds: float) -> None:
        """Set the clock ahead. Every process that reads the file uses the new time at its next read."""
        temporary = self._file.with_suffix(".new")
        temporary.write_text(str(self.ahead + seconds), encoding="ascii")
        temporary.replace(self._file)
