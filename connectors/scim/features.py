"""Features that a server announces (RFC 7643, section 5; paging by cursor: RFC 9865). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.text import _
from connectors.scim.wire import truth


@dataclass(frozen=True, slots=True)
class Features:
    """Announced features. Without an announcement the standard's features are assumed; refusals show the rest."""

    patch: bool = True
    filter: bool = True
    etag: bool = True
    cursor: bool = False

    def __str__(self) -> str:
        offered = {"PATCH": self.patch, "filters": self.filter, "ETags": self.etag, "cursors": self.cursor}
        return ", ".join(name if there else _("no {name}").format(name=name) for name, there in offered.items())


def read_features(answer: object) -> Features:
    """Read a `ServiceProviderConfig`, even a malformed one."""
    config = answer if isinstance(answer, Mapping) else {}
    return Features(
        patch=_says(config, "patch", "supported", default=True),
        filter=_says(config, "filter", "supported", default=True),
        etag=_says(config, "etag", "supported", default=True),
        cursor=_says(config, "pagination", "cursor", default=False),
    )


def _says(config: Mapping[str, object], section: str, key: str, *, default: bool) -> bool:
    found = config.get(section)
    value = truth(found.get(key)) if isinstance(found, Mapping) else None
    return default if value is None else value
