"""Requests for a case, from options of a command, Slack profiles and the facts of a plan.

An offboarding continues without profiles while Slack does not answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from slack_sdk.errors import SlackClientError

from bot import workdays
from bot.cli.arguments import leaver_named
from bot.cli.checks.slack import client, network_reason
from bot.cli.output import CommandError, moment
from bot.slack.people import Profile, SlackUsers, colleague_objection
from bot.text import _, listed, punctuated
from config.settings import ProfileSettings, Settings, Slack
from workflows.cases.views import OffboardingRequest, Plan
from workflows.people import Actor, Leaver, Successor

SECONDS = 3
"""Time limit of a request for a profile. Short, since a person waits, perhaps because Slack is down."""


def profiles(slack: Slack, addresses: Iterable[str]) -> tuple[dict[str, Profile], str]:
    """Return profiles by exact address, and the reason why further ones are missing, or an empty text."""
    asking, found = SlackUsers(client(slack, SECONDS)), {}
    for address in dict.fromkeys(a.lower() for a in addresses if a):
        try:
            found[address] = asking.by_email(address)
        except SlackClientError as error:
            answer = getattr(error, "response", {})
            if answer.get("error") != "users_not_found":
                return found, str(answer.get("error") or error)
        except OSError as error:
            return found, network_reason(error)
    return found, ""


def profile_named(settings: Settings, name: str) -> ProfileSettings:
    """Return a profile, or an empty one without a name. Raises `CommandError` for an unknown one."""
    if name and name not in settings.profiles:
        said = _("There is no profile {name!r}. Known: {names}.")
        raise CommandError(said.format(name=name, names=listed(settings.profiles) or _("none")))
    return settings.profiles.get(name, ProfileSettings())


def approver_of(plan: Plan, named: str, directory: str) -> str:
    """Return the address of the approver: the one named, or the line manager. Raises `CommandError` without one."""
    if address := named or plan.leaver.manager_email:
        return address
    if any(one.system == directory and one.problem for one in plan.systems):
        said = _("An approver is missing. The directory did not answer, so the line manager is unknown.")
    else:
        said = _("An approver is missing, and the directory knows no line manager.")
    raise CommandError(said, _("Add --approver EMAIL."))


def manager_id(plan: Plan, people: dict[str, Profile]) -> str:
    """Return the Slack id of the line manager who is told of the case; empty where Slack does not know one."""
    manager = people.get(plan.leaver.manager_email.lower())
    return manager.id if manager and not colleague_objection(manager, plan.leaver.slack_id) else ""


def asked_of(
    plan: Plan, approver: str, successors: Sequence[str], by: Actor, people: dict[str, Profile], directory: str
) -> tuple[Successor, tuple[Successor, ...]]:
    """Return the approver and the successors of a case. Raises `CommandError` where one is missing or cannot be asked.

    Without clients, nobody has to be named. If clients turn up later, the line manager is asked, else the author.
    """
    receivers = tuple(colleague(one, people) for one in successors)
    if not plan.owns_nothing or approver:
        return colleague(approver_of(plan, approver, directory), people), receivers
    try:
        asked = colleague(approver_of(plan, "", directory), people)
    except CommandError:
        asked = by.colleague()
    return asked, receivers


def as_known(leaver: Leaver, found: Profile | None, zone: str) -> Leaver:
    """Return a leaver with the details of the Slack profile, if that is of a member of our own workspace. Pure."""
    if found is None or found.outside:
        return replace(leaver, timezone=zone)
    place = workdays.known_zone(found.timezone, zone)  # Slack may name a zone that this machine does not know
    known = replace(leaver, name=found.name, slack_id=found.id, timezone=place, title=found.title)
    return known.knowing([found.email])


def colleague(address: str, people: dict[str, Profile]) -> Successor:
    """Return a colleague by address, with the details of the Slack profile where there is one.

    Raises `CommandError` for somebody who, by the profile, may not approve or receive clients.
    """
    email = leaver_named(address).email
    known = people.get(email.lower())
    if known and (why := colleague_objection(known, "")):
        raise CommandError(punctuated("{email}: {why}").format(email=email, why=why))
    return Successor(email.lower(), known.name if known else email, email, known.id if known else "")


def question(request: OffboardingRequest) -> str:
    """Return the question before any write, with the leaver, the time, the successors and the approver. Pure."""
    zone = request.leaver.timezone
    text = _(
        "Lock {name} <{email}> out of every system: {when}. Clients go to {successors} ({strategy}) after approval by "
        "{approver}. Reason: {reason}. Continue?"
    )
    if request.clientless:
        text = _(
            "Lock {name} <{email}> out of every system: {when}. No clients were found. If some turn up, {approver} is "
            "asked. Reason: {reason}. Continue?"
        )
    if request.keep_access:
        text = _(
            "Lock nothing. After approval by {approver}, hand over clients of {name} <{email}> to {successors} until "
            "{back}. Continue?"
        )
    return text.format(
        name=request.leaver.name,
        email=request.leaver.email,
        when=moment(request.effective_at, zone) if request.effective_at else _("NOW"),
        successors=listed(one.name for one in request.successors) or _("nobody"),
        strategy=request.strategy.value,
        approver=request.approver.name,
        reason=request.reason.value,
        back=moment(request.return_on, zone),
    )
