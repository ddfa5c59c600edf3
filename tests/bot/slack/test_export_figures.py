"""Exports with incomplete logs: counts are shown as minimums, and unknown sizes are named."""

from dataclasses import replace
from datetime import date

from bot.slack.messages import exports
from tests.bot import samples
from tests.bot.conftest import strings
from workflows.exports.views import ExportLine

WEEKS = ((date(2026, 9, 28), 13, 480), (date(2026, 10, 5), 1, 0))


def said(line: ExportLine, *, chart: bool = True) -> str:
    shown = exports.build(replace(samples.exports(), lines=(line,)), chart=chart)
    return "\n".join([shown.text, *strings(shown.blocks)])


def test_known_figures_are_a_least_where_one_is_missing() -> None:
    text = said(ExportLine("crm", 13, 480, 300, 600, WEEKS, uncounted=1, unnamed=1))
    assert "at least 480 records in 12 exports; 1 export of unknown size" in text
    assert "at least 300 different ones" in text
    assert "at least 50.0% of 600 in the client base" in text
    assert "exported 13 times, at least 50% of the client base" in text


def test_full_figures_are_no_least() -> None:
    text = said(ExportLine("crm", 12, 480, 300, 600, WEEKS))
    assert "12 exports, 480 records, 300 different ones, 50.0% of 600 in the client base" in text
    assert "at least" not in text
    assert "unknown" not in text


def test_no_size_at_all_is_said_without_a_figure() -> None:
    text = said(ExportLine("crm", 2, 0, None, 600, WEEKS, uncounted=2, unnamed=2))
    assert "*crm*: 2 exports of unknown size" in text
    assert "0 records" not in text


def test_a_chart_of_records_draws_no_exports_among_them() -> None:
    line = ExportLine("crm", 14, 480, 300, 600, WEEKS, uncounted=1, unnamed=1)
    chart = next(
        block
        for block in exports.build(replace(samples.exports(), lines=(line,))).blocks
        if block["type"] == "data_visualization"
    )
    assert [point["value"] for point in chart["chart"]["series"][0]["data"]] == [480, 0]
    assert chart["title"] == "Records exported, week by week, if logged"
    assert "records in the week of" in said(line, chart=False)


def test_a_chart_without_any_size_draws_exports() -> None:
    line = ExportLine("crm", 2, 0, None, 600, tuple((day, events, 0) for day, events, _ in WEEKS), uncounted=14)
    chart = next(
        block
        for block in exports.build(replace(samples.exports(), lines=(line,))).blocks
        if block["type"] == "data_visualization"
    )
    assert [point["value"] for point in chart["chart"]["series"][0]["data"]] == [13, 1]
    assert chart["title"] == "Exports, week by week"
