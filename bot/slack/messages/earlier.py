"""Records of earlier leavers: the line in Home and in the audit, and the headline of a handover for several of them."""

from bot.slack.messages.phrases import records
from bot.text import N_, _, listed, mrkdwn, ngettext, number, plain, punctuated
from workflows.cases.views import CaseBrief, CaseView, EarlierFigure
from workflows.storage.rows.case import CaseState
from workflows.watch.earlier_leavers import OwnerLine, Standing

LIST = "earlier_list"
STANDINGS = {
    Standing.OFFERED: N_("no case: can be handed over"),
    Standing.HANDED_OVER: N_("handed over now"),
    Standing.ON_LEAVE: N_("on leave"),
    Standing.STAYS: N_("stays on purpose"),
    Standing.HAS_CASE: N_("has a case, and records are left or new"),
    Standing.UNKNOWN: N_("not known whether inactive"),
}


def figure(found: EarlierFigure) -> str:
    """Return the figures in one sentence of plain text; empty if there is nothing to tell."""
    parts = []
    if found.owners:
        owners = ngettext("{count} earlier leaver", "{count} earlier leavers", found.owners)
        of = ngettext("{owners} owns {records}", "{owners} own {records}", found.owners)
        parts.append(of.format(owners=owners.format(count=number(found.owners)), records=records(found.records)))
    if found.unknown:
        text = ngettext(
            "{count} owner of records may be inactive: not known",
            "{count} owners of records may be inactive: not known",
            found.unknown,
        )
        parts.append(text.format(count=number(found.unknown)))
    if found.failed:
        parts.append(_("not looked for in {systems} now").format(systems=listed(found.failed)))
    return punctuated("; ").join(parts)


def headline(view: CaseBrief) -> str:
    """Return the headline of a handover of earlier leavers; empty for other cases."""
    if not view.leaver.is_group:
        return ""
    name = plain(view.leaver.name, 80)
    if view.state is CaseState.CANCELLED:
        return _("The handover of {name} was cancelled").format(name=name)
    return _("{name}: only clients are handed over, no account is changed").format(name=name)


def can_cancel(view: CaseView) -> bool:
    """Return whether nothing of a handover of earlier leavers has begun, and it can be cancelled."""
    clients = view.clients
    begun = clients is None or clients.complete or clients.moving or clients.moved or clients.put_back
    return view.state is CaseState.EARLIER and not begun


def standing(line: OwnerLine) -> str:
    """Return the relation of an owner to the cases, with the case."""
    said = _(STANDINGS[line.standing])
    return punctuated("{what} ({case})").format(what=said, case=line.case_id) if line.case_id else said


def who(line: OwnerLine) -> str:
    """Return the owner in Slack's markup."""
    return mrkdwn(line.name or line.login or line.account, 60)
