"""The keys of a `[systems.NAME]` table of kind `ldap`."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from config.secrets import Secret


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"{url!r} is not an address such as ldaps://directory.example.com")
    return url.rstrip("/")


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class LdapSettings(BaseModel):
    """Where the directory is, who the bot is there, and how long it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    urls: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1)
    """Tried in order. They must accept writes: a read-only copy cannot lock anybody."""
    start_tls: bool = False
    """Begin TLS on an ldap:// address before logging in."""
    ca_file: Annotated[Path, AfterValidator(_readable)] | None = None
    """PEM file of the authorities to trust; the system's own when left out."""
    bind_dn: str = Field(min_length=1)
    password: Secret
    base_dn: str = Field(min_length=1)
    """People are looked up below this."""
    group_base_dn: str = ""
    """Groups are looked up below this; empty: below `base_dn`."""
    people_filter: str = "(objectClass=person)"
    """What counts as a person's account."""
    dialect: Literal["openldap"] = "openldap"
    connect_seconds: float = Field(default=5, gt=0, le=60)
    request_seconds: float = Field(default=15, gt=0, le=300)
    connections: int = Field(default=8, gt=0, le=64)
    """How many connections are open at most."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not self.password.get_secret_value():
            raise ValueError("password: is empty; a directory takes that as nobody's log-in and answers all the same")
        plain = [url for url in self.urls if url.startswith("ldap:") and not _is_loopback(url)]
        if plain and not self.start_tls:
            raise ValueError(f"urls: {plain[0]} would send the password unprotected; use ldaps:// or start_tls = true")
        if self.start_tls and any(url.startswith("ldaps:") for url in self.urls):
            raise ValueError("start_tls: is for ldap:// addresses; ldaps:// has TLS already")
        return self
