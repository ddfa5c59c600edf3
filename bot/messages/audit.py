"""The audit's digest: the number first, worst first, one line where all is well; what was not read is said loudly."""

from collections.abc import Sequence

from bot.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    pack,
    paragraphs,
    section,
    table,
)
from bot.messages.words import account, short, verdict
from bot.text import _, mrkdwn, ngettext, plain, trim
from connectors.contract import Verdict
from workflows.views import AuditView, FindingLine

LOCK_AGAIN, CSV = "audit_lock_again", "audit_csv"
WITH_BUTTON, ROWS = 15, 40


def build(view: AuditView, run_id: str = "") -> Message:
    """Return the digest; `run_id` is set where the whole list can be had as a file."""
    point = headline(view)
    if not view.findings and not view.not_read and view.finished_at:
        return message(mrkdwn(point, 600), [section(mrkdwn(point, 600)), *_file(run_id)])
    blocks: list[Block] = [header(point)]
    blocks += paragraphs(
        [_("✗ NOT READ, so nothing is claimed: {what}").format(what=short(what)) for what in view.not_read]
    )
    blocks += [_finding(finding) for finding in view.findings[:WITH_BUTTON]]
    if len(view.findings) > WITH_BUTTON:
        blocks.append(table(_rows(view.findings[:ROWS])))
    if len(view.findings) > ROWS:
        blocks.append(
            context(
                _("The table shows the worst {shown} of {count}; the CSV has all.").format(
                    shown=ROWS, count=len(view.findings)
                )
            )
        )
    blocks += [context(_tally(view)), *_file(run_id)]
    return message(mrkdwn(point, 600), blocks)


def headline(view: AuditView) -> str:
    """Return the audit in a sentence of plain text."""
    if view.finished_at is None:
        return _("The audit of {day} is still running").format(day=view.day.isoformat())
    dark = ngettext("{count} system was not read", "{count} systems were not read", len(view.not_read)).format(
        count=len(view.not_read)
    )
    people = ngettext("{count:,} past leaver", "{count:,} past leavers", view.leavers).format(count=view.leavers)
    accounts = ngettext("{count:,} account", "{count:,} accounts", view.accounts).format(count=view.accounts)
    scope = _("{people} with {accounts}").format(people=people, accounts=accounts)
    if view.findings:
        bad = ngettext("{count:,} finding", "{count:,} findings", len(view.findings)).format(count=len(view.findings))
        text = _("{bad} among {scope}").format(bad=bad, scope=scope)
    elif view.not_read:
        text = _("No finding in what could be read of {scope}").format(scope=scope)
    else:
        return _("✓ Audit of {day}: all still locked out, {scope}").format(day=view.day.isoformat(), scope=scope)
    return f"{text}; {dark}" if view.not_read else text


def _finding(finding: FindingLine) -> Block:
    text = _("✗ *{name}*: {kind} in {where}, since {since}. {detail}").format(
        name=mrkdwn(finding.leaver.name, 80),
        kind=mrkdwn(finding.kind),
        where=account(finding),
        since=finding.first_seen.date().isoformat(),
        detail=short(finding.detail),
    )
    return section(text, lock_again(finding) if finding.can_lock_again and finding.closed_at is None else None)


def lock_again(finding: FindingLine) -> Block:
    """Return the button that locks one account again."""
    ask = confirm(
        _("Lock this account again?"),
        _("{login} in {system} is locked at once, its sessions end, and the result is read back.").format(
            login=plain(finding.login, 60), system=plain(finding.system, 40)
        ),
        _("Lock Again"),
    )
    return button(_("Lock Again"), LOCK_AGAIN, pack(finding=finding.id), "danger", ask)


def _rows(findings: Sequence[FindingLine]) -> list[list[str]]:
    head = [_("Who"), _("What"), _("Where"), _("Account"), _("Since")]
    return [
        head,
        *(
            [
                plain(line.leaver.name, 40),
                plain(line.kind, 30),
                plain(line.system, 30),
                plain(line.login, 40),
                f"{line.first_seen:%Y-%m-%d}",
            ]
            for line in findings
        ),
    ]


def _tally(view: AuditView) -> str:
    counts = [f"{verdict(kind)}: {view.by_verdict.get(kind, 0):,}" for kind in Verdict]
    return trim(" · ".join(counts), 2000)


def _file(run_id: str) -> list[Block]:
    return [actions("audit_actions", button(_("Get CSV"), CSV, pack(run=run_id)))] if run_id else []
