"""The scenarios of artifact repositories, by subject."""

from __future__ import annotations
