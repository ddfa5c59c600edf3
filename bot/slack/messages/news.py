"""News of a case for the people whom it concerns. No text gives the reason why somebody leaves."""

from bot.slack.messages import access, case, moves, note, stages
from bot.slack.messages.blocks import Message, header, message, paragraphs, section
from bot.slack.messages.lockout import opened
from bot.slack.messages.phrases import clients, for_a_time
from bot.text import _, day, moment, mrkdwn, plain
from workflows.cases.views import CaseView
from workflows.clients.views import NoteView
from workflows.news import Event
from workflows.stages.views import OPEN_STATES, stage_words


def build(view: CaseView, event: Event, reader: str) -> Message:
    """Return the message about one event, for one Slack user."""
    point, lines = {
        Event.LEAVING: _leaving,
        Event.RESCHEDULED: _rescheduled,
        Event.RETURNS: _returns,
        Event.ENDED: _ended,
        Event.UNDONE: _undone,
        Event.PUT_BACK: _put_back,
        Event.RECEIVES: _receives,
        Event.STAGE: _stage,
    }[event](view, reader)
    return message(mrkdwn(point, 400), [header(point), *paragraphs(lines), opened(view)])


def taken_back(view: NoteView) -> Message:
    """Return the message to a colleague whose new clients were put back, all or some of them."""
    if not view.records:
        return note.build(view)
    point = _("Some clients of {name} are no longer yours").format(name=plain(view.leaver.name, 80))
    text = _("They were put back. You still have {clients}.").format(clients=clients(view.clients))
    return message(mrkdwn(point, 400), [header(point), section(text)])


def _leaving(view: CaseView, reader: str) -> tuple[str, list[str]]:
    name = plain(view.leaver.name, 80)
    point = _("{name} will be away").format(name=name) if view.leave else _("{name} is leaving").format(name=name)
    lines = [_date(view)]
    if view.leave:
        lines.append(for_a_time(view.leaver.name, view.leave.return_on))
    if reader == view.approver.slack_id:
        lines.append(_("If there are clients, you will be asked to approve who gets them."))
    else:
        asked = _("{name} is asked about the clients. You have nothing to do.")
        lines.append(asked.format(name=mrkdwn(view.approver.name, 80)))
    return point, lines


def _rescheduled(view: CaseView, _reader: str) -> tuple[str, list[str]]:
    return _("There is a new date for {name}").format(name=plain(view.leaver.name, 80)), [_date(view)]


def _returns(view: CaseView, _reader: str) -> tuple[str, list[str]]:
    lines = [for_a_time(view.leaver.name, view.leave.return_on)] if view.leave else []
    return _("There is a new date for {name}").format(name=plain(view.leaver.name, 80)), lines


def _ended(view: CaseView, _reader: str) -> tuple[str, list[str]]:
    return case.headline(view), [*_by(view), _("You have nothing to do.")]


def _undone(view: CaseView, _reader: str) -> tuple[str, list[str]]:
    return case.headline(view), [*_by(view), *(access.stay(view) or [_("You have nothing to do.")])]


def _by(view: CaseView) -> list[str]:
    """Return who ended the case, and when. Why is not for everybody."""
    if view.ended is None:
        return []
    return [_("By {by}, {when}.").format(by=mrkdwn(view.ended.by, 80), when=moment(view.ended.at))]


def _put_back(view: CaseView, _reader: str) -> tuple[str, list[str]]:
    return moves.headline(view), moves.put_back(view)


def _receives(view: CaseView, reader: str) -> tuple[str, list[str]]:
    proposal = view.clients.proposal if view.clients else None
    mine = [one for one in proposal.shares if one.successor.slack_id == reader] if proposal else []
    count = clients(sum(one.families for one in mine))
    point = _("You will have {clients} of {name}").format(clients=count, name=plain(view.leaver.name, 80))
    lines = [_("They become yours on {day}. You have nothing to do before.").format(day=day(view.effective_at))]
    if view.leave:
        lines.append(for_a_time(view.leaver.name, view.leave.return_on))
    return point, lines


def _stage(view: CaseView, _reader: str) -> tuple[str, list[str]]:
    """Return what is left of the stages, or that nothing is."""
    name = plain(view.leaver.name, 80)
    late = [one for one in view.stages if one.state in OPEN_STATES]
    if not late:
        return _("The stages of {name} have nothing left to do now").format(name=name), []
    point = _("Stage {stage} of {name}: {state}").format(
        stage=stage_words(late[0].name), name=name, state=_(late[0].state)
    )
    lines = [line for one in late for line in stages.stage_lines(one, moment(one.planned_at), mark=True)]
    return point, [*lines, _("Details of the case message can run, move or skip it.")]


def _date(view: CaseView) -> str:
    text = _("The leave begins on {day}.") if view.leave else _("Last day: {day}.")
    return text.format(day=day(view.effective_at))
