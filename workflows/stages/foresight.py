"""Stages of a plan: what each act would do now, from reads of all systems at once. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from config.stages import AT_NOTICE, day_of
from config.text import _, join
from connectors.contract import AccountId
from connectors.errors import ConnectorError
from workflows.stage_acts import ActHandler, StageAct
from workflows.stages.days import CasePlan, day_later
from workflows.stages.views import PlannedAct, PlannedStage
from workflows.storage.work import say
from workflows.systems.registry import System, Systems

SECONDS = 5.0
"""Time for one system. A person waits for the plan meanwhile."""


def foresee(
    systems: Systems, handlers: Sequence[ActHandler], stages: CasePlan, found: Mapping[str, Sequence[AccountId]]
) -> tuple[PlannedStage, ...]:
    """Return the stages with a sentence for each act and system. `found`: the leaver's accounts by system.

    A system that does not answer in time is said not to be known.
    """
    by_act = {one.act: one for one in handlers}
    wanted = [act for act in dict.fromkeys(act for acts in stages.values() for act in acts) if act in by_act]

    def ask(system: System) -> Mapping[StageAct, str]:
        offered = [act for act in wanted if by_act[act].applies(system)]
        return {act: _sentence(by_act[act], system, found.get(system.name, ())) for act in offered}

    answers = systems.ask(ask, SECONDS) if wanted else {}
    return tuple(
        PlannedStage(name, tuple(PlannedAct(act, tuple(_lines(systems, by_act.get(act), answers))) for act in acts))
        for name, acts in stages.items()
    )


def planned(stages: CasePlan) -> tuple[PlannedStage, ...]:
    """Return the stages of a plan without a read."""
    return tuple(PlannedStage(name, tuple(PlannedAct(act, ()) for act in acts)) for name, acts in stages.items())


def dated(stages: Sequence[PlannedStage], effective_at: datetime, now: datetime, zone: str) -> tuple[PlannedStage, ...]:
    """Return the stages of a plan with their days. The one at notice comes as the case is opened."""
    return tuple(
        replace(one, at=now if one.name == AT_NOTICE else day_later(effective_at, day_of(one.name), zone))
        for one in stages
    )


def _lines(
    systems: Systems, handler: ActHandler | None, answers: Mapping[str, Mapping[StageAct, str] | ConnectorError]
) -> list[tuple[str, str]]:
    if handler is None:
        return []
    said = []
    for name, answer in answers.items():
        system = systems[name]
        if not handler.applies(system):
            continue
        words = _("not known now: {why}").format(why=say(answer)) if isinstance(answer, ConnectorError) else None
        said.append((system.manifest.title, words or (answer[handler.act] if isinstance(answer, Mapping) else "")))
    return said


def _sentence(handler: ActHandler, system: System, accounts: Sequence[AccountId]) -> str:
    if len(accounts) != 1:
        none = _("no account was found there, so it is not known yet")
        return none if not accounts else _("several accounts match; a person must choose one first")
    try:
        return join("; ", handler.foresee(system, accounts)) or _("nothing to do now")
    except ConnectorError as error:
        return _("not known now: {why}").format(why=say(error))
