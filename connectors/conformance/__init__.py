"""Conformance suites for connectors, of this project and of other packages. They need pytest.

A suite sees a system only through a `world`, which its user writes. Roster, Trace and Administrators have no suite.
"""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{suite}" for suite in ("accounts", "client_book", "export_log", "groups", "sessions", "tokens"))
)
