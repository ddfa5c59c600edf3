"""The worlds of `truth`: a real directory and a real application, each world with one thing that misleads.

No world hides an account from everything that the bot can ask from the beginning: nobody could tell that from absence.
A world changes what the bot sees, or who the leaver is: before the case is opened, between notice and execution, or
after the lock-out. What is true is read from the servers' own storage.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import uuid4

import ldap
from pydantic import SecretStr

from connectors.contract import AccountId
from connectors.ldap import MANIFEST as LDAP
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from connectors.scim import MANIFEST as SCIM
from connectors.scim.connector import Scim as ScimConnector
from connectors.scim.settings import ScimSettings
from tests.sandbox.company import ldif
from tests.sandbox.company.scim import Call, Manners, Scim
from tests.sandbox.company.slapd import Slapd
from tests.workflows.members import MemoryMembers
from workflows.people import Leaver
from workflows.systems.registry import System, Systems

DIRECTORY, APP = "directory", "app"
COLLEAGUES = ("max", "bob", "carol")
PASSWORD = "Pw-leaver-aA1"
SLACK_ID = "U0DANA"


class Reality(Protocol):
    """One server as its owner sees it, for one leaver."""

    own: list[AccountId]
    """The leaver's accounts, the newest last."""

    def add(self, login: str, *emails: str) -> AccountId:
        """Give the leaver an account."""

    def rename(self, login: str, email: str) -> None:
        """Change log-in and address of the leaver's newest account."""

    def remove(self) -> None:
        """Delete the leaver's newest account."""

    def reopen(self) -> None:
        """Open the leaver's newest account again."""

    def ways_in(self) -> list[str]:
        """Return the log-ins of the leaver's accounts that work now."""

    def others(self) -> Mapping[str, object]:
        """Return everything stored of everybody else."""

    def forget(self) -> None:
        """Leave what the newest account is signed in with to somebody else."""


@dataclass
class Directory:
    """The company's OpenLDAP."""

    slapd: Slapd
    own: list[AccountId] = field(default_factory=list)

    def add(self, login: str, *emails: str) -> AccountId:
        """Add an entry with the leaver's password."""
        self._add(login, emails)
        entry = self.slapd.entry(login)
        assert entry is not None
        self.own.append(AccountId(entry["entryUUID"][0].decode()))
        return self.own[-1]

    def colleague(self, login: str, email: str) -> None:
        """Add somebody who stays."""
        if self.slapd.entry(login) is None:
            self._add(login, (email,))

    def _add(self, login: str, emails: Sequence[str], **more: list[str]) -> None:
        values = {
            "objectClass": ["inetOrgPerson"],
            "uid": [login],
            "cn": [login],
            "sn": [login],
            "mail": list(emails),
            "userPassword": [ldif.hash_password(PASSWORD)],
            **more,
        }
        self.slapd.add(ldif.person_dn(login), {key: value for key, value in values.items() if value})

    def rename(self, login: str, email: str) -> None:
        """Give the entry another RDN and address, as a marriage does."""
        old = self.login()
        with self.slapd.bound() as root:
            root.rename_s(ldif.person_dn(old), f"uid={login}", delold=1)
        self.change(mail=[email])

    def change(self, **values: list[str]) -> None:
        """Replace attributes of the newest entry."""
        dn = ldif.person_dn(self.login())
        new = [(ldap.MOD_REPLACE, key, [one.encode() for one in value]) for key, value in values.items()]
        self.slapd.modify(dn, new)

    def login(self) -> str:
        """Return the log-in of the leaver's newest entry."""
        return self._logins()[self.own[-1]]

    def remove(self) -> None:
        """Delete the newest entry."""
        self.slapd.delete(ldif.person_dn(self.login()))

    def reopen(self) -> None:
        """Take the lock off."""
        self.slapd.reopen(self.login())

    def _logins(self) -> dict[AccountId, str]:
        return {AccountId(e["entryUUID"][0].decode()): uid for uid, e in self.slapd.entries().items()}

    def forget(self) -> None:
        """Do nothing: nobody stays signed in."""

    def ways_in(self) -> list[str]:
        """Return the log-ins with which a bind succeeds."""
        names = self._logins()
        return [names[one] for one in self.own if one in names and self.slapd.can_bind(names[one], PASSWORD)]

    def others(self) -> Mapping[str, object]:
        """Return every other entry, as stored."""
        return {
            uid: {key: sorted(value) for key, value in entry.items() if key != "pwdFailureTime"}
            for uid, entry in self.slapd.entries().items()
            if AccountId(entry["entryUUID"][0].decode()) not in self.own
        }


@dataclass
class Application:
    """The application behind SCIM. An account works exactly if it is active."""

    server: Scim
    own: list[AccountId] = field(default_factory=list)

    def add(self, login: str, *emails: str) -> AccountId:
        """Create an active user."""
        made = self.server.add_user(login, displayName=login, emails=[{"value": email} for email in emails])
        self.own.append(AccountId(made))
        return self.own[-1]

    def rename(self, login: str, email: str) -> None:
        """Change userName and address."""
        self.server.change(self.own[-1], user_name=login, emails=[{"value": email}])

    def remove(self) -> None:
        """Delete the newest user."""
        self.server.delete(self.own[-1])

    def reopen(self) -> None:
        """Make the newest user active again."""
        self.server.change(self.own[-1], active=True)

    def forget(self) -> None:
        """Do nothing: nobody stays signed in."""

    def ways_in(self) -> list[str]:
        """Return the log-ins of the leaver's active users."""
        users = self.server.users()
        return [users[one]["userName"] for one in self.own if one in users and users[one]["active"]]

    def others(self) -> Mapping[str, object]:
        """Return every other user, as stored."""
        return {key: user for key, user in self.server.users().items() if key not in self.own}


@dataclass
class Scene:
    """One leaver in all systems, and what the bot is told about the leaver."""

    realities: Mapping[str, Reality]
    leaver: Leaver
    members: MemoryMembers = field(default_factory=MemoryMembers)
    tag: str = ""

    @property
    def directory(self) -> Reality:
        """The company's directory."""
        return self.realities[DIRECTORY]

    @property
    def app(self) -> Reality:
        """The other system."""
        return self.realities[APP]

    @property
    def login(self) -> str:
        """The log-in at the beginning."""
        return f"dana.{self.tag}"

    @property
    def email(self) -> str:
        """The address at the beginning."""
        return f"dana.{self.tag}@x.example"


def application(scene: Scene) -> "Application":
    """Return the application behind SCIM."""
    return cast("Application", scene.app)


def openldap(scene: Scene) -> "Directory":
    """Return the OpenLDAP."""
    return cast("Directory", scene.directory)


Act = Callable[[Scene], object]
Lie = Callable[[Scene, Call, Any], Any]


def nothing(_scene: Scene) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class World:
    """One misleading world."""

    name: str
    prepare: Act | None = None
    """Makes the accounts, in place of one in each system."""
    typed: Callable[[Leaver], Leaver] = lambda leaver: leaver
    """Returns the leaver as HR or Slack names them."""
    lie: Callable[..., Any] | None = None
    """Changes every answer of the system that lies."""
    refuse: Callable[[Scene, Call], int] | None = None
    """Statuses of the application in place of its answers."""
    after_notice: Act | None = None
    """A change between notice and execution."""
    after_lock: Act | None = None
    """A change after the lock-out, before the audit."""
    lies_after_lock: bool = False
    """True if the system begins to lie only then."""
    undo: bool = False
    """True if the lock-out is undone at the end: nothing is given back then that is not there."""


def accounts(scene: Scene) -> None:
    """Give the leaver one account in each system."""
    scene.directory.add(scene.login, scene.email)
    scene.app.add(scene.login, scene.email)


# -- answers of the application


def _list(call: Call) -> bool:
    return call.method == "GET" and call.path.rstrip("/") == "/Users"


def _one(scene: Scene, call: Call) -> bool:
    return call.method == "GET" and call.path.rpartition("/")[2] in scene.app.own


def _filtered(call: Call) -> bool:
    return _list(call) and bool(call.filter)


def _with(body: Any, resources: list[Any], total: int | None = None) -> Any:
    count = len(resources) if total is None else total
    return {**body, "Resources": resources, "totalResults": count, "itemsPerPage": len(resources)}


def _strangers(scene: Scene, body: Any) -> list[Any]:
    return [one for one in body.get("Resources", []) if one.get("id") not in scene.app.own]


def finds_nobody(_scene: Scene, call: Call, body: Any) -> Any:
    """Answer every filter with an empty list."""
    return _with(body, []) if _filtered(call) else body


def lists_nobody(_scene: Scene, call: Call, body: Any) -> Any:
    """Answer every list with nobody at all."""
    return _with(body, []) if _list(call) else body


def hides_the_leaver(scene: Scene, call: Call, body: Any) -> Any:
    """Leave the leaver out of every list, and count without them."""
    return _with(body, _strangers(scene, body)) if _list(call) else body


def hides_and_counts(scene: Scene, call: Call, body: Any) -> Any:
    """Leave the leaver out of every list, and count with them."""
    return _with(body, _strangers(scene, body), int(body.get("totalResults", 0))) if _list(call) else body


def answers_strangers(scene: Scene, call: Call, body: Any) -> Any:
    """Answer a filter with somebody else."""
    return _with(body, [_stranger(scene)]) if _filtered(call) else body


def _stranger(scene: Scene) -> Any:
    key, user = next((key, user) for key, user in application(scene).server.users().items() if key not in scene.app.own)
    return {**user, "id": key, "active": True}


def _each(change: Callable[[Any], Any]) -> Lie:
    def lie(_scene: Scene, call: Call, body: Any) -> Any:
        if call.method != "GET" or not isinstance(body, dict):
            return body
        if "Resources" in body:
            return {**body, "Resources": [change(one) for one in body["Resources"]]}
        return change(body) if "userName" in body else body

    return lie


def _without(*names: str) -> Lie:
    return _each(lambda one: {key: value for key, value in one.items() if key not in names})


def no_second_page(_scene: Scene, call: Call, body: Any) -> Any:
    """Answer the first page to every page."""
    if not _list(call) or not body.get("Resources"):
        return body
    return _with(body, body["Resources"][:1], max(2, int(body.get("totalResults", 2))))


def short_total(_scene: Scene, call: Call, body: Any) -> Any:
    """Answer one person of a whole list, and say that this is all."""
    if not _list(call) or call.filter or not body.get("Resources"):
        return body
    return _with(body, body["Resources"][:1], 1)


def gone_by_id(scene: Scene, call: Call) -> int:
    """Answer 404 to every read of the leaver by id."""
    return 404 if _one(scene, call) else 0


def accepts_without_effect(scene: Scene, call: Call) -> int:
    """Answer 204 to every change, and change nothing."""
    return 204 if call.method in {"PATCH", "PUT"} and call.path.rpartition("/")[2] in scene.app.own else 0


def makes_another(scene: Scene, call: Call) -> int:
    """Delete the account that is to be locked, and make it again with another id, active."""
    if call.method != "PATCH" or call.path.rpartition("/")[2] not in scene.app.own:
        return 0
    remade(scene)
    return 204


def shown_locked_by_id(scene: Scene, call: Call, body: Any) -> Any:
    """Answer reads by id from a cache that shows the leaver locked."""
    return {**body, "active": False} if _one(scene, call) else body


def shown_locked_in_lists(scene: Scene, call: Call, body: Any) -> Any:
    """Show the leaver locked in every list."""
    if not _list(call):
        return body
    told = [{**one, "active": False} if one.get("id") in scene.app.own else one for one in body.get("Resources", [])]
    return {**body, "Resources": told}


def no_plus(_scene: Scene, call: Call, body: Any) -> Any:
    """Decode a filter twice, so that a plus is a space and nobody is found."""
    return _with(body, []) if _filtered(call) and "+" in call.filter else body


# -- who the leaver is


def _typed(change: Callable[[str], str]) -> Callable[[Leaver], Leaver]:
    return lambda leaver: replace(leaver, email=change(leaver.email))


def married(scene: Scene) -> None:
    """Change every log-in and address."""
    for reality in scene.realities.values():
        reality.rename(f"new.{scene.tag}", f"new.{scene.tag}@x.example")


def married_in_the_app(scene: Scene) -> None:
    """Change log-in and address in the application."""
    scene.app.rename(f"new.{scene.tag}", f"new.{scene.tag}@x.example")


def married_in_the_directory(scene: Scene) -> None:
    """Change log-in and address in the directory."""
    scene.directory.rename(f"new.{scene.tag}", f"new.{scene.tag}@x.example")


def remade(scene: Scene) -> None:
    """Delete the application's account, and make it again with a new id."""
    scene.app.remove()
    scene.app.add(scene.login, scene.email)


def remade_in_the_directory(scene: Scene) -> None:
    """Delete the entry, and make it again with a new id."""
    scene.directory.remove()
    scene.directory.add(scene.login, scene.email)


def second_account(scene: Scene) -> None:
    """Give the leaver another account with the same address."""
    scene.app.add(f"second.{scene.tag}", scene.email)


def _accounts(
    app_login: str = "{login}", app: Sequence[str] = ("{email}",), directory: Sequence[str] = ("{email}",)
) -> Act:
    def prepare(scene: Scene) -> None:
        def fill(text: str) -> str:
            return text.format(login=scene.login, email=scene.email, tag=scene.tag)

        scene.directory.add(scene.login, *map(fill, directory))
        scene.app.add(fill(app_login), *map(fill, app))

    return prepare


def _both(*acts: Act) -> Act:
    def act(scene: Scene) -> None:
        for one in acts:
            one(scene)

    return act


def remove_entry(scene: Scene) -> None:
    """Delete the directory's entry, as HR does."""
    scene.directory.remove()


OTHER = "other.{tag}@x.example"


def without_person_class(scene: Scene) -> None:
    """Use an entry that is an account, and no person."""
    openldap(scene).slapd.add(
        ldif.person_dn(scene.login),
        {
            "objectClass": ["account", "simpleSecurityObject", "extensibleObject"],
            "uid": [scene.login],
            "mail": [scene.email],
            "userPassword": [ldif.hash_password(PASSWORD)],
        },
    )
    entry = openldap(scene).slapd.entry(scene.login)
    assert entry is not None
    scene.directory.own.append(AccountId(entry["entryUUID"][0].decode()))
    scene.app.add(scene.login, scene.email)


def posix_account(scene: Scene) -> None:
    """Use an entry of classes account and posixAccount."""
    openldap(scene).slapd.add(
        ldif.person_dn(scene.login),
        {
            "objectClass": ["account", "posixAccount", "extensibleObject"],
            "uid": [scene.login],
            "cn": [scene.login],
            "uidNumber": ["5000"],
            "gidNumber": ["5000"],
            "homeDirectory": ["/home/dana"],
            "mail": [scene.email],
            "userPassword": [ldif.hash_password(PASSWORD)],
        },
    )
    entry = openldap(scene).slapd.entry(scene.login)
    assert entry is not None
    scene.directory.own.append(AccountId(entry["entryUUID"][0].decode()))
    scene.app.add(scene.login, scene.email)


def language_option(scene: Scene) -> None:
    """Keep the address under a language option."""
    scene.directory.add(scene.login)
    openldap(scene).change(**{"mail;lang-de": [scene.email]})
    scene.app.add(scene.login, scene.email)


def reopen_app(scene: Scene) -> None:
    """Open the application's account again."""
    scene.app.reopen()


def reopen_directory(scene: Scene) -> None:
    """Open the directory's entry again."""
    scene.directory.reopen()


def reopen_and_rename(scene: Scene) -> None:
    """Open both accounts again under other names."""
    married(scene)
    for reality in scene.realities.values():
        reality.reopen()


WORLDS: tuple[World, ...] = (
    World("nothing misleads"),
    # the application's answers
    World("filters find nobody", lie=finds_nobody),
    World("lists show nobody", lie=lists_nobody),
    World("lists leave the leaver out and count them", lie=hides_and_counts),
    World("a filter answers somebody else", lie=answers_strangers),
    World("records without userName", lie=_without("userName")),
    World("records without addresses", lie=_without("emails")),
    World("records without both", lie=_without("userName", "emails")),
    World("records without active", lie=_without("active")),
    World("records without ids", lie=_without("id")),
    World("names in capitals", lie=_each(lambda one: {k.upper() if k != "id" else k: v for k, v in one.items()})),
    World("names in small letters", lie=_each(lambda one: {key.lower(): value for key, value in one.items()})),
    World("active as text", lie=_each(lambda one: {**one, "active": str(one.get("active"))})),
    World("active as a number", lie=_each(lambda one: {**one, "active": int(bool(one.get("active")))})),
    World("every page is the first", lie=no_second_page),
    World("a list says that one person is all", lie=short_total),
    World("404 by id", refuse=gone_by_id),
    World("changes accepted without effect", refuse=accepts_without_effect),
    World("lists refused", refuse=lambda _scene, call: 403 if _list(call) else 0),
    World("filters refused", refuse=lambda _scene, call: 400 if _filtered(call) else 0),
    World("filters not implemented", refuse=lambda _scene, call: 501 if _filtered(call) else 0),
    World("patch not implemented", refuse=lambda _scene, call: 501 if call.method == "PATCH" else 0),
    World("server errors on lists", refuse=lambda _scene, call: 500 if _list(call) else 0),
    World(
        "a plus is never found",
        prepare=_accounts("{login}+x", ("{login}+x@x.example",), ("{login}+x@x.example",)),
        typed=_typed(lambda email: email.replace("@", "+x@")),
        lie=no_plus,
    ),
    # the same lies, from the lock-out on
    World("reopened, then hidden", lie=hides_the_leaver, lies_after_lock=True, after_lock=reopen_app),
    World("reopened, then lists show nobody", lie=lists_nobody, lies_after_lock=True, after_lock=reopen_app),
    World("reopened, then 404 by id", refuse=gone_by_id, lies_after_lock=True, after_lock=reopen_app),
    World("reopened, then without active", lie=_without("active"), lies_after_lock=True, after_lock=reopen_app),
    World("reopened, then pages repeat", lie=no_second_page, lies_after_lock=True, after_lock=reopen_app),
    World(
        "reopened, then lists refused",
        refuse=lambda _scene, call: 403 if _list(call) or _one(_scene, call) else 0,
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    # who the leaver is
    World("typed with a zero-width space", typed=_typed(lambda email: email.replace("@", "\u200b@"))),
    World("typed with a soft hyphen", typed=_typed(lambda email: email.replace(".", "\u00ad.", 1))),
    World("typed with a direction mark", typed=_typed(lambda email: "\u200e" + email)),
    World("typed with a no-break space", typed=_typed(lambda email: email + "\u00a0")),
    World("typed with mailto:", typed=_typed(lambda email: "mailto:" + email)),
    World("typed with a trailing dot", typed=_typed(lambda email: email + ".")),
    World("typed in capitals", typed=_typed(str.upper)),
    World(
        "typed with the Kelvin sign",
        prepare=_accounts("k{login}", ("k{email}",), ("k{email}",)),
        typed=_typed(lambda email: "\u212a" + email),
    ),
    World(
        "typed with a dotless i",
        prepare=_accounts("i{login}", ("i{email}",), ("i{email}",)),
        typed=_typed(lambda email: "\u0131" + email),
    ),
    World(
        "typed with sharp s",
        prepare=_accounts("ss{login}", ("ss{email}",), ("ss{email}",)),
        typed=_typed(lambda email: "\u00df" + email),
    ),
    World(
        "typed decomposed",
        prepare=_accounts("{login}", ("\u00e9{email}",)),
        typed=_typed(lambda email: "e\u0301" + email),
    ),
    World("Slack has an older address", prepare=_accounts("{login}", (OTHER,), (OTHER,))),
    World(
        "the directory has two addresses, the application the other",
        prepare=_accounts("{tag}", (OTHER,), ("{email}", OTHER)),
    ),
    World("the application has two addresses", prepare=_accounts("{tag}", (OTHER, "{email}"))),
    World("the application has capitals", prepare=_accounts("{tag}", ("{email}".upper().replace("EMAIL", "email"),))),
    World("the application knows the log-in alone", prepare=_accounts("{login}", ())),
    World("two accounts share the address", prepare=_both(accounts, second_account)),
    World("an entry that is no person", prepare=without_person_class),
    World("an entry of a Unix account", prepare=posix_account),
    World("an address under a language option", prepare=language_option),
    # between notice and execution
    World("renamed everywhere", after_notice=married),
    World("renamed in the application", after_notice=married_in_the_app),
    World("renamed in the directory", after_notice=married_in_the_directory),
    World("made again with a new id", after_notice=remade),
    World("made again in the directory", after_notice=remade_in_the_directory),
    World("a second account meanwhile", after_notice=second_account),
    World("hidden since notice", lie=hides_the_leaver, after_notice=nothing),
    World(
        "deleted in the directory by HR, renamed in the application",
        after_notice=_both(remove_entry, married_in_the_app),
    ),
    # after the lock-out
    World("reopened in the application", after_lock=reopen_app),
    World("reopened in the directory", after_lock=reopen_directory),
    World("reopened under other names", after_lock=reopen_and_rename),
    World("a second account after it", after_lock=second_account),
    World("made again after it", after_lock=remade),
    World("made again in the directory after it", after_lock=remade_in_the_directory),
    # a lock with another effect, and reads that contradict each other
    World("a lock makes another account", refuse=makes_another),
    World("reads by id from a cache", lie=shown_locked_by_id),
    World("reopened, then locked by id", lie=shown_locked_by_id, lies_after_lock=True, after_lock=reopen_app),
    World("a second account meanwhile, locked in lists", lie=shown_locked_in_lists, after_notice=second_account),
)


@contextmanager
def scim_stage(folder: Path) -> Iterator["ScimStage"]:
    """Start a directory and an application, with colleagues."""
    with ExitStack() as stack:
        slapd = stack.enter_context(Slapd(folder / "slapd", ()))
        scim = stack.enter_context(Scim(people=()))
        for name in COLLEAGUES:
            Directory(slapd).colleague(name, f"{name}@x.example")
            scim.add_user(name, displayName=name, emails=[{"value": f"{name}@x.example"}])
        yield ScimStage(slapd, scim)


class Stage(Protocol):
    """Servers on which worlds are played."""

    honest: str
    """Verdicts of the world in which nothing misleads."""

    def realities(self) -> Mapping[str, Reality]:
        """Return the servers for another leaver."""

    def lie(self, scene: Scene, world: World) -> None:
        """Let the servers lie from now on."""

    def quiet(self) -> None:
        """End the lies."""

    def systems(self) -> Systems:
        """Return the systems with the bot's own connectors."""


def scene_on(stage: Stage, world: World) -> Scene:
    """Prepare one world's leaver."""
    tag = uuid4().hex[:8]
    email = f"dana.{tag}@x.example"
    scene = Scene(stage.realities(), Leaver("Dana", email, SLACK_ID), tag=tag)
    (world.prepare or accounts)(scene)
    scene.leaver = world.typed(scene.leaver)
    scene.members.change(SLACK_ID, email=email)
    return scene


class ScimStage:
    """An OpenLDAP and an application behind SCIM, which lies."""

    honest = "app locked, directory locked"

    def __init__(self, slapd: Slapd, scim: Scim) -> None:
        self._slapd, self._scim = slapd, scim

    def realities(self) -> Mapping[str, Reality]:
        """Return both for another leaver."""
        return {DIRECTORY: Directory(self._slapd), APP: Application(self._scim)}

    def lie(self, scene: Scene, world: World) -> None:
        """Let the application lie from now on."""
        manners = Manners()
        if world.lie:
            told = world.lie
            manners.rewrite = lambda call, body: told(scene, call, body)
        if world.refuse:
            refused = world.refuse
            manners.refuse = lambda call: refused(scene, call)
        self._scim.manners = manners

    def quiet(self) -> None:
        """Let the application tell the truth."""
        self._scim.manners = Manners()

    def systems(self) -> Systems:
        """Return both systems with the bot's own connectors."""
        app = ScimSettings.model_validate(
            {
                "url": self._scim.url,
                "token": SecretStr(self._scim.token),
                "inactive_means": "suspended",
                "request_seconds": 20,
            }
        )
        return Systems([openldap_system(self._slapd), System(APP, SCIM, ScimConnector(app))], DIRECTORY)


def openldap_system(slapd: Slapd, url: str = "") -> System:
    """Return the directory with the bot's own connector; `url`: the address of a proxy before it."""
    settings = LdapSettings(
        urls=(url or slapd.tls_url,),
        ca_file=None if url else slapd.ca_file,
        bind_dn=slapd.bind_dn,
        password=SecretStr(slapd.bind_password),
        base_dn=slapd.base_dn,
    )
    return System(DIRECTORY, LDAP, Ldap(settings))
