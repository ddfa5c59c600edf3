"""`handover enrol`: one-time codes of people, for acts at the terminal without a log-in of their own."""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from bot.cli.actor import AS, account, code, identity, login, may, named, prove
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services
from bot.cli.explanations import refused
from bot.cli.output import EXIT_FAILURE, CommandError, finish, say, show_table, warn
from bot.services import Services
from bot.text import N_, _
from config.actors import ActorSettings, owner_of, table_of
from workflows.authorization import Right
from workflows.people import TERMINAL, Actor
from workflows.refusals import Code, Refused
from workflows.storage.enrolments import EnrolledPerson

HELP = N_(
    """Without a name the command lists the people who are enrolled.

The first person may enrol here alone, before anybody else has. Afterwards an enrolled member of security or an
administrator must name themselves with --as, and give a code. Everybody with a role can enrol alone in Slack, on
Handover's Home tab.

A person who enrols here counts as one human with the person who vouched. A person who enrols in Slack does not.

--reset removes a person's codes, for example after the loss of a phone. It needs the code of a second enrolled person.
The machine's root can do it alone, which opens a finding for security.
"""
)
EXAMPLES = ("handover enrol sam", "handover enrol eva --as sam", "handover enrol eva --reset --as sam")
TRIES = 3
Name = Annotated[str, typer.Argument(metavar="NAME", help=N_("The person's table in [actors], or their address."))]
Reset = Annotated[bool, typer.Option("--reset", help=N_("Remove the person's codes, so that they can enrol again."))]


def enrol(
    ctx: typer.Context, name: Name = "", reset: Reset = False, as_json: AsJson = False, config: ConfigPath = DEFAULT
) -> None:
    """List the enrolled people, enrol one, or reset one."""
    with open_services(ctx, config) as services:
        voucher = str(ctx.meta.get(AS, ""))
        if name and reset:
            remove(services, name, voucher)
        elif name:
            add(services, name, voucher)
        else:
            people = services.enrolments.people()
            finish(people, lambda: _show(people), as_json=as_json)


def add(services: Services, name: str, voucher: str) -> None:
    """Enrol a person: show the secret, and take the first code. `voucher`: an enrolled person, empty for nobody."""
    person = identity(services, name)
    by = _vouching(services, voucher) if voucher else operator(services.settings.actors)
    address = services.enrolments.offer(person, by, alone=not voucher)
    say(_("Add this to the person's authenticator app. It is shown only now:"))
    say(address)
    for left in reversed(range(TRIES)):
        try:
            services.enrolments.confirm(person.id, code(person.name, again=True), by)
        except Refused as refusal:
            if refusal.code is not Code.WRONG_CODE or not left:
                raise
            warn(refused(refusal))
        else:
            say(_("{name} is enrolled.").format(name=person.name))
            return


def remove(services: Services, name: str, voucher: str) -> None:
    """Remove a person's codes. Raises `CommandError` unless a second enrolled person or root does it."""
    person = identity(services, name)
    if not voucher and os.geteuid() != 0:
        raise CommandError(
            _("A reset needs a second person who is enrolled."), _("Add --as PERSON. Only root can do it alone.")
        )
    by = _vouching(services, voucher) if voucher else operator(services.settings.actors)
    services.enrolments.reset(person.id, by, alone=not voucher)
    say(_("The one-time codes of {name} are removed.").format(name=person.name))
    if not voucher:
        warn(_("Security gets a finding about it, since nobody vouched for it."))


def operator(actors: Mapping[str, ActorSettings]) -> Actor:
    """Return who acts alone: the log-in, or the owner of this process where there is none, as on a first day.

    A person of [actors] counts under their own id, so that they are no second person in Slack.
    """
    name = login() or account(os.geteuid())
    if owner := owner_of(actors, name):
        return named(owner, actors[owner], login=TERMINAL + name)
    return Actor(TERMINAL + name, name, terminal=True)


def _vouching(services: Services, voucher: str) -> Actor:
    """Return an enrolled person who has the right to vouch, and use up their code."""
    by = prove(services, voucher).actor("")
    if not may(services.settings, by, table_of(services.settings.actors, by.id), Right.ENROL):
        services.journal.note("refused", by, {"what": Right.ENROL})
        raise CommandError(
            _("{name} may not enrol others. That needs the role security or admin.").format(name=by.name),
            code=EXIT_FAILURE,
        )
    return by


def _show(people: Sequence[EnrolledPerson]) -> None:
    show_table(
        [_("Person"), _("Id"), _("Vouched for by")],
        [(one.name, one.id, one.vouched_by) for one in people],
        empty=_("Nobody has one-time codes. `handover enrol NAME` enrols the first person."),
    )
