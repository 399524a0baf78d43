"""The classes of the broken artifact repositories; other processes import them by name."""

from __future__ import annotations
