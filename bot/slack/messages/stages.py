"""Stages of a case as people read them: the next one in the case message, all of them in its details."""

from collections.abc import Iterator, Sequence

from bot.slack.messages.blocks import Block, button, pack, paragraphs, section
from bot.slack.messages.phrases import short
from bot.text import _, day, listed, moment, mrkdwn, punctuated
from workflows.cases.views import CaseView
from workflows.stage_acts import StageAct
from workflows.stages.views import (
    OPEN_STATES,
    SETTLED,
    ActLine,
    ActSystemLine,
    HoldLine,
    PlannedStage,
    StageLine,
    StageState,
    act_words,
    stage_words,
)

CHANGE, HOLD, END_HOLD = "stage_change", "legal_hold", "legal_hold_end"
MOST = 20


def next_line(view: CaseView) -> list[str]:
    """Return at most one line: what a stage has still to do, else the next stage with acts that a system offers."""
    if late := [one for one in view.stages if one.state in OPEN_STATES]:
        text = _("⚠ Stage {stage}: {state}. Details say why.")
        return [text.format(stage=stage_words(late[0].name), state=_(late[0].state))]
    planned = (one for one in view.stages if one.state is StageState.PLANNED)
    coming = next((one for one in planned if any(part.systems for part in one.acts)), None)
    if coming is None:
        return []
    text = _("Next: {stage}, {when}: {acts}")
    words = listed(act_words(one.act) for one in coming.acts if one.systems)
    return [text.format(stage=stage_words(coming.name), when=moment(coming.planned_at), acts=words)]


def hold_line(hold: HoldLine | None) -> list[str]:
    """Return the line about an open legal hold."""
    if hold is None:
        return []
    text = _("⚖ Legal hold since {when}, by {by}: {why}")
    return [text.format(when=day(hold.set_at), by=mrkdwn(hold.set_by, 80), why=short(hold.reason))]


def hold_text(hold: HoldLine, when: str) -> str:
    """Return an open legal hold as plain text. `when`: the time at which it was set."""
    text = _("Legal hold since {when}, by {by}: {why}")
    return text.format(when=when, by=hold.set_by, why=hold.reason)


def acts(stage: StageLine) -> str:
    """Return the acts of a stage in a row. One that no system offers says so."""
    return listed(act_words(one.act) if one.systems else nobody(one) for one in stage.acts)


def nobody(act: ActLine) -> str:
    """Return that no system offers an act."""
    return _("{act} (no system offers this)").format(act=act_words(act.act))


def details(view: CaseView) -> list[Block]:
    """Return all stages with what each did, and the buttons that change them."""
    blocks = paragraphs([_("*Stages*")]) if view.stages else []
    for stage in view.stages[:MOST]:
        change = button(_("Change Stage"), CHANGE, pack(case=view.id, stage=stage.name))
        text = "\n".join(stage_lines(stage, moment(stage.planned_at), mark=True))
        blocks.append(section(text, None if stage.state in SETTLED else change))
    if view.hold is not None:
        blocks.append(section("\n".join(hold_line(view.hold)), button(_("End Hold"), END_HOLD, pack(case=view.id))))
    elif view.stages:
        text = _("A legal hold stops every act that destroys something.")
        blocks.append(section(text, button(_("Set Hold"), HOLD, pack(case=view.id))))
    return blocks


def stage_lines(stage: StageLine, when: str, *, mark: bool = False) -> list[str]:
    """Return a stage, and a line for each act and system. `mark`: in Slack's markup, with names escaped."""
    head = _("*{stage}*, {when}: {state}") if mark else _("{stage}, {when}: {state}")
    lines = [head.format(stage=stage_words(stage.name), when=when, state=_(stage.state))]
    if stage.skipped_by:
        by, why = _safe(stage.skipped_by, mark=mark), _safe(stage.skipped_why, mark=mark)
        lines.append(_("Skipped by {by}: {why}").format(by=by, why=why))
    for act in stage.acts:
        if not act.systems:
            lines.append(f"• {nobody(act)}")
        elif stage.state in (StageState.PLANNED, StageState.CANCELLED):
            lines.append(f"• {act_words(act.act)}")
        else:
            lines += [f"• {_part(act, line, mark=mark)}" for line in act.systems]
    return lines


def _part(act: ActLine, line: ActSystemLine, *, mark: bool) -> str:
    return _("{act}, {system}: {said}").format(
        act=act_words(act.act),
        system=_safe(line.title, mark=mark),
        said=_safe(punctuated("; ").join(_said(line)), mark=mark),
    )


def _said(line: ActSystemLine) -> Iterator[str]:
    """Yield what a read showed of one act in one system."""
    if line.done:
        yield from (_("done: {what}").format(what=one) for one in line.done)
    elif line.complete:
        yield _("nothing was to do")
    if line.problem:
        yield _("still to do: {why}").format(why=line.problem)
    elif not line.complete:
        yield _("not done")
    yield from (_("undone: {what}").format(what=one) for one in line.undone)
    if line.not_undone:
        yield _("not undone: {why}").format(why=line.not_undone)


def _safe(text: str, *, mark: bool) -> str:
    return short(text) if mark else text


def summary(stages: Sequence[PlannedStage]) -> str:
    """Return the stages of a plan in one line, without what each would do."""
    each = punctuated("{stage}: {acts}")
    said = (each.format(stage=_when(one), acts=listed(act_words(part.act) for part in one.acts)) for one in stages)
    return punctuated("; ").join(said)


def foreseen(stages: Sequence[PlannedStage], *, mark: bool = False) -> list[str]:
    """Return the stages of a plan, a line each, with what each act would do now."""
    each = punctuated("{stage}: {acts}")
    return [
        each.format(stage=_when(stage), acts=listed(_foreseen_act(one.act, one.lines, mark=mark) for one in stage.acts))
        for stage in stages
    ]


def _when(stage: PlannedStage) -> str:
    """Return the name of a stage, with its day if the last day is known."""
    name = stage_words(stage.name)
    return _("{stage}, {when}").format(stage=name, when=day(stage.at)) if stage.at else name


def _foreseen_act(act: StageAct, lines: Sequence[tuple[str, str]], *, mark: bool) -> str:
    words = act_words(act)
    if not lines:
        return _("{act} (no system offers this)").format(act=words)
    each = punctuated("{title}: {what}")
    said = punctuated("; ").join(
        each.format(title=_safe(title, mark=mark), what=_safe(what, mark=mark)) for title, what in lines
    )
    return punctuated("{act} ({said})").format(act=words, said=said)
