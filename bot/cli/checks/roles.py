"""Check of the people who hold a role, by id or by a user group of Slack."""

from collections.abc import Iterator
from functools import partial
from itertools import chain

from bot.cli.checks import Check, CheckResult
from bot.cli.checks.slack import SECONDS, client, network_reason
from bot.slack.members import SlackMembers
from bot.text import _
from config.settings import Role, Roles, Slack
from workflows.ports import DeliveryFailed

MOST = 40
"""Members that are looked up for one role."""


def checks(slack: Slack, roles: Roles) -> list[Check]:
    """Return a check for each role that somebody holds."""
    members = SlackMembers(client(slack, SECONDS))
    held = [(f"roles.{name}", role) for name, role in roles if role.users or role.groups]
    return [Check(what, partial(_look, what, role, members)) for what, role in held]


def _look(what: str, role: Role, members: SlackMembers) -> list[CheckResult]:
    """Say who of a role has no right, though the configuration or the group names them."""
    return [_result(what, role, members)]


def _result(what: str, role: Role, members: SlackMembers) -> CheckResult:
    try:
        groups = {group: members.group(group) for group in role.groups}
        people = dict.fromkeys((*role.users, *chain.from_iterable(groups.values())))
        empty = _("nobody is in {group}, or it does not exist")
        faults = [empty.format(group=group) for group, users in groups.items() if not users]
        faults += _without_standing(list(people)[:MOST], members)
    except DeliveryFailed as failed:
        cause = failed.__cause__
        why = network_reason(cause) if isinstance(cause, OSError) else str(failed)
        return CheckResult(what, False, why, _("Try again. Until Slack answers, nobody has a right by it."))
    if faults:
        todo = _("Take them out of the group, or out of [roles]. Meanwhile they have no right.")
        return CheckResult(what, False, "; ".join(faults), todo)
    if len(people) > MOST:
        said = _("{seen} of {count} people were looked at").format(seen=MOST, count=len(people))
        return CheckResult(what, True, said, _("Give the role to a smaller group."), unseen=True)
    return CheckResult(what, True, _("full members: {count}").format(count=len(people)))


def _without_standing(people: list[str], members: SlackMembers) -> Iterator[str]:
    for user in people:
        found = members.find(user)
        why = found.standing if found else _("is not in this Slack workspace")
        if why:
            yield f"{found.name if found else user} {why}"
