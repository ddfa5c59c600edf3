"""Checks of every configured system: answer, credential, limits, groups."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bot.cli.checks import Check, CheckResult
from bot.text import N_, _, ngettext, punctuated
from connectors.contract import Administrators, Connector, Groups, Verdict
from connectors.errors import BadCredential, ConnectorError, Forbidden, Unavailable, Untrusted
from workflows.access.protected import group_members
from workflows.systems.registry import System

TODO: tuple[tuple[type[ConnectorError], str], ...] = (
    (BadCredential, N_("Renew the credential, and correct its reference in [systems.{name}].")),
    (Forbidden, N_("Grant the missing permission to the bot's user, or correct [systems.{name}].")),
    (Untrusted, N_("Name the file of the authority that signed the certificate in [systems.{name}].")),
    (Unavailable, N_("Check the address in [systems.{name}], and that this machine can reach it.")),
)

TODO_SHORT = N_("Give the bot's user the right to see them, or correct the figure or the second user in the settings.")
TODO_UNSEEN = N_("Give the bot's user the right to see it, or check it there by hand.")


def checks(systems: Mapping[str, System]) -> list[Check]:
    """Return one check for each system."""
    return [Check(f"systems.{system.name}", partial(_look, system)) for system in systems.values()]


def kinds(outside: Sequence[Any]) -> list[Check]:
    """Return one check for each kind of another package."""
    return [Check(f"connectors.{one.kind}", partial(_kind, one)) for one in outside]


def _kind(outside: Any) -> list[CheckResult]:
    fix = _("Install a corrected version of that package, or uninstall it.")
    return [CheckResult(f"connectors.{outside.kind}", not outside.fault, outside.fault or outside.package, fix)]


def _look(system: System) -> list[CheckResult]:
    what = f"systems.{system.name}"
    try:
        said = punctuated(": ").join((system.manifest.title, system.connector.check()))
        short = [CheckResult(what, False, one, _(TODO_SHORT)) for one in system.connector.shortfalls()]
        unseen = [CheckResult(what, True, one, _(TODO_UNSEEN), unseen=True) for one in system.connector.blind_spots()]
    except ConnectorError as error:
        return [CheckResult(what, False, str(error), todo(system.name, error), cause=_cause(error))]
    return [CheckResult(what, True, said), *short, *unseen, *pace(system), *_groups(system)]


def _cause(error: ConnectorError) -> str:
    if isinstance(error, Untrusted):
        return "certificate"
    return "credential" if isinstance(error, BadCredential) else ""


def pace(system: System) -> list[CheckResult]:
    """Report a configured request limit that this kind of system would not keep."""
    kept = type(system.connector).use_rate_limiter is not Connector.use_rate_limiter
    if kept or not system.manifest.limits.requests:
        return []
    said = _("this kind of system has no request limit")
    return [
        CheckResult(
            f"systems.{system.name}.request_limit",
            False,
            said,
            _("Remove request_limit from [systems.{name}].").format(name=system.name),
        )
    ]


def _groups(system: System) -> list[CheckResult]:
    """Look up the configured groups. A misspelt group would block every lock-out or restriction."""
    if system.restrict_groups and not system.has(Groups):
        what = f"systems.{system.name}.restrict_groups"
        said = _("this kind of system has no groups that Handover can change")
        return [
            CheckResult(what, False, said, _("Remove restrict_groups from [systems.{name}].").format(name=system.name))
        ]
    named = [("administrators", group) for group in system.administrators]
    if system.has(Administrators):
        named += [("restrict_groups", group) for group in system.restrict_groups]
    return [_group(system, key, group) for key, group in named]


def _group(system: System, key: str, group: str) -> CheckResult:
    what = f"systems.{system.name}.{key}"
    try:
        members = group_members(system, group, believing_nobody=key != "administrators")
    except ConnectorError as error:
        fix = _("Correct {key} in [systems.{name}].").format(key=key, name=system.name)
        return CheckResult(what, False, str(error), fix)
    able = sum(one.verdict is Verdict.OPEN for one in members)
    said = ngettext("{group}: {count} person who can log in", "{group}: {count} people who can log in", able)
    return CheckResult(what, True, said.format(group=group, count=able))


def todo(name: str, error: ConnectorError) -> str:
    """Return the remedy of an error. Pure."""
    text = next((text for kind, text in TODO if isinstance(error, kind)), N_("See the connector's README."))
    return _(text).format(name=name)
