"""Lines of the case message about systems: one a system, worst first, with the button that helps."""

from collections.abc import Iterator

from bot.slack.messages import access, audit, manual
from bot.slack.messages.blocks import Block, button, pack, paragraphs, section
from bot.slack.messages.phrases import GOOD_VERDICTS, listing, short, verdict
from bot.text import _, moment, mrkdwn, ngettext, punctuated
from connectors.contract import Verdict
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.views import CaseView, FindingLine
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.watch import FindingKind

RETRY = "case_retry"
MOST, MOST_ACCOUNTS = 30, 5
ENDED = (CaseState.CANCELLED, CaseState.HELD, CaseState.UNDONE, CaseState.CLOSED)
"""States of a case that locks and watches nothing. Its message shows no verdicts."""


def blocks(view: CaseView) -> list[Block]:
    """Return the lines, worst first. Lines without a button share a section."""
    if view.state in ENDED:
        return []
    lines = sorted(view.systems, key=lambda line: audit.WORST_FIRST.index(line.verdict))
    waiting = [line for line in lines if view.state is CaseState.SCHEDULED and not (line.step or line.choose)]
    shown: list[Block] = []
    texts = []
    if waiting:
        titles = listing((line.title for line in waiting), 60)
        texts.append(_("Locked then: {titles}").format(titles=titles))
    each = [line for line in lines if line not in waiting]
    for line in each[:MOST]:
        beside = _button(view, line)
        if beside is None:
            texts.append(_line(view, line))
            continue
        shown += [*paragraphs(texts), section(_line(view, line), beside)]
        texts = []
    if left := each[MOST:]:
        one = punctuated("{title}: {verdict}")
        rest = listing((one.format(title=line.title, verdict=verdict(line.verdict)) for line in left), 60)
        texts.append(_("And {count} more: {rest}").format(count=len(left), rest=rest))
    return [*shown, *paragraphs(texts)]


def tells(view: CaseView, finding: FindingLine) -> bool:
    """Return whether a system's line says what an open finding says."""
    line = next((line for line in view.systems if line.system == finding.system), None)
    if line is None or len(line.accounts) > 1 or view.state in ENDED:
        return False
    unread = finding.kind is FindingKind.NOT_VERIFIED and line.verdict is Verdict.UNKNOWN
    unlinked = finding.kind is FindingKind.NOT_LINKED and line.choose
    return unread or unlinked or (finding.kind is FindingKind.OPEN_AGAIN and line.open_again)


def _line(view: CaseView, line: SystemLine) -> str:
    if line.step:
        return manual.line(view, line, line.step)
    lines = [f"*{mrkdwn(line.title)}* – {_verdict(view, line)}"]
    if line.reason:
        lines.append(_("Why: {reason}").format(reason=short(line.reason)))
    if line.late:
        lines.append(_("⚠ {late}").format(late=short(line.late)))
    if len(line.accounts) > 1:
        bad = [f"• {mrkdwn(one.login)} – {verdict(one.verdict)}" for one in line.accounts if _is_bad(one)]
        lines += [
            *bad[:MOST_ACCOUNTS],
            *([_("… and {count} more").format(count=len(bad) - MOST_ACCOUNTS)] * (len(bad) > MOST_ACCOUNTS)),
        ]
    lines += _residual(view, line)
    if line.working:
        lines.append(_("Try {attempt} is running now.").format(attempt=line.attempt + 1))
    elif line.next_try_at:
        text = ngettext(
            "Next automatic try {when} (tried {count} time).",
            "Next automatic try {when} (tried {count} times).",
            line.attempt,
        )
        lines.append(text.format(when=moment(line.next_try_at), count=line.attempt))
    return "\n".join(lines)


def _is_bad(account: AccountLine) -> bool:
    return account.verdict not in GOOD_VERDICTS


def _verdict(view: CaseView, line: SystemLine) -> str:
    """Return the verdict with its time, and the last good reading if the verdict is not good."""
    text = _opened(view, line) if line.open_again else _read(line)
    if line.last_good and line.last_good_at:
        last = _("{verdict}; last seen {good} {when}")
        text = last.format(verdict=text, good=verdict(line.last_good), when=moment(line.last_good_at))
    return text


def _read(line: SystemLine) -> str:
    text = _("{verdict}, read back {when}")
    if line.read_at is None:
        text = "{verdict}"
    elif line.verdict is Verdict.UNKNOWN and not line.how:
        text = _("{verdict}, could not be read ({when})")
    elif line.word:
        text = _("{verdict}, on the word of {word}")
    elif line.login_refused:
        text = _("{verdict}, log-in refused, {when}")
    when = moment(line.read_at) if line.read_at else ""
    return text.format(verdict=verdict(line.verdict), when=when, word=mrkdwn(line.word))


def _opened(view: CaseView, line: SystemLine) -> str:
    found = _finding(view, line)
    text = _("✗ OPEN again, first seen {when}").format(
        when=moment(found.first_seen if found else line.read_at or view.opened_at)
    )
    if found and found.changed_by:
        return _("{text}, last changed by {who}").format(text=text, who=short(found.changed_by, 100))
    return text


def _finding(view: CaseView, line: SystemLine) -> FindingLine | None:
    """Return the open finding that the system's account is open again."""
    kinds = (one for one in view.findings if one.kind is FindingKind.OPEN_AGAIN and one.closed_at is None)
    return next((one for one in kinds if one.system == line.system), None)


def _residual(view: CaseView, line: SystemLine) -> Iterator[str]:
    """Yield the access that may outlive the lock, unless the headline says exactly this."""
    told = view.residual if all(one.verdict in GOOD_VERDICTS for one in view.read) else None
    for one in line.accounts:
        if one.residual_until and told != (one.residual, one.residual_until):
            text = _("⚠ {what} may work until {until}")
            yield text.format(what=short(one.residual), until=moment(one.residual_until))


def _button(view: CaseView, line: SystemLine) -> Block | None:
    """Return the button that helps: choose the account, confirm the step, lock again, or retry."""
    if line.choose:
        return access.choose(view, line)
    if line.step:
        return manual.done_button(line.step) if line.step.waiting else None
    if view.state is CaseState.SCHEDULED or line.working or line.verdict in GOOD_VERDICTS:
        return None
    found = _finding(view, line) if line.open_again else None
    if found and found.can_lock_again:
        return audit.lock_again(found)
    remedy = "primary" if line.verdict is Verdict.OPEN else ""
    return button(_("Retry"), RETRY, pack(case=view.id, system=line.system), remedy)
