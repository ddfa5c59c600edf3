"""Content of the outbox's messages: one builder for each kind."""

from bot.services import Services
from bot.slack.messages import (
    access,
    alarm,
    audit,
    bundle,
    case,
    duties,
    escalation,
    exports,
    findings,
    follow_up,
    held,
    joined,
    leave,
    lockout,
    manual,
    moves,
    news,
    note,
    outcome,
    stayed,
)
from bot.slack.messages.blocks import Message, context, message, section
from bot.slack.pages import proposal_page
from bot.text import _, mrkdwn
from workflows.cases.joinings import joined_channel
from workflows.news import Event, news_of
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage


def build(services: Services, post: OutboxMessage, *, chart: bool) -> Message:  # noqa: PLR0911, PLR0912, C901 - one for each kind
    """Return the message that a post shows now. Raises `Refused` if there is nothing to show."""
    match MessageKind(post.kind):
        case MessageKind.CASE:
            return case.build(services.offboarding.case(post.subject), services.clock.now())
        case MessageKind.PROPOSAL:
            return proposal_page(services.proposals, post.subject, chart=chart, duties=services.duty_decisions.view)
        case MessageKind.OUTCOME:
            proposal_id, _at, reader = post.subject.partition(AT)
            return outcome.build(services.proposals.view(proposal_id), reader)
        case MessageKind.EXPORTS:
            titles = {name: system.manifest.title for name, system in services.systems.items()}
            return exports.build(services.exports.view(post.subject), chart=chart, titles=titles)
        case MessageKind.FOLLOW_UP:
            return follow_up.build(*services.follow_ups.view(post.subject))
        case MessageKind.MANUAL:
            return manual.build(services.manual.view(post.subject))
        case MessageKind.NOTE:
            return note.build(services.notes.view(post.subject))
        case MessageKind.STAYED:
            return stayed.build(services.stay_checks.report(post.subject.partition(AT)[0]))
        case MessageKind.UNMARKED:
            return stayed.reminder(services.stay_checks.reminder(post.subject))
        case MessageKind.BUNDLE:
            return bundle.build(services.offboarding.bundled(post.id))
        case MessageKind.CLIENTS:
            return moves.build(services.offboarding.case(post.subject))
        case MessageKind.RESTORED:
            return access.build(services.offboarding.case(post.subject))
        case MessageKind.RETURN:
            return leave.build(services.offboarding.case(post.subject))
        case MessageKind.HELD:
            return held.build(services.offboarding.case(post.subject))
        case MessageKind.LOCKOUT_FAILED | MessageKind.LOCKOUT_ENDED:
            case_id, _at, reader = post.subject.partition(AT)
            return lockout.build(services.offboarding.case(case_id), reader)
        case MessageKind.FINDINGS:
            told, _at, place = post.subject.partition(AT)
            security = place == services.settings.slack.security_channel
            return findings.build(services.audits.told(told, place), buttons=security)
        case MessageKind.NEWS:
            return _news(services, post.subject)
        case MessageKind.DUTIES:
            case_id = post.subject.partition(AT)[0]
            return duties.build(services.offboarding.case(case_id), services.duty_decisions.view(case_id))
        case MessageKind.JOINED:
            joining = joined_channel(post.subject)
            return joined.build(services.offboarding.case(joining.case_id), joining)
        case MessageKind.AUDIT | MessageKind.ESCALATION:
            view = services.audits.view(post.subject)
            return audit.build(view, post.subject) if post.kind == MessageKind.AUDIT else escalation.build(view)
        case MessageKind.ALARM:
            return alarm.build(services.audits.finding(post.subject))
        case MessageKind.AUDIT_FILE | MessageKind.NOTE_FILE:
            raise ValueError(f"{post.kind} is a file, not a message")


def _news(services: Services, subject: str) -> Message:
    case_id, event, reader, successor = news_of(subject)
    if event is Event.TAKEN_BACK:
        return news.taken_back(services.notes.view(f"{case_id}:{successor}"))
    return news.build(services.offboarding.case(case_id), event, reader)


def build_short(post: OutboxMessage, text: str, why: str) -> Message:
    """Return what is sent in place of a message that Slack refuses. `text`: its headline, or empty if there is none."""
    point = text or _("Handover has news that could not be shown here.")
    case = _(" about case {id}").format(id=mrkdwn(post.case_id)) if post.case_id else ""
    small = _("The message{case} could not be shown in full ({why}). `handover status` shows everything.")
    return message(point, [section(point), context(small.format(case=case, why=mrkdwn(why, 80)))])
