"""The keys of a `[systems.NAME]` table of kind `ldap`."""

import re
from itertools import accumulate
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from ldap.dn import is_dn
from pydantic import AfterValidator, Field, model_validator

from config.secrets import Secret
from config.text import _
from connectors.settings import ReadableFile, SystemSettings, is_loopback

GLOBAL_CATALOG = (3268, 3269)
ALONE = {"compare_bind_dn": "", "compare_password": None, "accounts_at_least": None}
"""Settings of a connector that is itself compared with nothing."""


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(_("{url!r} is not an address such as ldaps://directory.example.com").format(url=url))
    return url.rstrip("/")


def _dn(name: str) -> str:
    if name and not is_dn(name):
        raise ValueError(_("{name!r} is not a DN such as dc=example,dc=com").format(name=name))
    return name


def _filter(text: str) -> str:
    """Refuse a text that is no filter: libldap reports no more than "bad filter", and only in the lookup."""
    text = text.strip()
    depths = list(accumulate((sign == "(") - (sign == ")") for sign in text))
    if text and (min(depths[:-1], default=0) < 1 or depths[-1] or "=" not in text):
        raise ValueError(_("{text!r} is not one filter in parentheses, such as (objectClass=person)").format(text=text))
    return text


def _attribute(name: str) -> str:
    """Return the name of an attribute without options. A number is refused: servers answer with the name."""
    plain = name.partition(";")[0].strip()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", plain):
        raise ValueError(_("{name!r} is not the name of an attribute, such as sshPublicKey").format(name=name))
    return plain


Attribute = Annotated[str, AfterValidator(_attribute)]


class LdapSettings(SystemSettings):
    """Address of the directory, the bot's account there, and time limits."""

    urls: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1)
    """Tried in order. They must accept writes: a read-only copy cannot lock. A lock counts if all of them show it."""
    start_tls: bool = False
    """Begin TLS on an ldap:// address before logging in."""
    ca_file: ReadableFile | None = None
    """PEM file of the authorities to trust; the system's own if left out."""
    bind_dn: str = Field(min_length=1)
    password: Secret
    base_dn: Annotated[str, AfterValidator(_dn)] = Field(min_length=1)
    """People are looked up below this."""
    group_base_dn: Annotated[str, AfterValidator(_dn)] = ""
    """Groups are looked up below this; empty: below `base_dn`."""
    accounts_at_least: int | None = Field(default=None, ge=1)
    """The number of people's accounts that the directory's administrator counts. Seeing fewer is a fault."""
    compare_bind_dn: str = ""
    """A second account, which may read everything below `base_dn`. What it sees and the bot does not is a fault."""
    compare_password: Secret | None = None
    """The password of `compare_bind_dn`."""
    people_filter: Annotated[str, AfterValidator(_filter)] = ""
    """Filter for people in lists and counts; empty: the dialect's own. Nobody is absent because of it."""
    address_attributes: tuple[Attribute, ...] = ("mailAlternateAddress", "mailLocalAddress", "proxyAddresses")
    """Attributes with further addresses beside `mail`; in proxyAddresses those behind `smtp:` count."""
    dialect: Literal["openldap", "active_directory", "389ds"] = "openldap"
    """Kind of server. Samba's domain controller is an active_directory."""
    lock_by: Literal["ppolicy", "password"] = "ppolicy"
    """OpenLDAP: `ppolicy` needs that overlay; `password`, for a server without it, only replaces the password."""
    licence_groups: tuple[str, ...] = ()
    """Names or ids of groups whose membership is a paid licence. A stage of a case can reclaim those licences."""
    disabled_ou: Annotated[str, AfterValidator(_dn)] = ""
    """Active Directory: folder for locked accounts; empty: they are not moved."""
    lock_administrators: bool = False
    """Active Directory: true to lock accounts with adminCount 1 too."""
    ways_in: tuple[Attribute, ...] = (
        *("sshPublicKey", "nsSshPublicKey", "sambaNTPassword", "krbPrincipalKey", "authPassword"),
    )
    """OpenLDAP, 389: attributes that let somebody in beside the password. While one is there, nobody is locked."""
    certificates_open_accounts: bool = True
    """OpenLDAP: false if no client certificate opens an account. Else nobody is locked if the server asks for one."""
    residual_hours: float = Field(default=10, ge=0, le=720)
    """Hours after a lock for which tickets and open connections may still work; 0: they end with the lock."""
    id_attribute: Literal["", "nsUniqueId", "entryUUID"] = ""
    """389 Directory Server: the attribute that is used as account id; empty: nsUniqueId."""
    connect_seconds: float = Field(default=5, gt=0, le=60)
    request_seconds: float = Field(default=15, gt=0, le=300)
    connections: int = Field(default=8, gt=0, le=64)
    """Largest number of open connections."""

    def compared(self) -> Self | None:
        """Return the same settings for the second account, if there is one."""
        if self.compare_password is None:
            return None
        changes = {"bind_dn": self.compare_bind_dn, "password": self.compare_password, **ALONE}
        return self.model_copy(update=changes)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        plain = [url for url in self.urls if url.startswith("ldap:") and not self.start_tls]
        open_to_all = next((url for url in plain if not is_loopback(url)), "")
        windows = self.dialect == "active_directory"
        faults = {
            _("password: is empty; a directory takes that as nobody's log-in and answers all the same"): (
                not self.password.get_secret_value()
            ),
            _("urls: {plain} would send the password unprotected; use ldaps:// or start_tls = true").format(
                plain=open_to_all
            ): open_to_all,
            _("start_tls: is for ldap:// addresses; ldaps:// has TLS already"): (
                self.start_tls and any(url.startswith("ldaps:") for url in self.urls)
            ),
            _("urls: Active Directory takes passwords only over TLS; use ldaps:// or start_tls = true"): (
                windows and plain
            ),
            _("urls: ports 3268 and 3269 are the global catalog, which takes no writes; use 636"): (
                windows and any(urlsplit(url).port in GLOBAL_CATALOG for url in self.urls)
            ),
            _('disabled_ou, lock_administrators: are for dialect = "active_directory"'): (
                not windows and (self.disabled_ou or self.lock_administrators)
            ),
            _("bind_dn: is not a DN such as uid=svc-handover,ou=services,dc=example,dc=com"): (
                not windows and not is_dn(self.bind_dn)
            ),
            _("compare_bind_dn, compare_password: each needs the other"): (
                bool(self.compare_bind_dn) is (self.compare_password is None)
            ),
            _("compare_bind_dn: must be another account than bind_dn"): (
                self.compare_bind_dn.casefold() == self.bind_dn.casefold()
            ),
            _('lock_by: is for dialect = "openldap"'): self.lock_by != "ppolicy" and self.dialect != "openldap",
            _('id_attribute: is for dialect = "389ds"'): self.id_attribute and self.dialect != "389ds",
        }
        if found := [words for words, wrong in faults.items() if wrong]:
            raise ValueError(found[0])
        return self
