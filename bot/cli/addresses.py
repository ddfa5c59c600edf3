"""Addresses of people, as typed at the terminal. Nobody is looked up by name."""

from collections.abc import Sequence

from bot.cli import split
from bot.cli.command_errors import CommandError
from bot.split_rules import named_in_rules
from bot.text import _
from config.settings import Settings
from workflows.people import Leaver
from workflows.storage.rows.case import Strategy


def leaver_named(email: str) -> Leaver:
    """Return a person to look up. The name comes from the directory. Raises `CommandError`."""
    address = email.strip()
    user, _at, domain = address.partition("@")
    if not user or "." not in domain or any(c.isspace() for c in address):
        raise CommandError(
            _("{text!r} is not an e-mail address.").format(text=email),
            _("Give the person's address in the company's directory. Names are not looked up."),
        )
    return Leaver("", address)


def named_successors(
    settings: Settings, leaver: str, strategy: Strategy, named: Sequence[str], data: bytes
) -> tuple[str, ...]:
    """Return all addresses that may receive clients: from options, from a file, from the company's rules."""
    ruled = named_in_rules(settings.clients) if strategy is Strategy.RULES else ()
    every = [leaver_named(one).email.lower() for one in named]
    others = [one for one in (*split.named(data), *ruled) if one != leaver.strip().lower()]
    return tuple(dict.fromkeys([*every, *others]))
