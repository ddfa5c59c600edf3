"""The export snapshot: the leaver's exports, under a pseudonym, with a chart by week."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

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
from bot.text import _, day, mrkdwn, ngettext, plain
from workflows.exports.views import ExportLine, ExportView

REVEAL = "exports_reveal"
POINTS, SERIES = 20, 6
"""Slack's limits for a chart: 20 points a series, 6 series (docs.slack.dev, data visualization block)."""


def build(view: ExportView, *, chart: bool = True, titles: Mapping[str, str] | None = None) -> Message:
    """Return the snapshot.

    `chart`: False draws the weeks as bars of text, for a Slack without charts. `titles`: systems' titles by name.
    """
    point = headline(view)
    blocks: list[Block] = [
        header(point),
        section(
            _("{moment} ({until}), looking back to {since}.").format(
                moment=_moment(view.moment), since=day(view.since), until=day(view.until)
            )
        ),
    ]
    blocks += paragraphs(
        [_line(line, titles or {}) for line in view.lines]
        or [_("No system keeps an export log, so no export can be shown.")]
    )
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
        title = f"*{mrkdwn(called)}* ({mrkdwn(line.system)})"
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
    return f"{title}: {', '.join(parts)}"


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
    return f"{times}, {records(line.records)}"


def _height(week: tuple[date, int, int], *, known: bool) -> int:
    return week[2] if known else week[1]


def _known(lines: list[ExportLine]) -> bool:
    """Return whether any log has a number of records. If none has, the chart shows exports."""
    return any(week[2] for line in lines for week in line.weeks)


def _chart(lines: list[ExportLine]) -> Block:
    weeks = sorted({week for line in lines for week, _events, _known in line.weeks})[-POINTS:]
    series, known = [], _known(lines)
    for line in lines:
        heights = {week[0]: _height(week, known=known) for week in line.weeks}
        data = [{"label": _label(week), "value": heights.get(week, 0)} for week in weeks]
        series.append({"name": plain(line.system, 20), "data": data})
    axis: dict[str, Any] = {
        "categories": [_label(week) for week in weeks],
        "x_label": _("Week of"),
        "y_label": _("Records") if known else _("Exports"),
    }
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


def _label(week: date) -> str:
    return f"{week:%Y-%m-%d}"


def _bars(lines: list[ExportLine]) -> list[Block]:
    said = []
    for line in lines:
        known = _known([line])
        heights = [(week[0], _height(week, known=known)) for week in line.weeks]
        most = max((height for _week, height in heights), default=0)
        title = _("*{system}*, records in the week of") if known else _("*{system}*, exports in the week of")
        said.append(title.format(system=mrkdwn(line.system)))
        said += [f"`{_label(week)}` {bar(height, most)} {height:,}" for week, height in heights[-POINTS:]]
    return paragraphs(said)
