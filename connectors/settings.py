"""Parts that the settings of several kinds of systems share."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from config.text import _


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(_("there is no file {path}").format(path=path))
    return path


ReadableFile = Annotated[Path, AfterValidator(_readable)]
"""A file that exists when the settings are read."""


COMMON_KEYS = frozenset(
    {
        "kind",
        "expects_account",
        "administrators",
        "restrict_before",
        "restrict_groups",
        "request_limit",
        "records_at_once",
    }
)
"""Keys that a `[systems.NAME]` table of any kind may have. No kind has a key of its own with such a name."""


class SystemSettings(BaseModel):
    """A table `[systems.NAME]`: it takes no unknown key, never changes, and shows no value in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own, where nothing needs TLS."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
