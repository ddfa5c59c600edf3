"""Conformance suites for connectors, of this project and of other packages. They need pytest.

A suite sees a system only through a `world`, which its user writes. Roster, Trace and Administrators have no suite.
"""

from pathlib import Path

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{one.stem}" for one in Path(__file__).parent.glob("[a-z]*.py")))
