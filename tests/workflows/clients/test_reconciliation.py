"""Counts before and after, in words: every difference is explained, or said to be unexplained."""

import pytest

from workflows.clients.split.unmoved import UnmovedCounts, sentences

BEFORE = {"dana": {"deal": 10}, "bob": {"deal": 5}}


@pytest.mark.parametrize(
    ("after", "fate", "said"),
    [
        ({"dana": {"deal": 0}, "bob": {"deal": 15}}, UnmovedCounts(), "15 before, 15 after"),
        (
            {"dana": {"deal": 0}, "bob": {"deal": 13}},
            UnmovedCounts(taken=1, gone=1),
            "15 before, 13 after; 1 taken by another, 1 gone",
        ),
        (
            {"dana": {"deal": 0}, "bob": {"deal": 13}},
            UnmovedCounts(gone=1),
            "15 before, 13 after; 1 gone; 1 fewer for a reason outside this handover",
        ),
        (
            {"dana": {"deal": 0}, "bob": {"deal": 15}},
            UnmovedCounts(gone=1),
            "15 before, 15 after; 1 called gone by the system, which its counts do not show",
        ),
        (
            {"dana": {"deal": 0}, "bob": {"deal": 16}},
            UnmovedCounts(),
            "15 before, 16 after; 1 more than before for a reason outside this handover",
        ),
        (
            {"dana": {"deal": 3}, "bob": {"deal": 12}},
            UnmovedCounts(refused=1, waiting=1),
            "15 before, 15 after; 3 still with the leaver (1 refused, 1 waiting for a decision, 1 new since)",
        ),
        (
            {"dana": {"deal": 3}, "bob": {"deal": 12}},
            UnmovedCounts(staying=2, why="won: fixed (2)", refused=1),
            "15 before, 15 after; 2 stay with the leaver: won: fixed (2); 1 still with the leaver (1 refused)",
        ),
        (
            {"dana": {"deal": 1}, "bob": {"deal": 13}},
            UnmovedCounts(staying=2, why="won: fixed (2)"),
            "15 before, 14 after; 1 fewer for a reason outside this handover; 1 stays with the leaver: won: fixed (2)",
        ),
    ],
)
def test_every_difference_is_explained_or_said(
    after: dict[str, dict[str, int]], fate: UnmovedCounts, said: str
) -> None:
    found = sentences("crm", BEFORE, after, frozenset({"dana"}), {"deal": fate})
    assert [line.text for line in found] == [f"crm, deal: {said}"]


def test_a_kind_that_vanished_altogether_is_not_left_out() -> None:
    found = sentences("crm", {"dana": {"deal": 1, "lead": 2}}, {"dana": {}}, frozenset({"dana"}), {})
    assert [line.text.split(";")[0] for line in found] == [
        "crm, deal: 1 before, 0 after",
        "crm, lead: 2 before, 0 after",
    ]
