"""The settings' wishes for every split, as the middle takes them; and whom the company's rules name."""

from config.client_book import BookRule, Clients, Colleague
from workflows.clients.split.allocation import Rule, Traits
from workflows.clients.split.rules import Colleague as Known
from workflows.clients.split.rules import Wishes

CONDITIONS = ("segment", "language", "region", "sensitivity")


def wishes_of(clients: Clients) -> Wishes:
    """Return the company's wishes."""
    return Wishes(tuple(map(_rule, clients.rules)), {key: _known(one) for key, one in clients.colleagues.items()})


def named_in_rules(clients: Clients) -> tuple[str, ...]:
    """Return the addresses that the rules name, each once, in their order."""
    return tuple(dict.fromkeys(address for rule in clients.rules for address in rule.successors))


def _rule(rule: BookRule) -> Rule:
    traits = {(name, str(getattr(rule, name)).casefold()) for name in CONDITIONS if getattr(rule, name)}
    return Rule(frozenset(traits), rule.successors)


def _known(one: Colleague) -> Known:
    traits: Traits = frozenset(
        {
            *((("team", one.team.casefold()),) if one.team else ()),
            *(("language", language.casefold()) for language in one.languages),
            *(("region", region.casefold()) for region in one.regions),
        }
    )
    return Known(one.capacity, traits)
