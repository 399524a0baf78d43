"""Takes out of an answer what two right stores may answer differently: chosen ids and the time of day."""

from __future__ import annotations

import re
import time
from typing import Any

__all__ = ["Normaliser"]

_ID_FIELD = re.compile(r"(^|_)(ids?|uuid)$")
# Names of people, and numbers that the caller gave to spans: no store chooses them.
_GIVEN = frozenset({"user_id", "span_id", "parent_id", "parent_span_id"})
# Shorter ones, such as MLflow's experiment "1", also occur by chance: these are replaced only where they stand alone.
_LONG = 8
_SLACK_MS = 2_000
_MS, _NS = 1_000, 1_000_000_000


class Normaliser:
    """Replaces ids by numbers in the order in which they were first seen, and present time by `<now>`.

    One normaliser belongs to one store and lives as long as the operations on it: an id means the same thing in each
    answer. What the caller named (a trace id, say) is no choice of the store's, and stays as it is.
    """

    def __init__(self) -> None:
        """Begin to count, and take note of the time."""
        self._ids: dict[str, str] = {}
        self._given: set[str] = set()
        self._began = time.time() - _SLACK_MS / 1000

    def given(self, value: Any) -> None:
        """Take note of what a caller passes to a store.

        Args:
            value: A plain value.
        """
        for text in _strings(value):
            # Numbers are what stores like to choose, and what a caller may pass as the value of a parameter.
            if text not in self._ids and not text.isdecimal():
                self._given.add(text)

    def learn(self, value: Any, field: str = "") -> None:
        """Find the ids in an answer.

        Args:
            value: A plain value.
            field: The name that it stands under; `id` for an answer that is an id itself.
        """
        if isinstance(value, dict):
            for name, item in value.items():
                self.learn(item, name)
        elif isinstance(value, list):
            for item in value:
                self.learn(item, field)
        elif isinstance(value, str) and value and self._is_chosen(value, field):
            self._ids[value] = f"<id {len(self._ids) + 1}>"

    def _is_chosen(self, value: str, field: str) -> bool:
        is_id = _ID_FIELD.search(field) is not None and field not in _GIVEN
        return is_id and value not in self._given and value not in self._ids

    def normal(self, value: Any, field: str = "", *, masked: bool = False) -> Any:
        """Rewrite a plain value.

        Args:
            value: A plain value.
            field: The name that it stands under.
            masked: Whether all ids look alike, to sort things whose ids are not known yet.

        Returns:
            The same without what may differ.
        """
        if isinstance(value, dict):
            return {
                self._text(name, "", masked=masked): self.normal(item, name, masked=masked)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self.normal(item, field, masked=masked) for item in value]
        if isinstance(value, str):
            return self._text(value, field, masked=masked)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return "<now>" if self._is_now(value) else value
        return value

    def _text(self, text: str, field: str, *, masked: bool) -> str:
        if text in self._ids and (len(text) >= _LONG or _ID_FIELD.search(field)):
            return "<id>" if masked else self._ids[text]
        if text.isdecimal() and self._is_now(int(text)):
            return "<now>"
        for known, symbol in self._ids.items():
            shown = "<id>" if masked else symbol
            if len(known) >= _LONG:
                text = text.replace(known, shown)
            elif "/" in text:
                text = "/".join(shown if part == known else part for part in text.split("/"))
        return text

    def _is_now(self, value: float) -> bool:
        now = time.time() + _SLACK_MS / 1000
        return any(self._began * unit <= value <= now * unit for unit in (_MS, _NS))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in (*value, *value.values()) for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []
