"""Every configured system: does it answer, and is our credential good."""

from collections.abc import Mapping

from bot.cli.checks.result import Check, Result
from bot.text import _
from connectors.errors import BadCredential, ConnectorError, Forbidden, Unavailable
from workflows.systems import System

TODO: tuple[tuple[type[ConnectorError], str], ...] = (
    (BadCredential, "Renew the credential, and give its reference in [systems.{name}]."),
    (Forbidden, "Grant what is missing to the bot's user in that system."),
    (Unavailable, "See that the address in [systems.{name}] is right and reachable from this machine."),
)


def checks(systems: Mapping[str, System]) -> list[Check]:
    """Return one check for each system."""
    return [_check(system) for system in systems.values()]


def _check(system: System) -> Check:
    what = f"systems.{system.name}"

    def look() -> list[Result]:
        try:
            return [Result(what, True, f"{system.manifest.title}: {system.connector.check()}")]
        except ConnectorError as error:
            return [Result(what, False, str(error), todo(system.name, error))]

    return Check(what, look)


def todo(name: str, error: ConnectorError) -> str:
    """Return what to do about an error. Pure."""
    text = next((text for kind, text in TODO if isinstance(error, kind)), "See the connector's README.")
    return _(text).format(name=name)
