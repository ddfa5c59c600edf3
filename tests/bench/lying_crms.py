"""The worlds of `truth` for two real CRMs behind a proxy: a Tryton over JSON-RPC, and a BottleCRM over REST.

The directory tells the truth here. A log-in with the person's own password or mail shows if an account of a CRM works.
So do a session and a token from before the lock-out.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from pydantic import SecretStr

from connectors.bottlecrm import MANIFEST as BOTTLECRM_KIND
from connectors.bottlecrm.connector import BottleCrm as BottleCrmConnector
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.contract import AccountId
from connectors.tryton import MANIFEST as TRYTON_KIND
from connectors.tryton.connector import Tryton as TrytonConnector
from connectors.tryton.settings import TrytonSettings
from tests.bench.lying_proxy import Answer, Ask, LyingProxy
from tests.bench.lying_worlds import (
    APP,
    COLLEAGUES,
    DIRECTORY,
    OTHER,
    PASSWORD,
    Directory,
    Reality,
    Scene,
    World,
    _accounts,
    _both,
    _typed,
    accounts,
    married,
    married_in_the_app,
    nothing,
    openldap_system,
    remade,
    remove_entry,
    reopen_app,
    second_account,
)
from tests.sandbox.company.bottlecrm import BottleCrm, bare
from tests.sandbox.company.slapd import Slapd
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.company.tryton_rpc import Failed, Rpc
from tests.sandbox.company.tryton_server import DATABASE
from workflows.systems.registry import System, Systems


@dataclass
class TrytonUsers:
    """Users of a Tryton. An account works if its password or an earlier session does."""

    server: Tryton
    own: list[AccountId] = field(default_factory=list)
    sessions: list[tuple[str, Rpc]] = field(default_factory=list)

    def add(self, login: str, *emails: str) -> AccountId:
        """Make a user who is signed in."""
        email = emails[0] if emails else ""
        values = {"name": login, "login": login, "email": email, "password": PASSWORD}
        [number] = self.server.as_admin().call("res.user.create", [values])
        self.own.append(AccountId(str(number)))
        self.sessions.append((login, self.server.sign_in(login, PASSWORD)))
        return self.own[-1]

    def change(self, **values: Any) -> None:
        """Write the newest user."""
        self.server.as_admin().call("res.user.write", [int(self.own[-1])], values)

    def rename(self, login: str, email: str) -> None:
        """Change log-in and address."""
        self.change(login=login, email=email)

    def remove(self) -> None:
        """Delete the newest user in the database: Tryton itself deletes no user."""
        with sqlite3.connect(self.server.folder / f"{DATABASE}.sqlite", timeout=20) as connection:
            connection.execute("DELETE FROM res_user WHERE id = ?", [int(self.own[-1])])
        connection.close()

    def reopen(self) -> None:
        """Make the newest user active again."""
        self.change(active=True)

    def forget(self) -> None:
        """Leave the newest session to somebody else."""
        self.sessions.pop()

    def ways_in(self) -> list[str]:
        """Return the log-ins that work, and those whose session works."""
        logins = dict(self.server.query("SELECT id, login FROM res_user"))
        own = [logins[int(one)] for one in self.own if int(one) in logins]
        found = [login for login in own if self.server.can_login(login, PASSWORD)]
        self.server.forget_attempts()
        return found + [f"a session of {login}" for login, session in self.sessions if _answers(session)]

    def others(self) -> Mapping[str, object]:
        """Return every other user, as stored."""
        rows = self.server.query("SELECT id, login, email, active, password_hash FROM res_user")
        return {str(row[0]): row for row in rows if str(row[0]) not in self.own}


def _answers(session: Rpc) -> bool:
    try:
        session.call("res.user.get_preferences", True)
    except Failed as error:
        if error.status in (401, 403) or "exist" in str(error):  # the session of a user who was deleted
            return False
        raise
    return True


@dataclass
class Members:
    """Members of an organization in BottleCRM. An account works if a link by mail, a session or a token does."""

    server: BottleCrm
    own: list[AccountId] = field(default_factory=list)
    proofs: list[tuple[str, str]] = field(default_factory=list)

    def add(self, login: str, *emails: str) -> AccountId:
        """Make a member who is signed in and has a token. The log-in is the address."""
        email = emails[0] if emails else login if "@" in login else f"{login}@x.example"
        profile = self.server.add_person(email, login)
        self.own.append(AccountId(profile))
        secret = f"bcrm_pat_{uuid4().hex}"
        bots = self.server.query("SELECT id FROM personal_access_token WHERE name = 'Handover'")[0][0]
        self.server.clone(
            "personal_access_token",
            bots,
            id=bare(str(uuid4())),
            profile_id=bare(profile),
            name="script",
            token_hash=hashlib.sha256(secret.encode()).hexdigest(),
            token_prefix=f"x{secret[-9:]}",
        )
        signed_in = self.server.sign_in(email)
        assert signed_in is not None
        self.proofs += [(f"a token of {email}", secret), (f"a session of {email}", signed_in.access)]
        return self.own[-1]

    def rename(self, login: str, email: str) -> None:
        """Change the address."""
        [(user,)] = self.server.query("SELECT user_id FROM profile WHERE id = ?", bare(self.own[-1]))
        self.server.execute("UPDATE users SET email = ? WHERE id = ?", [email, user])

    def remove(self) -> None:
        """Delete the newest member."""
        self.server.execute("DELETE FROM profile WHERE id = ?", [bare(self.own[-1])])
        self.server.execute("DELETE FROM personal_access_token WHERE profile_id = ?", [bare(self.own[-1])])
        self.server.execute(
            "UPDATE users SET email = email || '.gone' WHERE id NOT IN (SELECT user_id FROM profile)", []
        )

    def reopen(self) -> None:
        """Make the newest member active again."""
        self.server.set_active(self.own[-1], active=True)

    def forget(self) -> None:
        """Leave the newest session and token to somebody else."""
        del self.proofs[-2:]

    def ways_in(self) -> list[str]:
        """Return the addresses, sessions and tokens that work."""
        here = {row[0] for row in self.server.query("SELECT id FROM profile")}
        own = [self.server.email(one) for one in self.own if bare(one) in here]
        return [one for one in own if self.server.can_login(one)] + [
            name for name, proof in self.proofs if self.server.works(proof)
        ]

    def others(self) -> Mapping[str, object]:
        """Return every other member, as stored."""
        sql = "SELECT p.id, p.is_active, p.role, u.email, u.is_active FROM profile p JOIN users u ON u.id = p.user_id"
        own = {bare(one) for one in self.own}
        return {row[0]: row for row in self.server.query(sql) if row[0] not in own}


class CrmStage:
    """An OpenLDAP that tells the truth, and a CRM behind a proxy."""

    honest = "app locked, directory locked"

    def __init__(
        self, slapd: Slapd, proxy: LyingProxy, users: Callable[[], Reality], crm: Callable[[], System]
    ) -> None:
        self._slapd, self._proxy, self._users, self._crm = slapd, proxy, users, crm

    def realities(self) -> Mapping[str, Reality]:
        """Return both for another leaver."""
        return {DIRECTORY: Directory(self._slapd), APP: self._users()}

    def lie(self, scene: Scene, world: World) -> None:
        """Let the CRM lie from now on."""
        if (told := world.lie) is not None:
            self._proxy.manners = lambda ask, send: told(scene, ask, send)

    def quiet(self) -> None:
        """Let the CRM tell the truth."""
        self._proxy.manners = None

    def systems(self) -> Systems:
        """Return both systems with the bot's own connectors."""
        return Systems([openldap_system(self._slapd), self._crm()], DIRECTORY)


@contextmanager
def tryton_stage(folder: Path) -> Iterator[CrmStage]:
    """Start a directory and a Tryton, with colleagues."""
    with ExitStack() as stack:
        slapd = stack.enter_context(Slapd(folder / "slapd", ()))
        server = stack.enter_context(Tryton(folder / "tryton"))
        proxy = stack.enter_context(LyingProxy(server.url).serving())
        for name in COLLEAGUES:
            Directory(slapd).colleague(name, f"{name}@x.example")
            server.as_admin().call("res.user.create", [{"name": name, "login": name, "email": f"{name}@x.example"}])

        def crm() -> System:
            settings = TrytonSettings(
                url=proxy.url, database=server.database, login=server.bot.login, password=SecretStr(server.bot.password)
            )
            return System(APP, TRYTON_KIND, TrytonConnector(settings))

        yield CrmStage(slapd, proxy, lambda: TrytonUsers(server), crm)


@contextmanager
def bottlecrm_stage(folder: Path) -> Iterator[CrmStage]:
    """Start a directory and a BottleCRM, with colleagues."""
    with ExitStack() as stack:
        slapd = stack.enter_context(Slapd(folder / "slapd", ()))
        server = stack.enter_context(BottleCrm(folder / "bottlecrm"))
        proxy = stack.enter_context(LyingProxy(server.url).serving())
        for name in COLLEAGUES:
            Directory(slapd).colleague(name, f"{name}@x.example")
            server.add_person(f"{name}@x.example", name)
        signed_in = server.sign_in(server.bot)
        assert signed_in is not None
        session = folder / "session"
        session.write_text(signed_in.refresh, encoding="utf-8")

        def crm() -> System:
            settings = BottleCrmSettings(
                url=proxy.url, login=server.bot, token=SecretStr(server.token), session_file=session
            )
            return System(APP, BOTTLECRM_KIND, BottleCrmConnector(settings))

        yield CrmStage(slapd, proxy, lambda: Members(server), crm)


# -- what every CRM does

Send = Callable[[], Answer]
Rows = Callable[[Scene, list[Any]], list[Any]]


def _fails(when: Callable[[Scene, Ask], bool], status: int, content: bytes = b"{}") -> Callable[..., Answer]:
    return lambda scene, ask, send: (status, content) if when(scene, ask) else send()


def _halved(when: Callable[[Scene, Ask], bool]) -> Callable[..., Answer]:
    def lie(scene: Scene, ask: Ask, send: Send) -> Answer:
        status, content = send()
        return (status, content[: len(content) // 2]) if when(scene, ask) else (status, content)

    return lie


def _not_mine(scene: Scene, rows: list[Any]) -> list[Any]:
    return [row for row in rows if str(row["id"]) not in scene.app.own]


def _nobody(_scene: Scene, _rows: list[Any]) -> list[Any]:
    return []


def _without(*names: str) -> Rows:
    return lambda _scene, rows: [{key: value for key, value in row.items() if key not in names} for row in rows]


def _with(name: str, change: Callable[[Any], Any]) -> Rows:
    return lambda _scene, rows: [{**row, name: change(row[name])} if name in row else row for row in rows]


def _nameless(_scene: Scene, rows: list[Any]) -> list[Any]:
    return [{**row, "login": None, "email": None} for row in rows]


def _first(_scene: Scene, rows: list[Any]) -> list[Any]:
    return rows[:1]


def admins_share_it(scene: Scene) -> None:
    """Give the leaver an administrator's account with the same address."""
    scene.app.add(f"admin-{scene.tag}", scene.email)


def new_hire(scene: Scene) -> None:
    """Rename the leaver everywhere, and give the old names to somebody new."""
    married(scene)
    for reality in scene.realities.values():
        reality.add(scene.login, scene.email)
        reality.own.pop()
        reality.forget()


def reopen_and_rename(scene: Scene) -> None:
    """Open the account again under other names."""
    scene.app.reopen()
    scene.app.rename(f"new.{scene.tag}", f"new.{scene.tag}@x.example")


PEOPLE: tuple[World, ...] = (
    World("typed with a zero-width space", typed=_typed(lambda email: email.replace("@", "\u200b@"))),
    World("typed in capitals", typed=_typed(str.upper)),
    World("Slack has an older address", prepare=_accounts("{login}", (OTHER,), (OTHER,))),
    World(
        "the directory has two addresses, the CRM the other", prepare=_accounts("{tag}", (OTHER,), ("{email}", OTHER))
    ),
    World("the CRM has capitals", prepare=_accounts("{tag}", ("{email}".upper().replace("EMAIL", "email"),))),
    World("two accounts share the address", prepare=_both(accounts, admins_share_it)),
    World("renamed everywhere", after_notice=married),
    World("renamed in the CRM", after_notice=married_in_the_app),
    World("made again with a new id", after_notice=remade),
    World("a second account meanwhile", after_notice=second_account),
    World("names given to a new hire", after_notice=new_hire),
    World("deleted in the directory by HR, renamed in the CRM", after_notice=_both(remove_entry, married_in_the_app)),
    World("reopened", after_lock=reopen_app),
    World("reopened under other names", after_lock=reopen_and_rename),
    World("a second account after it", after_lock=second_account),
    World("made again after it", after_lock=remade),
)
"""Worlds in which the servers tell the truth, and people are misleading."""


# -- Tryton's answers


def _method(ask: Ask) -> str:
    return str(ask.body["method"]) if isinstance(ask.body, dict) else ""


def _domain(ask: Ask) -> Any:
    return ask.body["params"][0] if ask.body["params"] else None


def _reads_users(_scene: Scene, ask: Ask) -> bool:
    return _method(ask) == "model.res.user.search_read"


def _searches(_scene: Scene, ask: Ask) -> bool:
    return _reads_users(_scene, ask) and _domain(ask)[0] == "OR"


def _by_id(_scene: Scene, ask: Ask) -> bool:
    return _reads_users(_scene, ask) and _domain(ask)[0][:2] == ["id", "in"]


def _lists(_scene: Scene, ask: Ask) -> bool:
    return _reads_users(_scene, ask) and _domain(ask)[0][:2] == ["id", ">"]


def _writes(_scene: Scene, ask: Ask) -> bool:
    return _method(ask) == "model.res.user.write"


def _either(*each: Callable[[Scene, Ask], bool]) -> Callable[[Scene, Ask], bool]:
    return lambda scene, ask: any(one(scene, ask) for one in each)


def _rows(when: Callable[[Scene, Ask], bool], change: Rows) -> Callable[..., Answer]:
    """Change the rows in the answers to some requests."""

    def lie(scene: Scene, ask: Ask, send: Send) -> Answer:
        status, content = send()
        if status != 200 or not when(scene, ask):
            return status, content
        answer = json.loads(content)
        if isinstance(answer.get("result"), list):
            answer["result"] = change(scene, answer["result"])
        return status, json.dumps(answer).encode()

    return lie


def _mine(change: Callable[[Scene, Any], Any]) -> Rows:
    return lambda scene, rows: [change(scene, row) if str(row.get("id")) in scene.app.own else row for row in rows]


def stranger(scene: Scene, row: Any) -> Any:
    """Return somebody else's user in place of the leaver's."""
    users = cast("TrytonUsers", scene.app)
    number, login = users.server.query("SELECT id, login FROM res_user WHERE login = 'max'")[0]
    return {**row, "id": number, "login": login, "email": "max@x.example", "name": login, "active": True}


def no_effect(when: Callable[[Scene, Ask], bool], content: bytes) -> Callable[..., Answer]:
    """Answer that a change is made, and make none."""
    return _fails(when, 200, content)


def frozen(when: Callable[[Scene, Ask], bool]) -> Callable[..., Answer]:
    """Answer some reads from a cache that never ends."""
    kept: dict[str, Answer] = {}

    def lie(scene: Scene, ask: Ask, send: Send) -> Answer:
        if not when(scene, ask):
            return send()
        key = f"{scene.tag} {ask}"
        kept[key] = kept.get(key) or send()
        return kept[key]

    return lie


def shown_locked(_scene: Scene, row: Any) -> Any:
    """Show the leaver as inactive."""
    return {**row, "active": False}


NULL = json.dumps({"id": 1, "result": None}).encode()
REFUSED = json.dumps({"id": 1, "error": ["UserError", ["You are not allowed to access", "", None]]}).encode()
TRYTON: tuple[World, ...] = (
    World("nothing misleads", undo=True),
    World("searches find nobody", lie=_rows(_searches, _nobody)),
    World("searches hide the leaver", lie=_rows(_searches, _not_mine)),
    World("lists show nobody", lie=_rows(_lists, _nobody)),
    World("searches find nobody, lists show one", lie=_rows(_either(_searches, _lists), _first)),
    World("searches and lists hide the leaver", lie=_rows(_either(_searches, _lists), _not_mine), after_notice=nothing),
    World("not there by id", lie=_rows(_by_id, _not_mine)),
    World("nothing by id", lie=_rows(_by_id, _nobody)),
    World("searches answer somebody else", lie=_rows(_searches, _mine(stranger))),
    World("reads by id answer somebody else", lie=_rows(_by_id, _mine(stranger))),
    World("searches answer null", lie=_fails(_searches, 200, NULL)),
    World("reads by id answer null", lie=_fails(_by_id, 200, NULL)),
    World("lists answer null", lie=_fails(_lists, 200, NULL)),
    World("users without active", lie=_rows(_reads_users, _without("active"))),
    World("active is null", lie=_rows(_reads_users, _with("active", lambda _value: None))),
    World("active as text", lie=_rows(_reads_users, _with("active", str))),
    World("users without log-in", lie=_rows(_reads_users, _without("login"))),
    World("users without address", lie=_rows(_reads_users, _without("email"))),
    World("addresses are null", lie=_rows(_reads_users, _with("email", lambda _value: None))),
    World("log-ins and addresses are null", lie=_rows(_reads_users, _nameless)),
    World("users without ids", lie=_rows(_reads_users, _without("id"))),
    World("users without sessions", lie=_rows(_reads_users, _without("sessions"))),
    World("ids as text", lie=_rows(_reads_users, _with("id", str))),
    World("writes without effect", lie=no_effect(_writes, NULL)),
    World("writes refused", lie=_fails(_writes, 200, REFUSED)),
    World("searches refused", lie=_fails(_searches, 200, REFUSED)),
    World("reads by id refused", lie=_fails(_by_id, 200, REFUSED)),
    World("server errors on searches", lie=_fails(_searches, 500)),
    World("server errors on reads by id", lie=_fails(_by_id, 500)),
    World("half a search", lie=_halved(_searches)),
    World("half a read by id", lie=_halved(_by_id)),
    World("a search of a page in HTML", lie=_fails(_searches, 200, b"<h1>Welcome</h1>")),
    World("an answer without a result", lie=_fails(_searches, 200, b'{"id": 1}')),
    World("searches from a cache", lie=frozen(_searches)),
    World("reads by id from a cache", lie=frozen(_by_id)),
    World("searches show the leaver locked", lie=_rows(_searches, _mine(shown_locked))),
    World("reads by id show the leaver locked", lie=_rows(_by_id, _mine(shown_locked))),
    World(
        "the list hides the leaver, and they are gone by id since notice",
        lie=_rows(_either(_by_id, _lists), _not_mine),
        after_notice=nothing,
    ),
    *PEOPLE,
    World("reopened, then hidden by id", lie=_rows(_by_id, _not_mine), lies_after_lock=True, after_lock=reopen_app),
    World("reopened, then nothing by id", lie=_rows(_by_id, _nobody), lies_after_lock=True, after_lock=reopen_app),
    World(
        "reopened, then without active",
        lie=_rows(_reads_users, _without("active")),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World(
        "reopened, then locked by id",
        lie=_rows(_by_id, _mine(shown_locked)),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World("reopened, then refused", lie=_fails(_by_id, 200, REFUSED), lies_after_lock=True, after_lock=reopen_app),
    World(
        "a second account after it, which lists hide",
        lie=_rows(_lists, _not_mine),
        lies_after_lock=True,
        after_lock=second_account,
    ),
    World("undo without effect", lie=_fails(_writes, 200, NULL), lies_after_lock=True, after_lock=nothing, undo=True),
)


# -- BottleCRM's answers


def _query(ask: Ask) -> Mapping[str, list[str]]:
    return parse_qs(urlsplit(ask.path).query)


def _members(_scene: Scene, ask: Ask) -> bool:
    return ask.method == "GET" and ask.path.startswith("/api/users/")


def _by_address(_scene: Scene, ask: Ask) -> bool:
    return _members(_scene, ask) and "email" in _query(ask)


def _all_members(_scene: Scene, ask: Ask) -> bool:
    return _members(_scene, ask) and "email" not in _query(ask)


def _status(_scene: Scene, ask: Ask) -> bool:
    return ask.method == "POST" and ask.path.endswith("/status/")


def _tokens(_scene: Scene, ask: Ask) -> bool:
    return ask.method == "GET" and ask.path.startswith("/api/org/tokens/")


HALVES = ("active_users", "inactive_users")
SHARED = ("two accounts share the address", "a second account meanwhile", "a second account after it")
"""Worlds that BottleCRM refuses: no two people have one address there."""


def _people(
    when: Callable[[Scene, Ask], bool], change: Rows, *, counts: bool = False, halves: Sequence[str] = HALVES
) -> Callable[..., Answer]:
    """Change the members in answers. `counts`: the totals follow."""

    def lie(scene: Scene, ask: Ask, send: Send) -> Answer:
        status, content = send()
        if status != 200 or not when(scene, ask):
            return status, content
        answer = json.loads(content)
        for half in halves:
            answer[half][half] = change(scene, answer[half][half])
            if counts:
                answer[half][f"{half}_count"] = len(answer[half][half])
        return status, json.dumps(answer).encode()

    return lie


def _empty_token_list(_scene: Scene, ask: Ask, send: Send) -> Answer:
    return (200, json.dumps({"tokens": []}).encode()) if _tokens(_scene, ask) else send()


def other_member(scene: Scene, row: Any) -> Any:
    """Return somebody else's record in place of the leaver's."""
    members = cast("Members", scene.app)
    number = members.server.profile_id("max@x.example")
    who = {**row["user_details"], "id": members.server.user_id("max@x.example"), "email": "max@x.example"}
    return {**row, "id": number, "user_details": who}


BOTTLECRM: tuple[World, ...] = (
    World("nothing misleads", undo=True),
    World("lookups find nobody", lie=_people(_by_address, _nobody, counts=True)),
    World("lookups hide the leaver", lie=_people(_by_address, _not_mine)),
    World("the list shows nobody", lie=_people(_all_members, _nobody, counts=True)),
    World("the list hides the leaver", lie=_people(_all_members, _not_mine, counts=True)),
    World("lookups find nobody, and the list shows one of many", lie=_people(_members, _first, counts=True)),
    World("lookups answer somebody else", lie=_people(_by_address, _mine(other_member))),
    World("the list answers somebody else", lie=_people(_all_members, _mine(other_member))),
    World("everybody is somebody else", lie=_people(_members, _mine(other_member))),
    World("members without is_active", lie=_people(_members, _without("is_active"))),
    World("is_active as text", lie=_people(_members, _with("is_active", str))),
    World("is_active is null", lie=_people(_members, _with("is_active", lambda _value: None))),
    World("members without user", lie=_people(_members, _without("user_details"))),
    World("members without ids", lie=_people(_members, _without("id"))),
    World("members without a count of tokens", lie=_people(_members, _without("active_token_count")), undo=True),
    World("an empty list of tokens", lie=_empty_token_list, undo=True),
    World("no half of inactive members", lie=_people(_members, _nobody, counts=True, halves=HALVES[1:])),
    World("no half of active members", lie=_people(_members, _nobody, counts=True, halves=HALVES[:1])),
    World(
        "no active members since notice",
        lie=_people(_members, _nobody, counts=True, halves=HALVES[:1]),
        after_notice=nothing,
    ),
    World("changes without effect", lie=no_effect(_status, b'{"error": false}')),
    World("changes refused", lie=_fails(_status, 403, b'{"detail": "You do not have permission"}')),
    World("lookups refused", lie=_fails(_by_address, 403, b'{"detail": "no"}')),
    World("the list is not there", lie=_fails(_members, 404, b'{"detail": "not found"}')),
    World("server errors on lookups", lie=_fails(_by_address, 500)),
    World("half an answer", lie=_halved(_members)),
    World("an empty answer", lie=_fails(_members, 200, b"{}")),
    World("null", lie=_fails(_members, 200, b"null")),
    World("lookups from a cache", lie=frozen(_by_address)),
    World("everything from a cache", lie=frozen(_members)),
    World("hidden since notice", lie=_people(_members, _not_mine, counts=True), after_notice=nothing),
    *(one for one in PEOPLE if one.name not in SHARED),
    World(
        "reopened, then hidden and counted",
        lie=_people(_members, _not_mine),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World(
        "reopened, then nobody",
        lie=_people(_members, _nobody, counts=True),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World(
        "reopened, then no active members",
        lie=_people(_members, _nobody, counts=True, halves=HALVES[:1]),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World(
        "reopened, then without is_active",
        lie=_people(_members, _without("is_active")),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World(
        "reopened, then refused",
        lie=_fails(_members, 403, b'{"detail": "no"}'),
        lies_after_lock=True,
        after_lock=reopen_app,
    ),
    World(
        "undo without effect",
        lie=no_effect(_status, b'{"error": false}'),
        lies_after_lock=True,
        after_lock=nothing,
        undo=True,
    ),
)
