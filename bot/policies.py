"""The company's policies: from the settings, in the services' types."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from config.client_book import ClientSettings
from config.settings import ProfileSettings, Settings
from config.stages import StageSettings
from connectors.contract import IntroductionWay
from workflows.cases.holds import CasePolicy
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.clients.introduction_policy import IntroductionPolicy
from workflows.clients.rates import Rates
from workflows.clients.split.allocation import AllocationRule, AllocationTarget, Traits
from workflows.clients.split.rules import AllocationPolicy
from workflows.stage_acts import StageAct
from workflows.stages.days import CasePlan
from workflows.watch.responses import FindingPolicy

CONDITIONS = ("segment", "language", "region", "stage", "sensitivity")


@dataclass(frozen=True, slots=True)
class Policies:
    """The company's policies, in the services' types."""

    cases: CasePolicy = field(default_factory=CasePolicy)
    approvals: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    allocation: AllocationPolicy = field(default_factory=AllocationPolicy)
    findings: FindingPolicy = field(default_factory=FindingPolicy)
    introductions: IntroductionPolicy = field(default_factory=IntroductionPolicy)
    stages: CasePlan = field(default_factory=lambda: case_plan(StageSettings()))


def read_policies(settings: Settings) -> Policies:
    """Return the company's policies from the settings."""
    policy, roles = settings.policy, settings.roles
    return Policies(
        CasePolicy(
            policy.undo_days,
            policy.mass_cases_per_hour,
            policy.immediate_needs_second,
            policy.mass_share,
            settings.slack.security_channel,
        ),
        _approvals(settings),
        _allocation(settings.clients),
        FindingPolicy(
            policy.relock,
            timedelta(days=policy.dormant_days),
            policy.accept_days,
            tuple(dict.fromkeys((*roles.security.users, *roles.admin.users))),
        ),
        _introductions(settings),
        case_plan(settings.stages),
    )


def case_plan(stages: StageSettings) -> CasePlan:
    """Return the acts of each stage, in the services' types."""
    return {name: tuple(map(StageAct, acts)) for name, acts in stages.acts.items()}


def profile_stages(profile: ProfileSettings) -> CasePlan | None:
    """Return the stages of a profile's cases; None: those of the settings."""
    return None if profile.stages is None else case_plan(profile.stages)


def named_in_rules(clients: ClientSettings) -> tuple[str, ...]:
    """Return the addresses that the rules name, each once, in their order."""
    return tuple(dict.fromkeys(address for rule in clients.rules for address in rule.successors))


def _approvals(settings: Settings) -> ApprovalPolicy:
    said, company = settings.approvals, settings.company
    return ApprovalPolicy(
        receivers=said.receivers,
        tell_receivers=said.tell_receivers,
        rules=tuple(
            AdditionalApproval(
                name,
                (*rule.users, *rule.groups),
                rule.need,
                rule.above_clients,
                rule.above_value,
                rule.sensitivity,
                rule.escalate_to,
            )
            for name, rule in said.rules.items()
        ),
        escalate_to=said.escalate_to,
        remind_days=said.remind_days,
        escalate_days=said.escalate_days,
        expire_days=said.expire_days,
        calendars=said.calendars,
        country=company.holidays,
        zone=company.timezone,
        rates=_rates(settings.clients),
    )


def _introductions(settings: Settings) -> IntroductionPolicy:
    said, spoken = settings.clients.introductions, settings.company.language
    ways = {system: IntroductionWay(way) for system, way in said.systems.items()}
    return IntroductionPolicy(ways, said.texts.get(spoken, ""), spoken, settings.company.name)


def _allocation(clients: ClientSettings) -> AllocationPolicy:
    rules = [
        AllocationRule(_traits((name, getattr(rule, name)) for name in CONDITIONS), rule.successors)
        for rule in clients.rules
    ]
    colleagues = {
        key: AllocationTarget(
            key,
            one.capacity,
            _traits(
                [
                    ("team", one.team),
                    *(("language", language) for language in one.languages),
                    *(("region", region) for region in one.regions),
                    *(("segment", segment) for segment in one.segments),
                ]
            ),
        )
        for key, one in clients.colleagues.items()
    }
    return AllocationPolicy(tuple(rules), colleagues, _rates(clients), counts_present_load=clients.count_present_load)


def _rates(clients: ClientSettings) -> Rates | None:
    said = clients.currencies
    return Rates(said.base, said.rates, said.as_of, said.oldest_days) if said else None


def _traits(pairs: Iterable[tuple[str, str]]) -> Traits:
    return frozenset((name, value.casefold()) for name, value in pairs if value)
