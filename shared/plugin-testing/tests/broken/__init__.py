"""Plugins that are broken on purpose, each with one fault, and the test of the kit that rejects it.

A module of this package has a list `BROKEN` of `model.Broken`. `test_broken.py` runs the named test of the suite on
each of them and sees it fail; `docs/broken-plugins.md` is the table of all.
"""

from __future__ import annotations
