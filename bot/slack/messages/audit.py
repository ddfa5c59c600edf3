"""The audit's digest: number of findings first, worst findings first, systems that were not read always named.

An audit without findings is one line.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.slack.messages import earlier
from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    menu,
    message,
    pack,
    paragraphs,
    section,
    table,
)
from bot.slack.messages.phrases import account, finding_detail, short, verdict
from bot.text import N_, _, day, listed, moment, mrkdwn, ngettext, number, plain, punctuated, trim
from connectors.contract import Verdict
from workflows.cases.views import AuditView, FindingLine
from workflows.people import SLACK
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.watch import FindingKind

LOCK_AGAIN, CSV, TAKE, ACCEPT = "audit_lock_again", "audit_csv", "audit_take", "audit_accept"
WITH_BUTTON, ROWS, APART, MOST_UNSOUGHT = 5, 24, 15, 5
WORST_FIRST = (Verdict.OPEN, Verdict.UNKNOWN, Verdict.LOCKED, Verdict.ABSENT)
KINDS = {
    FindingKind.CODES_RESET: N_("one-time codes changed by one person alone"),
    FindingKind.CODES_GUESSED: N_("somebody may be guessing a person's one-time codes"),
    FindingKind.TAMPERED: N_("changed in the database by another hand"),
    FindingKind.PROTECTED: N_("protected, so it was not locked"),
    FindingKind.NOT_LINKED: N_("no account found, and that is not proven"),
    FindingKind.MEMBERS_LOST: N_("other members were lost from a group"),
    FindingKind.CHANGED_MEANWHILE: N_("a group lost others meanwhile"),
    FindingKind.ADDRESS_REUSED: N_("another person's account has this address"),
    FindingKind.LIST_HIDDEN: N_("a list cannot be read after the lock-out"),
    FindingKind.DORMANT: N_("no login for a long time"),
    FindingKind.OPEN_AGAIN: N_("open again"),
    FindingKind.NOT_DELIVERED: N_("a message about this did not reach people whole"),
    FindingKind.NEW_ACCOUNT: N_("new account"),
    FindingKind.POSSIBLE: N_("may be the leaver's account too"),
    FindingKind.ORPHAN: N_("open without a case, disabled in the directory"),
    FindingKind.EXPORTED: N_("exported after leaving"),
    FindingKind.OWNS_RECORDS: N_("still owns records"),
    FindingKind.DUTY_LEFT: N_("a duty is still in their name"),
    FindingKind.DUTY_UNDECIDED: N_("nobody decided on duties"),
    FindingKind.LICENCE_HELD: N_("holds a licence that was reclaimed"),
    FindingKind.STAGE_NOT_DONE: N_("an act of a stage is not done"),
    FindingKind.NEVER_VERIFIED: N_("never read as locked out"),
    FindingKind.NOT_VERIFIED: N_("could not be read"),
}


def build(view: AuditView, run_id: str = "") -> Message:
    """Return the digest. `run_id`: the audit run whose whole list the CSV button sends; empty for no button."""
    point = headline(view)
    small = [context(short(what)) for what in view.not_looked[:MOST_UNSOUGHT]]
    if (more := len(view.not_looked) - MOST_UNSOUGHT) > 0:
        small.append(context(_("… and {count} more; `handover audit` shows all.").format(count=more)))
    if told := earlier.figure(view.earlier) if view.earlier else "":
        small.append(context(mrkdwn(told, 300)))
    if view.head:
        copied = _("Signed head of the journal, for `handover verify`: {head}").format(head=f"`{view.head}`")
        small.append(context(copied))
    if run_id:
        small.append(actions("audit_actions", button(_("Get CSV"), CSV, pack(run=run_id))))
    quiet = not (view.findings or view.not_read or view.accepted or view.relocked or view.settled)
    if quiet and view.finished_at:
        return message(mrkdwn(point, 600), [section(mrkdwn(point, 600)), *small])
    blocks = [header(point)]
    blocks += paragraphs([_("✗ NOT READ: {what}").format(what=short(what)) for what in view.not_read])
    for line in view.findings[:WITH_BUTTON]:
        blocks += finding(line)
    if len(view.findings) > WITH_BUTTON:
        blocks.append(table(_rows(view.findings[WITH_BUTTON:ROWS])))
    if len(view.findings) > ROWS:
        small = [
            context(_("The worst of {count} come first. The CSV has all.").format(count=len(view.findings))),
            *small,
        ]
    blocks += [
        *_apart(_("Locked again at once, by policy"), view.relocked),
        *_apart(_("Accepted for now"), view.accepted),
        *_apart(_("Settled since this audit"), view.settled),
        *_tally(view),
        *small,
    ]
    return message(mrkdwn(point, 600), blocks)


def _tally(view: AuditView) -> list[Block]:
    """Return the number of accounts for each verdict that the audit read, worst first."""
    counted = [(kind, view.by_verdict.get(kind, 0)) for kind in WORST_FIRST]
    tally = " · ".join(f"{number(many)} {verdict(kind)}" for kind, many in counted if many)
    return [context(_("As the audit read: {tally}").format(tally=trim(tally, 2000)))] if tally else []


def headline(view: AuditView) -> str:
    """Return the audit's result in a sentence of plain text."""
    if view.finished_at is None:
        return _("The audit of {day} is still running").format(day=view.day)
    dark = _not_seen(view)
    if not (view.leavers or view.findings or dark):
        return _("No finding on {day}, and nobody has left yet").format(day=view.day)
    people = ngettext("{count:,} past leaver", "{count:,} past leavers", view.leavers).format(count=view.leavers)
    accounts = ngettext("{count:,} account", "{count:,} accounts", view.accounts).format(count=view.accounts)
    scope = _("{people} with {accounts}").format(people=people, accounts=accounts)
    if view.findings:
        bad = ngettext("{count:,} finding", "{count:,} findings", len(view.findings)).format(count=len(view.findings))
        text = _("{bad} among {scope}").format(bad=bad, scope=scope)
    elif dark:
        text = _("No finding where the audit could look, {scope}").format(scope=scope)
        dark = punctuated("; ").join(filter(None, (_set_apart(view), dark)))
    elif apart := _set_apart(view):
        return _("No open finding among {scope}: {apart}").format(apart=apart, scope=scope)
    else:
        return _("✓ Audit of {day}: all still locked out, {scope}").format(day=view.day, scope=scope)
    return punctuated("; ").join((text, dark)) if dark else text


def _not_seen(view: AuditView) -> str:
    """Return where the audit could not look; empty if it looked everywhere."""
    systems = ngettext("{count} system was not read", "{count} systems were not read", len(view.not_read))
    checks = ngettext("{count} check was not possible", "{count} checks were not possible", len(view.not_looked))
    counts = ((systems, len(view.not_read)), (checks, len(view.not_looked)))
    return punctuated("; ").join(words.format(count=number) for words, number in counts if number)


def _set_apart(view: AuditView) -> str:
    """Return why an audit without open findings is not all good; empty if it is."""
    counts = {_("locked again"): len(view.relocked), _("accepted"): len(view.accepted), _("settled"): len(view.settled)}
    words = listed(f"{number(many)} {word}" for word, many in counts.items() if many)
    bad = view.by_verdict.get(Verdict.OPEN) or view.by_verdict.get(Verdict.UNKNOWN)
    return words or (_("not all locked out") if bad else "")


def kind(line: FindingLine) -> str:
    """Return the kind of a finding in words."""
    return _(KINDS[line.kind])


def finding(line: FindingLine) -> list[Block]:
    """Return one finding with its buttons."""
    if line.closed_at is not None:
        return [section(settled(line))]
    clauses = [_("since {day}").format(day=day(line.first_seen))]
    if line.changed_by:
        clauses.append(_("last changed by {who}").format(who=short(line.changed_by)))
    if line.relocked_at:
        clauses.append(_("locked again by the bot"))
    clauses += answers(line)
    if line.overdue:
        clauses.append(_("*taken by nobody*"))
    text = _("✗ *{name}*: {kind} in {where}, {clauses}{because}").format(
        name=mrkdwn(line.leaver.name, 80),
        kind=kind(line),
        where=account(line),
        clauses=punctuated(", ").join(clauses),
        because=finding_detail(line),
    )
    rest = menu(
        button(_("Take"), TAKE, pack(finding=line.id)), button(_("Accept Until ..."), ACCEPT, pack(finding=line.id))
    )
    if not line.can_lock_again:
        return [section(text, rest)]
    return [section(text), actions(f"finding_{line.id}", lock_again(line), rest)]


def answers(line: FindingLine) -> list[str]:
    """Return who took a finding, and who accepted it until when, as parts of a sentence."""
    found = [_("taken by {who}").format(who=mrkdwn(line.taken_by, 80))] if line.taken_by else []
    if line.accepted_until:
        last = day(line.accepted_until - timedelta(seconds=1))  # it ends with that day
        text = _("accepted until the end of {day} by {who}")
        found.append(text.format(day=last, who=mrkdwn(line.accepted_by, 80)))
    return found


def settled(line: FindingLine) -> str:
    """Return a settled finding in one line: who, what, where, since when, and what settled it when."""
    text = _("✓ *{name}*: {kind} in {where}, {since} to {until}, {how}")
    return text.format(
        name=mrkdwn(line.leaver.name, 80),
        kind=kind(line),
        where=account(line),
        since=moment(line.first_seen),
        until=moment(line.closed_at) if line.closed_at else "",
        how=settled_by(line),
    )


def settled_by(line: FindingLine) -> str:
    """Return who or what settled a finding. Handover settles it after a read that no longer shows it."""
    if line.closed_by.startswith(SLACK):
        return _("settled by {who}").format(who=f"<@{mrkdwn(line.closed_by.removeprefix(SLACK), 40)}>")
    if line.closed_by != HANDOVER.id:
        return _("settled by {who}").format(who=mrkdwn(line.closed_by, 80))
    if line.kind is FindingKind.NOT_DELIVERED:
        return _("delivered since")
    if line.locked_by:
        return _("settled by a fresh read, after Lock Again by {who}").format(who=mrkdwn(line.locked_by, 80))
    if line.relocked_at:
        return _("settled by a fresh read, after the bot locked it again")
    return _("settled by a fresh read")


def _apart(title: str, lines: Sequence[FindingLine]) -> list[Block]:
    rows = [punctuated("*{title}: {count}*").format(title=title, count=number(len(lines)))] if lines else []
    for line in lines[:APART]:
        if line.closed_at:
            rows.append(settled(line))
            continue
        words = punctuated("• {name}: {kind}, {where}").format(
            name=mrkdwn(line.leaver.name, 80), kind=kind(line), where=account(line)
        )
        if line.accepted_until:
            words += punctuated(" ") + _("(until {day}, {who}: {why})").format(
                day=day(line.accepted_until - timedelta(seconds=1)),  # it ends with that day
                who=mrkdwn(line.accepted_by, 80),
                why=short(line.accepted_reason, 150),
            )
        rows.append(words)
    if len(lines) > APART:
        rows.append(_("… and {count} more, in the CSV").format(count=len(lines) - APART))
    return paragraphs(rows)


def lock_again(finding: FindingLine) -> Block:
    """Return the button that locks one account again."""
    ask = confirm(
        _("Lock this account again?"),
        _("{login} in {system} is locked at once and its sessions end. The result is read back.").format(
            login=plain(finding.login, 60), system=plain(finding.system, 40)
        ),
        _("Lock Again"),
    )
    return button(_("Lock Again"), LOCK_AGAIN, pack(finding=finding.id), "danger", ask)


def _rows(findings: Sequence[FindingLine]) -> list[list[str]]:
    rows = [
        [
            plain(line.leaver.name, 40),
            plain(kind(line), 30),
            plain(line.system, 30),
            plain(line.login, 40),
            f"{line.first_seen:%Y-%m-%d}",
        ]
        for line in findings
    ]
    return [[_("Who"), _("What"), _("Where"), _("Account"), _("Since")], *rows]
