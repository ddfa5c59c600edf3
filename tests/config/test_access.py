"""Keys of the access track: holidays, Fridays, limits, and a key of every system."""

from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.config.test_settings import faults, read, written


def test_what_is_left_out_is_strict_but_quiet(tmp_path: Path) -> None:
    settings = read(written(tmp_path))
    policy, company = settings.policy, settings.company
    assert (policy.undo_days, policy.mass_cases_per_hour, policy.immediate_needs_second) == (30, 10, False)
    assert (company.holidays, company.friday_end) == ("", None)
    assert settings.systems["shop"].common.expects_account is None


def test_all_of_them_are_read(tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {
        "company": {"holidays": "DE-BY", "friday_end": "12:00"},
        "policy": {"undo_days": 7, "mass_cases_per_hour": 3, "immediate_needs_second": True},
        "systems.shop": {
            "expects_account": True,
            "administrators": ["root"],
            "restrict_before": "36h",
            "restrict_groups": ["x"],
        },
    }
    settings = read(written(tmp_path, changes))
    assert (settings.company.holidays, settings.company.friday_end) == ("DE-BY", time(12))
    assert (settings.policy.undo_days, settings.policy.immediate_needs_second) == (7, True)
    assert settings.systems["shop"].common.expects_account is True
    common = settings.systems["shop"].common
    assert (common.administrators, common.restrict_before) == (("root",), timedelta(hours=36))


@pytest.mark.parametrize(
    ("table", "changes", "fault"),
    [
        ("company", {"holidays": "Germany"}, "company.holidays: must be a country's two letters such as DE"),
        ("company", {"holidays": "DE-XX"}, "company.holidays: must be"),
        ("company", {"friday_end": 12}, "company.friday_end: must be a time of day"),
        ("policy", {"undo_days": 0}, "policy.undo_days: "),
        ("policy", {"mass_cases_per_hour": 0}, "policy.mass_cases_per_hour: "),
        ("policy", {"mass_share": 0}, "policy.mass_share: "),
        ("policy", {"mass_share": 1.5}, "policy.mass_share: "),
        ("systems.shop", {"restrict_before": "a week", "restrict_groups": ["x"]}, "systems.shop.restrict_before: must"),
        ("systems.shop", {"restrict_before": "0d", "restrict_groups": ["x"]}, "systems.shop.restrict_before: must"),
        ("systems.shop", {"restrict_before": "7d"}, "systems.shop: restrict_before, restrict_groups: each needs"),
        ("systems.shop", {"request_limit": 19}, "systems.shop.request_limit: must be requests and seconds such as"),
        ("systems.shop", {"request_limit": "19"}, "systems.shop.request_limit: must be"),
        ("systems.shop", {"request_limit": "19/0s"}, "systems.shop.request_limit: must be"),
        ("systems.shop", {"request_limit": "0/1s"}, "systems.shop.request_limit: must be"),
        ("systems.shop", {"request_limit": "19/1m"}, "systems.shop.request_limit: must be"),
        ("systems.shop", {"records_at_once": 0}, "systems.shop.records_at_once: "),
        ("systems.shop", {"administrators": "admins"}, "systems.shop.administrators: "),
        ("systems.shop", {"administrators": [""]}, "systems.shop.administrators"),
        ("policy", {"immediate_needs_second": "perhaps"}, "policy.immediate_needs_second: "),
        ("policy", {"protected": ["shop:a", "SHOP:a:b", "chop:a"]}, "policy.protected: 'chop:a' names no system"),
        ("systems.shop", {"expects_account": "yes"}, "systems.shop.expects_account: must be true or false"),
    ],
)
def test_a_fault_is_named_by_its_key(tmp_path: Path, table: str, changes: dict[str, Any], fault: str) -> None:
    [said] = faults(written(tmp_path, {table: changes}))
    assert said.startswith(fault)
