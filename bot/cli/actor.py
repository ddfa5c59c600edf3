"""The actor of a command: the log-in that the kernel vouches for, a person with a one-time code, or a script.

Nothing that the caller can set counts: no SUDO_USER, no LOGNAME, no USER, no owner of the process. There is no switch
that turns this off.
"""

import hmac
import os
import pwd
import sys
from pathlib import Path

import typer

from bot.cli.case_request import SECONDS
from bot.cli.checks.slack import client
from bot.cli.output import EXIT_FAILURE, CommandError, warn
from bot.services import Services
from bot.slack.authorize import Authorizer
from bot.text import N_, _, listed
from config.actors import ActorSettings, actor_id, owner_of, table_of
from config.settings import Settings
from workflows.authorization import HOLDERS, Right, granted
from workflows.people import SERVICE, TERMINAL, Actor
from workflows.storage.enrolments import EnrolledPerson

AS, CODE = "handover.as", "HANDOVER_CODE"
LOGIN_UID, SESSION_ID = Path("/proc/self/loginuid"), Path("/proc/self/sessionid")
SESSIONS = Path("/run/systemd/sessions")
UNSET = str(2**32 - 1)
"""Value that the kernel keeps without a log-in: in a container, in a service."""
HOW = N_("Add --as PERSON, and give the person's one-time code when asked, on standard input or in HANDOVER_CODE.")


def author(ctx: typer.Context, services: Services, right: Right, *asked: str) -> Actor:
    """Return the person or script that runs the command, and use up their code. Raises `CommandError`, `Refused`.

    They need a role with the right, unless their Slack id is among the people who are `asked`.
    """
    found, table = identify(services, str(ctx.meta.get(AS, "")))
    own = bool(found.slack_id) and found.slack_id in asked
    if not own and not may(services.settings, found, table, right):
        services.journal.note("refused", found, {"what": right})
        raise CommandError(
            _("{name} is not allowed to do this: {right}.").format(name=found.name, right=right),
            _("It needs one of these roles: {roles}. See [roles] and [actors.NAME] in the configuration.").format(
                roles=listed(HOLDERS[right])
            ),
            EXIT_FAILURE,
        )
    return found


def identify(services: Services, who: str) -> tuple[Actor, ActorSettings]:
    """Return the actor, and the actor's table in the configuration. `who`: the value of `--as`."""
    actors, account = services.settings.actors, login()
    owner = owner_of(actors, account)
    if not who:
        if not account:
            raise CommandError(_("No log-in of this machine shows who acts here."), _(HOW))
        if not owner:
            raise CommandError(_("No [actors.NAME] table names the log-in {account}.").format(account=account), _(HOW))
        return named(owner, actors[owner], login=TERMINAL + account), actors[owner]
    session = named(owner, actors[owner]).id if owner else TERMINAL + account if account else ""
    table = actors.get(who)
    if table and table.secret:
        script = Actor(SERVICE + who, who, terminal=True, login=session)
        if not hmac.compare_digest(code(who).encode(), table.secret.get_secret_value().encode()):
            services.journal.note("refused", script, {"what": "wrong secret"})
            raise CommandError(_("This is not the secret of {name}. Nothing was done.").format(name=who))
        return script, table
    person = prove(services, who)
    return person.actor(session), table or table_of(actors, person.id)


def prove(services: Services, who: str) -> EnrolledPerson:
    """Ask for a person's one-time code, and use it up. `who`: a name in [actors], a Slack id or an address."""
    person_id = identity(services, who).id
    person = services.enrolments.prove(person_id, code(who))
    if person.guesses:
        warn(_("{count} wrong codes were given for {name} within a day.").format(count=person.guesses, name=who))
        warn(_("If those were not yours, tell security, which has a finding about it."))
    return person


def identity(services: Services, who: str) -> Actor:
    """Return the person who is meant, without any proof. Raises `CommandError` for somebody who is not known."""
    table = services.settings.actors.get(who)
    if table and not table.service:
        return named(who, table)
    known = services.enrolments.find(who)
    if known is None:
        raise CommandError(
            _("{who!r} is neither in [actors] nor enrolled for one-time codes.").format(who=who),
            _("`handover enrol` lists the people who are enrolled."),
        )
    return Actor(known.id, known.name, known.email)


def code(who: str, *, again: bool = False) -> str:
    """Return the code or secret from the environment, from standard input, or from the person at the terminal.

    It is never an argument, since every user of the machine can see those. `again`: not from the environment.
    """
    given = "" if again else os.environ.get(CODE, "")
    if not given and sys.stdin.isatty():
        given = typer.prompt(_("One-time code of {who}").format(who=who), hide_input=True, err=True)
    given = (given or sys.stdin.readline()).strip()
    if not given:
        raise CommandError(_("The one-time code of {who} is missing. Nothing was done.").format(who=who), _(HOW))
    return given


def may(settings: Settings, found: Actor, table: ActorSettings, right: Right) -> bool:
    """Return whether the actor has the right at the terminal, by their table or by a role in Slack."""
    if granted(table, right) or not found.slack_id:
        return granted(table, right)
    # Standing is checked with the act (workflows.authorization): a proof counts on the day Slack is down, too.
    authorizer = Authorizer(settings.roles, client(settings.slack, SECONDS))
    return any(authorizer.holds(found.slack_id, role) for role in HOLDERS[right])


def login() -> str:
    """Return the account of this log-in session, or an empty text where nothing vouches for one.

    A process without a log-in may write its own `loginuid` (kernel/audit.c, `audit_set_loginuid_perm`). The id counts
    only if the record of this session, which root alone can write (systemd-logind), has the same user.
    """
    try:
        uid, session = LOGIN_UID.read_text().strip(), SESSION_ID.read_text().strip()
        if UNSET in (uid, session):
            return ""
        record = SESSIONS / session
        lines = record.read_text().splitlines()
        if record.stat().st_uid or f"UID={uid}" not in lines or f"AUDIT={session}" not in lines:
            return ""
        return account(int(uid))
    except (OSError, ValueError):
        return ""


def account(uid: int) -> str:
    """Return an account's name, or its number where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def named(name: str, table: ActorSettings, login: str = "") -> Actor:
    """Return the person of a table, without any proof."""
    return Actor(actor_id(name, table), name, table.email, terminal=True, login=login)
