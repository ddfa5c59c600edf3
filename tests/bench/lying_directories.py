"""The worlds of `truth` for three real directories behind a proxy: OpenLDAP, 389 Directory Server, and a Samba AD.

The directory is the only system here. What is true of it is found by a log-in with the person's own password.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import ldap
from pydantic import SecretStr

from connectors.contract import AccountId
from connectors.ldap import MANIFEST
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.bench.lying_ldap import DONE, ENTRY, Found, Lies, LyingDirectory, Message, Search
from tests.bench.lying_worlds import (
    COLLEAGUES,
    DIRECTORY,
    OTHER,
    PASSWORD,
    Reality,
    Scene,
    World,
    _typed,
    nothing,
    remade_in_the_directory,
)
from tests.sandbox.company import ldif, ns389, samba_conf, samba_seed
from tests.sandbox.company.ns389 import Ns389
from tests.sandbox.company.samba import Samba
from tests.sandbox.company.slapd import Slapd
from workflows.systems.registry import System, Systems

Server = Slapd | Ns389 | Samba
VOLATILE = {"pwdFailureTime", "badPwdCount", "badPasswordTime", "lastLogon", "lastLogonTimestamp", "logonCount"}
VOLATILE |= {"uSNChanged", "whenChanged", "passwordRetryCount", "retryCountResetTime", "accountUnlockTime"}


@dataclass(frozen=True, slots=True)
class Kind:
    """Differences between the servers."""

    dialect: str
    base: str
    identifier: str
    lock: str
    unlocked: tuple[bytes, ...] | None
    """Values of `lock` of an account that is open; None for none."""


OPENLDAP = Kind("openldap", ldif.PEOPLE_DN, "entryUUID", "pwdAccountLockedTime", None)
DS389 = Kind("389ds", ns389.PEOPLE, "nsUniqueId", "nsAccountLock", None)
SAMBA = Kind("active_directory", samba_conf.PEOPLE_OU, "objectGUID", "userAccountControl", (b"512",))


@dataclass
class Entries:
    """People of a directory. An account works if its password does."""

    server: Server
    kind: Kind
    own: list[AccountId] = field(default_factory=list)

    def add(self, login: str, *emails: str) -> AccountId:
        """Add an entry with the leaver's password."""
        self.own.append(self.made(login, *emails))
        return self.own[-1]

    def made(self, login: str, *emails: str) -> AccountId:
        """Add an entry of anybody; return its id."""
        if self.kind is SAMBA:
            values = {"sAMAccountName": [login], "userPrincipalName": [f"{login}@northwind.example"]}
            rest = {key: [one.encode() for one in more] for key, more in {**values, "mail": list(emails[:1])}.items()}
            row: list[tuple[str, Sequence[bytes]]] = samba_seed.user(
                PASSWORD, {key: value for key, value in rest.items() if value}
            )
        else:
            text = {"objectClass": ["inetOrgPerson"], "uid": [login], "cn": [login], "sn": [login]}
            text |= {"mail": list(emails), "userPassword": [ldif.hash_password(PASSWORD)]}
            row = [(key, [one.encode() for one in values]) for key, values in text.items() if values]
        with self.server.bound() as root:
            root.add_s(self.dn(login), row)
        return next(one for one, dn in self.everybody().items() if dn.lower() == self.dn(login).lower())

    def dn(self, login: str) -> str:
        """Return the DN of a log-in at its beginning."""
        return f"{'CN' if self.kind is SAMBA else 'uid'}={login},{self.kind.base}"

    def everybody(self) -> dict[AccountId, str]:
        """Return the DN of every person, by id."""
        return {self._id(entry): dn for dn, entry in self._entries([self.kind.identifier]).items()}

    def _entries(self, attributes: Sequence[str]) -> dict[str, dict[str, list[bytes]]]:
        query = "(sAMAccountName=*)" if self.kind is SAMBA else "(uid=*)"
        with self.server.bound() as root:
            rows = root.search_s(self.kind.base, ldap.SCOPE_SUBTREE, query, list(attributes))
        return {dn: entry for dn, entry in rows if dn}

    def _id(self, entry: Mapping[str, Sequence[bytes]]) -> AccountId:
        value = next(values[0] for name, values in entry.items() if name.lower() == self.kind.identifier.lower())
        return AccountId(str(UUID(bytes_le=value)) if self.kind is SAMBA else value.decode().lower())

    def raw(self) -> list[bytes]:
        """Return the leaver's ids as a filter has them, in lower case."""
        return [UUID(one).bytes_le.lower() if self.kind is SAMBA else one.encode().lower() for one in self.own]

    def dns(self) -> set[bytes]:
        """Return the DNs of the leaver's entries, in lower case."""
        everybody = self.everybody()
        return {everybody[one].lower().encode() for one in self.own if one in everybody}

    def change(self, **values: list[str]) -> None:
        """Replace attributes of the newest entry."""
        new = [(ldap.MOD_REPLACE, key, [one.encode() for one in value]) for key, value in values.items()]
        with self.server.bound() as root:
            root.modify_s(self.everybody()[self.own[-1]], new)

    def rename(self, login: str, email: str) -> None:
        """Give the entry another RDN and address, as a marriage does."""
        with self.server.bound() as root:
            root.rename_s(self.everybody()[self.own[-1]], self.dn(login).partition(",")[0], delold=1)
        ad = {"sAMAccountName": [login], "userPrincipalName": [f"{login}@northwind.example"]}
        self.change(mail=[email], **(ad if self.kind is SAMBA else {}))

    def remove(self) -> None:
        """Delete the newest entry."""
        with self.server.bound() as root:
            root.delete_s(self.everybody()[self.own[-1]])

    def reopen(self) -> None:
        """Take the lock off, and give the old password back."""
        unlocked = [(ldap.MOD_REPLACE, self.kind.lock, self.kind.unlocked and [*self.kind.unlocked])]
        if self.kind is SAMBA:
            unlocked.append((ldap.MOD_REPLACE, "unicodePwd", [samba_seed.encoded(PASSWORD)]))
        elif self.kind is DS389:
            unlocked.append((ldap.MOD_REPLACE, "userPassword", [ldif.hash_password(PASSWORD).encode()]))
        with self.server.bound() as root:
            root.modify_s(self.everybody()[self.own[-1]], unlocked)
        if self.kind is OPENLDAP:
            self.change(userPassword=[ldif.hash_password(PASSWORD)])

    def forget(self) -> None:
        """Do nothing: nobody stays signed in."""

    def ways_in(self) -> list[str]:
        """Return the DNs with which a log-in succeeds."""
        everybody = self.everybody()
        return [everybody[one] for one in self.own if one in everybody and self._can_bind(everybody[one])]

    def _can_bind(self, dn: str) -> bool:
        try:
            with self.server.bound(dn, PASSWORD):
                return True
        except (ldap.INVALID_CREDENTIALS, ldap.UNWILLING_TO_PERFORM):
            return False

    def others(self) -> Mapping[str, object]:
        """Return every other entry, as stored."""
        return {
            dn: {key: sorted(value) for key, value in entry.items() if key not in VOLATILE}
            for dn, entry in self._entries(["*", self.kind.identifier, self.kind.lock]).items()
            if self._id(entry) not in self.own
        }


class DirectoryStage:
    """One directory behind a proxy."""

    honest = "directory locked"

    def __init__(self, server: Server, kind: Kind, proxy: LyingDirectory) -> None:
        self._server, self._kind, self._proxy = server, kind, proxy
        for name in COLLEAGUES:
            entries = Entries(server, kind)
            if entries.dn(name).lower() not in {dn.lower() for dn in entries.everybody().values()}:
                entries.made(name, f"{name}@x.example")

    def realities(self) -> Mapping[str, Reality]:
        """Return the directory for another leaver."""
        return {DIRECTORY: Entries(self._server, self._kind)}

    def lie(self, scene: Scene, world: World) -> None:
        """Let the directory lie from now on."""
        self._proxy.lies = world.lie(scene) if world.lie else Lies()

    def quiet(self) -> None:
        """Let the directory tell the truth."""
        self._proxy.lies = Lies()

    def systems(self) -> Systems:
        """Return the directory with the bot's own connector."""
        settings = LdapSettings.model_validate(
            {
                "urls": (self._proxy.url,),
                "ca_file": None if isinstance(self._server, Ns389) else self._server.ca_file,
                "bind_dn": self._server.bind_dn,
                "password": SecretStr(self._server.bind_password),
                "base_dn": self._server.base_dn,
                "dialect": self._kind.dialect,
                "connect_seconds": 20,
                "request_seconds": 20,
            }
        )
        return Systems([System(DIRECTORY, MANIFEST, Ldap(settings))], DIRECTORY)


@contextmanager
def _behind_proxy(
    server: AbstractContextManager[Server], kind: Kind, port: Callable[[Any], int], tls: Path | None = None
) -> Iterator[DirectoryStage]:
    with ExitStack() as stack:
        started = stack.enter_context(server)
        proxy = stack.enter_context(LyingDirectory(port(started), tls).serving())
        yield DirectoryStage(started, kind, proxy)


def openldap_stage(folder: Path) -> AbstractContextManager[DirectoryStage]:
    """Start an OpenLDAP, with colleagues."""
    server = Slapd(folder / "slapd", ())
    return _behind_proxy(server, OPENLDAP, lambda one: urlsplit(one.tls_url).port or 636, folder / "slapd" / "tls")


def ns389_stage(folder: Path) -> AbstractContextManager[DirectoryStage]:
    """Start a 389 Directory Server, with colleagues."""
    return _behind_proxy(Ns389(folder / "ns389"), DS389, lambda one: int(one.port))


def samba_stage(folder: Path) -> AbstractContextManager[DirectoryStage]:
    """Start a Samba, with colleagues."""
    return _behind_proxy(Samba(folder / "samba"), SAMBA, lambda _one: 636, folder / "samba" / "tls")


# -- lies

When = Callable[[Scene, Search], bool]
Change = Callable[[Scene, list[Message]], list[Message] | None]


def _entries(scene: Scene) -> Entries:
    return cast("Entries", scene.directory)


def always(_scene: Scene, _search: Search) -> bool:
    """Return true."""
    return True


def by_id(scene: Scene, search: Search) -> bool:
    """Return whether a search names an id of the leaver."""
    return any(one in search.asked for one in _entries(scene).raw())


def by_name(scene: Scene, search: Search) -> bool:
    """Return whether a search names an address or a log-in of the leaver."""
    return not by_id(scene, search) and scene.tag.encode() in search.asked


def in_lists(scene: Scene, search: Search) -> bool:
    """Return whether a search names nobody."""
    return not (by_id(scene, search) or by_name(scene, search)) and search.scope != ldap.SCOPE_BASE


def _lie(when: When, change: Change) -> Callable[[Scene], Lies]:
    def lies(scene: Scene) -> Lies:
        return Lies(lambda search, answers: change(scene, answers) if when(scene, search) else answers)

    return lies


def _each(change: Callable[[Scene, Found], Found | None], *, everybody: bool = False) -> Change:
    """Change the leaver's entries in an answer, or those of everybody."""

    def changed(scene: Scene, answers: list[Message]) -> list[Message]:
        dns, found = _entries(scene).dns(), list[Message]()
        for one in answers:
            if one.tag == ENTRY and (everybody or Found.read(one.content).dn.lower() in dns):
                entry = change(scene, Found.read(one.content))
                found += [Message(one.number, one.tag, entry.dump(), one.controls)] if entry else []
            else:
                found.append(one)
        return found

    return changed


def _gone(_scene: Scene, _entry: Found) -> None:
    return None


def _without(*names: str) -> Callable[[Scene, Found], Found]:
    lower = {name.lower().encode() for name in names}
    return lambda _scene, entry: Found(
        entry.dn, {name: values for name, values in entry.values.items() if name.lower() not in lower}
    )


def _without_lock(scene: Scene, entry: Found) -> Found:
    return _without(_entries(scene).kind.lock)(scene, entry)


def _without_id(scene: Scene, entry: Found) -> Found:
    return _without(_entries(scene).kind.identifier)(scene, entry)


def _shown_locked(scene: Scene, entry: Found) -> Found:
    values = {OPENLDAP: b"000001010000Z", DS389: b"true", SAMBA: b"514"}
    kind = _entries(scene).kind
    return Found(entry.dn, {**_without_lock(scene, entry).values, kind.lock.encode(): [values[kind]]})


def _somebody_else(scene: Scene, entry: Found) -> Found:
    """Return the leaver's entry with the name, id and addresses of another."""
    entries = _entries(scene)
    other = next(one for one, dn in entries.everybody().items() if dn.lower() == entries.dn("max").lower())
    raw = UUID(other).bytes_le if entries.kind is SAMBA else other.encode()
    named = {b"mail": [b"max@x.example"], b"uid": [b"max"], entries.kind.identifier.encode(): [raw]}
    named |= {b"sAMAccountName": [b"max"], b"userPrincipalName": [b"max@northwind.example"]}
    lower = {key.lower(): value for key, value in named.items()}
    return Found(
        entries.dn("max").encode(), {key: lower.get(key.lower(), value) for key, value in entry.values.items()}
    )


def _code(code: int, keep: int = 0) -> Change:
    """Answer a search with a result code, after the first entries."""

    def changed(_scene: Scene, answers: list[Message]) -> list[Message]:
        entries = [one for one in answers if one.tag == ENTRY][:keep]
        return [*entries, Message(answers[-1].number, DONE, answers[0].answer(DONE, code).content)]

    return changed


def _cut(_scene: Scene, _answers: list[Message]) -> None:
    return None


def _modified(code: int) -> Callable[[Scene], Lies]:
    return lambda _scene: Lies(modify=code)


def married(scene: Scene) -> None:
    """Change log-in and address."""
    scene.directory.rename(f"new.{scene.tag}", f"new.{scene.tag}@x.example")


def one_account(scene: Scene) -> None:
    """Give the leaver one account."""
    scene.directory.add(scene.login, scene.email)


def other_address(scene: Scene) -> None:
    """Give the leaver an account with another address, which Slack does not know."""
    scene.directory.add(scene.login, OTHER.format(tag=scene.tag))


def two_accounts(scene: Scene) -> None:
    """Give the leaver an administrator's account with the same address."""
    one_account(scene)
    scene.directory.add(f"admin-{scene.tag}", scene.email)


def second_account(scene: Scene) -> None:
    """Give the leaver another account with the same address."""
    scene.directory.add(f"second.{scene.tag}", scene.email)


def new_hire(scene: Scene) -> None:
    """Rename the leaver, and give the old names to somebody new."""
    married(scene)
    scene.directory.add(scene.login, scene.email)
    scene.directory.own.pop()


def reopened(scene: Scene) -> None:
    """Open the account again."""
    scene.directory.reopen()


def reopened_and_renamed(scene: Scene) -> None:
    """Open the account again under other names."""
    scene.directory.reopen()
    married(scene)


def _world(name: str, **more: Any) -> World:
    return World(name, **{"prepare": one_account, **more})


def _after(name: str, lie: Callable[[Scene], Lies]) -> World:
    return _world(f"reopened, then {name}", lie=lie, lies_after_lock=True, after_lock=reopened)


SUCCESS, OPERATIONS, SIZE_LIMIT, NO_SUCH_OBJECT, DENIED, BUSY = 0, 1, 4, 32, 50, 51
WORLDS: tuple[World, ...] = (
    _world("nothing misleads", undo=True),
    _world("hidden from searches by name", lie=_lie(by_name, _each(_gone))),
    _world("hidden from reads by id", lie=_lie(by_id, _each(_gone))),
    _world("hidden from lists", lie=_lie(in_lists, _each(_gone))),
    _world("searches by name find nobody", lie=_lie(by_name, _code(SUCCESS))),
    _world("reads by id find nobody", lie=_lie(by_id, _code(SUCCESS))),
    _world("lists show nobody", lie=_lie(in_lists, _code(SUCCESS))),
    _world("lists show one", lie=_lie(in_lists, _code(SUCCESS, 1))),
    _world("everything is empty since notice", lie=_lie(always, _code(SUCCESS)), after_notice=nothing),
    _world(
        "hidden since notice but by name", lie=_lie(lambda s, a: not by_name(s, a), _each(_gone)), after_notice=nothing
    ),
    _world("no such object by id", lie=_lie(by_id, _code(NO_SUCH_OBJECT))),
    _world("no such object by name", lie=_lie(by_name, _code(NO_SUCH_OBJECT))),
    _world("size limit by name", lie=_lie(by_name, _code(SIZE_LIMIT))),
    _world("size limit in lists", lie=_lie(in_lists, _code(SIZE_LIMIT, 1))),
    _world("denied by id", lie=_lie(by_id, _code(DENIED))),
    _world("busy by name", lie=_lie(by_name, _code(BUSY))),
    _world("cut by id", lie=_lie(by_id, _cut)),
    _world("somebody else by name", lie=_lie(by_name, _each(_somebody_else))),
    _world("somebody else by id", lie=_lie(by_id, _each(_somebody_else))),
    _world("entries without the lock", lie=_lie(always, _each(_without_lock, everybody=True))),
    _world("entries without ids", lie=_lie(always, _each(_without_id, everybody=True))),
    _world("entries without classes", lie=_lie(always, _each(_without("objectClass"), everybody=True))),
    _world("entries without addresses", lie=_lie(always, _each(_without("mail"), everybody=True))),
    _world(
        "entries without log-ins",
        lie=_lie(always, _each(_without("uid", "sAMAccountName", "userPrincipalName"), everybody=True)),
    ),
    _world("shown locked by name", lie=_lie(by_name, _each(_shown_locked))),
    _world("writes accepted without effect", lie=_modified(SUCCESS)),
    _world("writes refused", lie=_modified(DENIED)),
    _world("typed in capitals", typed=_typed(str.upper)),
    _world("typed with a soft hyphen", typed=_typed(lambda email: email.replace(".", "\u00ad.", 1))),
    _world("Slack has an older address", prepare=other_address),
    _world("an administrator with the same address", prepare=two_accounts),
    _world("renamed", after_notice=married),
    _world("made again with a new id", after_notice=remade_in_the_directory),
    _world("a second account meanwhile", after_notice=second_account),
    _world("names given to a new hire", after_notice=new_hire),
    _world("reopened", after_lock=reopened),
    _world("reopened under other names", after_lock=reopened_and_renamed),
    _world("a second account after it", after_lock=second_account),
    _world("made again after it", after_lock=remade_in_the_directory),
    _after("hidden from reads by id", _lie(by_id, _each(_gone))),
    _after("reads by id find nobody", _lie(by_id, _code(SUCCESS))),
    _after("locked by id", _lie(by_id, _each(_shown_locked))),
    _after("locked in lists", _lie(in_lists, _each(_shown_locked))),
    _after("without the lock", _lie(always, _each(_without_lock, everybody=True))),
    _after("hidden from lists and by name", _lie(lambda s, a: not by_id(s, a), _each(_gone))),
    _world("an undo without effect", lie=_modified(SUCCESS), lies_after_lock=True, after_lock=nothing, undo=True),
)
