"""Requests for a case, from options of a command and the facts of a plan. Pure but for the name of the operator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import workdays
from bot.cli.addresses import leaver_named
from bot.cli.command_errors import CommandError
from bot.cli.context import actor
from bot.cli.effective_time import effective
from bot.cli.output import moment
from bot.slack.people import Profile
from bot.text import _
from bot.workdays import known_zone
from config.settings import Settings
from workflows.cases.views import OffboardingRequest, Plan
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Reason, Strategy


@dataclass(frozen=True)
class Wishes:
    """The options of a case, as typed."""

    at: str
    approver: str
    strategy: Strategy
    file: bytes
    reason: Reason
    note: str
    return_on: str
    keep_access: bool


def build_request(
    settings: Settings, wishes: Wishes, plan: Plan, successors: Sequence[Successor], people: dict[str, Profile]
) -> OffboardingRequest:
    """Return the case to open. Raises `CommandError` without an approver or with an invalid time."""
    leaver, days = plan.leaver, workdays.of(settings.company)
    approver = wishes.approver or leaver.manager_email
    if not approver:
        raise CommandError(_no_approver(plan, settings.company.directory), _("Add --approver EMAIL."))
    back = effective(wishes.return_on, plan.made_at, leaver.timezone, days) if wishes.return_on else None
    return OffboardingRequest(
        leaver=leaver,
        reason=wishes.reason,
        effective_at=effective(wishes.at, plan.made_at, leaver.timezone, days),
        approver=colleague(approver, people),
        strategy=wishes.strategy,
        successors=tuple(successors),
        requested_by=actor(),
        channel=settings.slack.case_channel,
        note=wishes.note,
        return_on=back,
        keep_access=wishes.keep_access,
        assignment_file=wishes.file,
    )


def _no_approver(plan: Plan, directory: str) -> str:
    if any(one.system == directory and one.problem for one in plan.systems):
        return _("An approver is missing. The directory did not answer, so the line manager is unknown.")
    return _("An approver is missing, and the directory knows no line manager.")


def as_known(leaver: Leaver, found: Profile | None, zone: str) -> Leaver:
    """Return a leaver with the details of the Slack profile. Pure."""
    if found is None:
        return replace(leaver, timezone=zone)
    place = known_zone(found.timezone, zone)  # Slack may name a zone that this machine does not know
    return replace(leaver, name=found.name, slack_id=found.id, timezone=place, title=found.title)


def colleague(address: str, people: dict[str, Profile]) -> Successor:
    """Return a colleague by address, with the details of the Slack profile where there is one."""
    email = leaver_named(address).email
    known = people.get(email.lower())
    return Successor(email.lower(), known.name if known else email, email, known.id if known else "")


def question(request: OffboardingRequest) -> str:
    """Return the question before any write, with the leaver, the time, the successors and the approver. Pure."""
    zone = request.leaver.timezone
    successors = ", ".join(one.name for one in request.successors) or _("nobody")
    if request.keep_access:
        return _(
            "Lock nothing. After approval by {approver}, hand over clients of {name} <{email}> to {successors} until "
            "{back}. Continue?"
        ).format(
            name=request.leaver.name,
            email=request.leaver.email,
            successors=successors,
            approver=request.approver.name,
            back=moment(request.return_on, zone),
        )
    when = moment(request.effective_at, zone) if request.effective_at else _("NOW")
    return _(
        "Lock {name} <{email}> out of every system: {when}. Clients go to {successors} ({strategy}) after approval by "
        "{approver}. Reason: {reason}. Continue?"
    ).format(
        name=request.leaver.name,
        email=request.leaver.email,
        when=when,
        successors=successors,
        strategy=request.strategy.value,
        approver=request.approver.name,
        reason=request.reason.value,
    )
