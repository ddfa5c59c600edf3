"""Conversion of the settings' split rules to an allocation policy."""

from config.client_book import ClientSettings, ColleagueSettings, SplitRule
from workflows.clients.split.allocation import AllocationRule, Traits
from workflows.clients.split.rules import AllocationPolicy
from workflows.clients.split.rules import SuccessorProfile as Known

CONDITIONS = ("segment", "language", "region", "sensitivity")


def split_rules(clients: ClientSettings) -> AllocationPolicy:
    """Return the company's allocation policy."""
    return AllocationPolicy(
        tuple(map(_rule, clients.rules)), {key: _known(one) for key, one in clients.colleagues.items()}
    )


def named_in_rules(clients: ClientSettings) -> tuple[str, ...]:
    """Return the addresses that the rules name, each once, in their order."""
    return tuple(dict.fromkeys(address for rule in clients.rules for address in rule.successors))


def _rule(rule: SplitRule) -> AllocationRule:
    traits = {(name, str(getattr(rule, name)).casefold()) for name in CONDITIONS if getattr(rule, name)}
    return AllocationRule(frozenset(traits), rule.successors)


def _known(one: ColleagueSettings) -> Known:
    traits: Traits = frozenset(
        {
            *((("team", one.team.casefold()),) if one.team else ()),
            *(("language", language.casefold()) for language in one.languages),
            *(("region", region.casefold()) for region in one.regions),
        }
    )
    return Known(one.capacity, traits)
