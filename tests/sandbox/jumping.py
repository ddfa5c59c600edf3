"""A clock that can be set ahead from another process, so that a practice day or quarter passes in a second."""

from datetime import datetime, timedelta
from pathlib import Path

from workflows.ports import Clock, SystemClock


class JumpClock:
    """Another clock plus the seconds in a file."""

    def __init__(self, file: Path, ruling: Clock | None = None) -> None:
        """Take the clock that rules: the machine's, or a database's."""
        self._file, self._ruling = file, ruling or SystemClock()

    def over(self, ruling: Clock) -> "JumpClock":
        """Return the same offset over another clock."""
        return JumpClock(self._file, ruling)

    def now(self) -> datetime:
        """Return the present practice moment."""
        return self._ruling.now() + timedelta(seconds=self.ahead)

    @property
    def ahead(self) -> float:
        """Return the seconds by which this clock is ahead of the one below."""
        return float(self._file.read_text(encoding="ascii") or 0) if self._file.exists() else 0.0

    def jump(self, seconds: float) -> None:
        """Set the clock ahead. Every process that reads the file uses the new time at its next read."""
        temporary = self._file.with_suffix(".new")
        temporary.write_text(str(self.ahead + seconds), encoding="ascii")
        temporary.replace(self._file)
