"""Scenarios of registry stores, one module for each family of methods."""

from __future__ import annotations
