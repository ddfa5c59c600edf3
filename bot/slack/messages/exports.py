"""The export snapshot: the leaver's exports, under a pseudonym, with a chart by week."""

import re
from collections.abc import Mapping

from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import bar, records, short
from bot.text import _, day, mrkdwn, ngettext, number, plain, punctuated
from workflows.exports.views import ExportLine, ExportView

REVEAL = "exports_reveal"
POINTS, SERIES = 20, 6
"""Slack's limits for a chart: 20 points a series, 6 series (docs.slack.dev, data visualization block)."""


def build(view: ExportView, *, chart: bool = True, titles: Mapping[str, str] | None = None) -> Message:
    """Return the snapshot.

    `chart`: False draws the weeks as bars of text, for a Slack without charts. `titles`: systems' titles by name.
    """
    point = headline(view)
    period = _("{moment} ({until}), looking back to {since}.")
    lines = [_line(line, titles or {}) for line in view.lines]
    blocks = [
        header(point),
        section(period.format(moment=_moment(view.moment), since=day(view.since), until=day(view.until))),
        *paragraphs(lines or [_("No system keeps an export log, so no export can be shown.")]),
    ]
    weekly = [line for line in view.lines if line.weeks and not line.problem][:SERIES]
    if weekly:
        blocks += [_chart(weekly)] if chart else _bars(weekly)
    if view.leaver is None:
        blocks.append(actions("exports_actions", button(_("Reveal Name"), REVEAL, pack(snapshot=view.id))))
    blocks.append(
        context(_("For security only. The counts come from the systems' own logs. Revealing the name goes on record."))
    )
    return message(mrkdwn(point, 400), blocks)


def headline(view: ExportView) -> str:
    """Return the headline in plain text. A log that was not read is named, never counted as zero."""
    who = plain(view.leaver.name if view.leaver else view.pseudonym, 60)
    read = [line for line in view.lines if not line.problem]
    events = sum(line.events for line in read)
    if not read:
        return _("Exports of {who} were not checked: no log could be read").format(who=who)
    text = ngettext("{who} exported {count:,} time", "{who} exported {count:,} times", events).format(
        who=who, count=events
    )
    most = max((line for line in read if line.share), key=lambda line: line.share or 0, default=None)
    if most and most.unnamed:
        text = _("{text}, at least {share:.0%} of the client base").format(text=text, share=most.share)
    elif most:
        text = _("{text}, {share:.0%} of the client base").format(text=text, share=most.share)
    dark = len(view.lines) - len(read)
    if not dark:
        return text
    return ngettext("{text}; {count} log was not read", "{text}; {count} logs were not read", dark).format(
        text=text, count=dark
    )


def _moment(moment: str) -> str:
    """Return the snapshot's occasion in words. The export track stores `notice`, `lock` or `day 7`."""
    if number := re.fullmatch(r"day (\d+)", moment):
        return _("On day {day}").format(day=number[1])
    return {"notice": _("At the notice"), "lock": _("At the lock")}.get(moment) or mrkdwn(moment)


def _line(line: ExportLine, titles: Mapping[str, str]) -> str:
    title = f"*{mrkdwn(line.system)}*"
    if called := titles.get(line.system):
        title = punctuated("*{title}* ({system})").format(title=mrkdwn(called), system=mrkdwn(line.system))
    if line.problem:
        return _("{title}: not read. {problem}").format(title=title, problem=short(line.problem))
    parts = [_taken(line)]
    if line.distinct is not None:
        text = _("at least {count:,} different ones") if line.unnamed else _("{count:,} different ones")
        parts.append(text.format(count=line.distinct))
    if line.share is not None:
        text = _("{share:.1%} of {base:,} in the client base")
        if line.unnamed:
            text = _("at least {share:.1%} of {base:,} in the client base")
        parts.append(text.format(share=line.share, base=line.client_base))
    return punctuated("{title}: {parts}").format(title=title, parts=punctuated(", ").join(parts))


def _taken(line: ExportLine) -> str:
    """Return the amount as far as the log has it: `at least 480 records in 12 exports; 1 export of unknown size`."""
    counted = line.events - line.uncounted
    times = ngettext("{count:,} export", "{count:,} exports", counted).format(count=counted)
    unknown = ngettext("{count:,} export of unknown size", "{count:,} exports of unknown size", line.uncounted).format(
        count=line.uncounted
    )
    if line.records is None or (line.uncounted and not counted):
        return unknown
    if line.uncounted:
        return _("at least {records} in {exports}; {unknown}").format(
            records=records(line.records), exports=times, unknown=unknown
        )
    return punctuated(", ").join((times, records(line.records)))


def _heights(line: ExportLine, *, known: bool) -> dict[str, int]:
    """Return the height of each week by its day: records if a number of records is known, else exports."""
    return {f"{week:%Y-%m-%d}": records if known else events for week, events, records in line.weeks}


def _known(lines: list[ExportLine]) -> bool:
    """Return whether any log has a number of records. If none has, the chart shows exports."""
    return any(week[2] for line in lines for week in line.weeks)


def _chart(lines: list[ExportLine]) -> Block:
    known = _known(lines)
    heights = [(line.system, _heights(line, known=known)) for line in lines]
    weeks = sorted({week for _system, line in heights for week in line})[-POINTS:]
    series = [
        {"name": plain(system, 20), "data": [{"label": week, "value": line.get(week, 0)} for week in weeks]}
        for system, line in heights
    ]
    axis = {"categories": weeks, "x_label": _("Week of"), "y_label": _("Records") if known else _("Exports")}
    return {
        "type": "data_visualization",
        "title": _title(lines, known=known),
        "chart": {"type": "bar", "series": series, "axis_config": axis},
    }


def _title(lines: list[ExportLine], *, known: bool) -> str:
    if not known:
        return _("Exports, week by week")
    if any(line.uncounted for line in lines):
        return _("Records exported, week by week, if logged")
    return _("Records exported, week by week")


def _bars(lines: list[ExportLine]) -> list[Block]:
    rows = []
    for line in lines:
        known = _known([line])
        heights = _heights(line, known=known)
        title = _("*{system}*, records in the week of") if known else _("*{system}*, exports in the week of")
        rows.append(title.format(system=mrkdwn(line.system)))
        most = max(heights.values(), default=0)
        rows += [f"`{week}` {bar(height, most)} {number(height)}" for week, height in list(heights.items())[-POINTS:]]
    return paragraphs(rows)
