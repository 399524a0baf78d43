"""What pytest collects when a plugin is checked without a test file."""

from __future__ import annotations
