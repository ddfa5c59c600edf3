"""Details of a case, behind a button: evidence of each reading, counts, checks, findings that were settled."""

from collections.abc import Iterator

from bot.slack.messages import audit, duties, licences, manual, stages
from bot.slack.messages.blocks import Block, button, context, pack, paragraphs
from bot.slack.messages.phrases import GOOD_VERDICTS, listing, short, verdict
from bot.slack.messages.split import kept
from bot.slack.messages.systems import ENDED
from bot.text import _, moment, mrkdwn, punctuated
from connectors.contract import Verdict
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.views import CaseView
from workflows.storage.rows.watch import FindingKind

DETAILS = "case_details"
MOST = 40


def open_button(view: CaseView) -> Block:
    """Return the button that opens the details."""
    return button(_("Details"), DETAILS, pack(case=view.id))


def blocks(view: CaseView) -> list[Block]:
    """Return the details."""
    lines = [] if view.state in ENDED else [text for line in view.systems for text in _system(line)]
    if view.clients:
        stay = [*kept(view.clients.kept[:MOST], view.leaver.name), *map(short, view.clients.balance[:MOST])]
        lines += [_("*Clients*"), *(f"• {line}" for line in stay)] if stay else []
    lines += duties.details(view.duties, MOST)
    seats = licences.lines(view)
    lines += [_("*Licences*"), *seats[:MOST]] if seats else []
    checks = [line for line in view.follow_ups if line.done_at]
    lines += [_("*Checks*")] if checks else []
    lines += [_("• day {day}: {summary}").format(day=line.day, summary=short(line.summary)) for line in checks]
    # What somebody exported is for security alone, and so is that it was found.
    settled = [one for one in view.settled if one.kind is not FindingKind.EXPORTED]
    lines += [_("*Settled*")] if settled else []
    lines += [audit.settled(one) for one in settled[:MOST]]
    if len(settled) > MOST:
        lines.append(_("… and {count} more").format(count=len(settled) - MOST))
    by = _("Case {id} · approver {approver}").format(id=mrkdwn(view.id), approver=mrkdwn(view.approver.name))
    return [*paragraphs(lines), *stages.details(view), context(by)]


def _system(line: SystemLine) -> Iterator[str]:
    yield f"*{mrkdwn(line.title)}* – {verdict(line.verdict)}"
    if line.how and line.read_at:
        yield _("Read {when}: {how}").format(when=moment(line.read_at), how=short(line.how, 600))
    if line.reason:
        yield _("Why: {reason}").format(reason=short(line.reason, 600))
    if line.step:
        yield from manual.evidence(line.step)
    yield from map(_account, line.accounts[:MOST])
    if line.cannot:
        yield _("_Cannot be done here_")
    yield from (f"• {short(limit)}" for limit in line.cannot)


def _account(line: AccountLine) -> str:
    return "\n".join([_steps(line), *(f"• {short(one, 400)}" for one in line.unread)])


def _steps(line: AccountLine) -> str:
    login, done = mrkdwn(line.login), listing(line.done, MOST)
    if line.verdict is Verdict.UNKNOWN and line.done:
        return _("• {login} – last known: {done}").format(login=login, done=done)
    if line.verdict in GOOD_VERDICTS:
        return punctuated("• {login}: {done}").format(login=login, done=done) if done else f"• {login}"
    bad = f"• {login} – {verdict(line.verdict)}"
    return _("{bad}; done before: {done}").format(bad=bad, done=done) if done else bad
