"""Tables, data tables and charts.

Sources: npm @slack/types 3.2.0 (`blocks.d.ts`), docs.slack.dev/reference/block-kit/blocks/data-visualization-block, and
Slack's own Block Kit guidance (slackapi/slack-skills-plugin). For a data table's rows the two disagree (100 or 200):
the lower figure holds here.
"""

from typing import Any

from tests.sandbox.slack.records import JSON, words
from tests.sandbox.slack.validation.elements import check_element
from tests.sandbox.slack.validation.report import Report

ROWS = 100
COLUMNS = 20
TABLE_CHARACTERS = 10_000
DATA_TABLE_CHARACTERS = 20_000
CHART_SERIES = 6
CHART_POINTS = 20


def check_table(report: Report, block: JSON, at: str) -> None:
    """100 rows of 20 cells: raw_text, raw_number or rich_text."""
    rows = report.items(block, "rows", ROWS, at)
    _check_rows(report, rows, {"raw_text", "raw_number", "rich_text"}, at)
    for number, column in enumerate(report.items(block, "column_settings", COLUMNS, at, least=0)):
        report.one_of(column or {}, "align", {"left", "center", "right"}, f"{at}/column_settings/{number}")
    report.known(block, {"type", "block_id", "rows", "column_settings"}, at)


def check_data_table(report: Report, block: JSON, at: str) -> None:
    """A heading row and 100 more, a caption, pages of 1 to 100 rows."""
    rows = report.items(block, "rows", ROWS + 1, at, least=2)
    _check_rows(report, rows, {"raw_text", "raw_number", "rich_text", "action_cell"}, at)
    report.string(block, "caption", 2000, at, required=True)
    if not 1 <= block.get("page_size", 5) <= 100:
        report.add("must be between 1 and 100", f"{at}/page_size")
    width = len(rows[0]) if rows and isinstance(rows[0], list) else 0
    if not 0 <= block.get("row_header_column_index", 0) < max(1, width):
        report.add("must be the index of a column", f"{at}/row_header_column_index")
    if any(isinstance(row, list) and len(row) != width for row in rows):
        report.add("every row must have as many cells as the first", f"{at}/rows")
    report.known(block, {"type", "block_id", "rows", "caption", "page_size", "row_header_column_index"}, at)


def characters(block: JSON) -> int:
    """The characters of all cells, which Slack caps over the whole message."""
    return sum(len(word) for word in words(block.get("rows")))


def _check_rows(report: Report, rows: list[Any], kinds: set[str], at: str) -> None:
    for number, row in enumerate(rows):
        here = f"{at}/rows/{number}"
        if not isinstance(row, list) or not 1 <= len(row) <= COLUMNS:
            report.add(f"must be a list of 1 to {COLUMNS} cells", here)
            continue
        for place, cell in enumerate(row):
            _check_cell(report, cell, kinds, f"{here}/{place}")


def _check_cell(report: Report, cell: Any, kinds: set[str], at: str) -> None:
    kind = cell.get("type") if isinstance(cell, dict) else None
    if kind not in kinds:
        report.add(f"unsupported type: {kind}", at)
    elif kind == "raw_text":
        report.string(cell, "text", TABLE_CHARACTERS, at, required=True)
    elif kind == "raw_number" and not isinstance(cell.get("value"), (int, float)):
        report.add("missing required field: value", at)
    elif kind == "action_cell":
        check_element(report, cell.get("element"), {"button"}, f"{at}/element")


def check_chart(report: Report, block: JSON, at: str) -> None:
    """A titled pie, bar, area or line chart."""
    report.string(block, "title", 50, at, required=True)
    report.known(block, {"type", "block_id", "title", "chart"}, at)
    given = block.get("chart")
    chart: JSON = given if isinstance(given, dict) else {}
    kind = chart.get("type")
    if kind == "pie":
        for number, segment in enumerate(report.items(chart, "segments", CHART_SERIES, f"{at}/chart")):
            _check_point(report, segment, f"{at}/chart/segments/{number}")
            if segment.get("value", 1) <= 0:
                report.add("must be more than 0", f"{at}/chart/segments/{number}/value")
    elif kind in {"bar", "area", "line"}:
        _check_series(report, chart, f"{at}/chart")
    else:
        report.add(f"unsupported type: {kind}", f"{at}/chart")


def _check_series(report: Report, chart: JSON, at: str) -> None:
    axis = chart.get("axis_config")
    if not isinstance(axis, dict):
        report.add("missing required field: axis_config", at)
        return
    categories = report.items(axis, "categories", CHART_POINTS, f"{at}/axis_config")
    if any(not isinstance(name, str) or len(name) > 20 for name in categories):
        report.add("must be less than 21 characters", f"{at}/axis_config/categories")
    report.string(axis, "x_label", 50, f"{at}/axis_config")
    report.string(axis, "y_label", 50, f"{at}/axis_config")
    series = report.items(chart, "series", CHART_SERIES, at)
    for number, one in enumerate(series):
        here = f"{at}/series/{number}"
        report.string(one, "name", 20, here, required=True)
        points = report.items(one, "data", CHART_POINTS, here)
        for place, point in enumerate(points):
            _check_point(report, point, f"{here}/data/{place}")
        if [point.get("label") for point in points] != categories:
            report.add("labels must match the axis categories", f"{here}/data")
    if len({one.get("name") for one in series}) < len(series):
        report.add("series names must be unique", f"{at}/series")


def _check_point(report: Report, point: JSON, at: str) -> None:
    report.string(point, "label", 20, at, required=True)
    if isinstance(point.get("value"), bool) or not isinstance(point.get("value"), (int, float)):
        report.add("must be a number", f"{at}/value")
