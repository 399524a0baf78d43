"""The part of this kit that pytest loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of the suites' tests."""
    config.addinivalue_line(
        "markers", "mlflow_contract(capability): what a test of a suite is about"
    )
