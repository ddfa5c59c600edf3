"""Every configured system: does it answer, and is our credential good."""

from collections.abc import Mapping

from bot.cli.checks.result import Check, CheckResult
from bot.text import _, ngettext
from connectors.contract import Administrators, Connector, Groups, Verdict
from connectors.errors import BadCredential, ConnectorError, Forbidden, Unavailable
from workflows.access import last_administrator
from workflows.systems.registry import System

TODO: tuple[tuple[type[ConnectorError], str], ...] = (
    (BadCredential, "Renew the credential, and give its reference in [systems.{name}]."),
    (Forbidden, "Grant the bot's user there what is missing, or correct [systems.{name}] where that is at fault."),
    (Unavailable, "See that [systems.{name}] is right, and its address reachable from this machine."),
)


def checks(systems: Mapping[str, System]) -> list[Check]:
    """Return one check for each system."""
    return [_check(system) for system in systems.values()]


def _check(system: System) -> Check:
    what = f"systems.{system.name}"

    def look() -> list[CheckResult]:
        try:
            said = f"{system.manifest.title}: {system.connector.check()}"
        except ConnectorError as error:
            return [CheckResult(what, False, str(error), todo(system.name, error))]
        return [CheckResult(what, True, said), *pace(system), *_groups(system)]

    return Check(what, look)


def pace(system: System) -> list[CheckResult]:
    """Find a limit on requests that nobody would keep."""
    kept = type(system.connector).use_rate_limiter is not Connector.use_rate_limiter
    if kept or not system.manifest.limits.requests:
        return []
    said = _("this kind of system keeps no limit on requests")
    return [
        CheckResult(
            f"systems.{system.name}.request_limit",
            False,
            said,
            _("Take request_limit out of [systems.{name}].").format(name=system.name),
        )
    ]


def _groups(system: System) -> list[CheckResult]:
    """Look up the groups that the settings name: a misspelt one would keep every lock-out or restriction back."""
    if system.restrict_groups and not system.has(Groups):
        what = f"systems.{system.name}.restrict_groups"
        said = _("this kind of system has no groups that Handover could take anybody out of")
        return [
            CheckResult(what, False, said, _("Take restrict_groups out of [systems.{name}].").format(name=system.name))
        ]
    named = [("administrators", group) for group in system.administrators]
    if system.has(Administrators):
        named += [("restrict_groups", group) for group in system.restrict_groups]
    return [_group(system, key, group) for key, group in named]


def _group(system: System, key: str, group: str) -> CheckResult:
    what = f"systems.{system.name}.{key}"
    try:
        members = last_administrator.group_members(system, group, believing_nobody=key != "administrators")
    except ConnectorError as error:
        fix = _("Correct {key} in [systems.{name}].").format(key=key, name=system.name)
        return CheckResult(what, False, str(error), fix)
    able = sum(one.verdict is Verdict.OPEN for one in members)
    said = ngettext("{group}: {count} person who can log in", "{group}: {count} people who can log in", able)
    return CheckResult(what, True, said.format(group=group, count=able))


def todo(name: str, error: ConnectorError) -> str:
    """Return what to do about an error. Pure."""
    text = next((text for kind, text in TODO if isinstance(error, kind)), "See the connector's README.")
    return _(text).format(name=name)
