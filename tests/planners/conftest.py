"""What the tests of planners share."""

from __future__ import annotations

from tests.models.conftest import server

__all__ = ["server"]
