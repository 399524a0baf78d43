"""MLflow's entities as plain values, so that two stores' answers can be compared and shown."""

from __future__ import annotations

import dataclasses
import enum
import math
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import PurePath
from typing import Any

from mlflow_plugin_testing.special import SPECIAL

__all__ = ["plain"]

# A graph of entities is never deeper; a cycle would be.
_DEEPEST = 30


def plain(value: object, depth: int = 0) -> Any:
    """Turn an answer of a store into dictionaries, lists, strings, numbers, booleans and None.

    Args:
        value: Whatever a method of MLflow's contract returns or takes.
        depth: How deep it lies in another value.

    Returns:
        The same content without identity: dictionaries are sorted by key, tokens of pages only say whether there is
        another page, and floats that JSON cannot hold become their names, so that NaN equals NaN.
    """
    if depth > _DEEPEST:
        return f"<deeper than {_DEEPEST}>"
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return _number(value)
    for kind, convert in _CONTAINERS:
        if isinstance(value, kind):
            return convert(value, depth + 1)
    return _entity(value, depth + 1)


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "<nan>"
    # SQL has no infinity, so that MLflow's store keeps the greatest number instead, and SQLite forgets the sign of
    # zero. A store that keeps them is not wrong.
    if abs(value) >= sys.float_info.max:
        return "<inf>" if value > 0 else "<-inf>"
    return value + 0.0


def _mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {str(key): plain(value[key], depth) for key in sorted(value, key=str)}


def _list(value: Any, depth: int) -> Any:
    items = [plain(item, depth) for item in value]
    # A PagedList is a list with a token: each store writes its tokens in its own way.
    if hasattr(value, "token"):
        return {"items": items, "another page": bool(value.token)}
    return items


def _set(value: AbstractSet[Any], depth: int) -> list[Any]:
    return sorted((plain(item, depth) for item in value), key=repr)


_CONTAINERS: tuple[tuple[Any, Any], ...] = (
    (Mapping, _mapping),
    ((list, tuple), _list),
    (AbstractSet, _set),
    (bytes, lambda value, _: f"<bytes {value.hex()}>"),
    (datetime, lambda value, _: value.isoformat()),
    (PurePath, lambda value, _: str(value)),
)


def _entity(value: Any, depth: int) -> Any:
    name = type(value).__name__
    if isinstance(value, BaseException):
        return f"<{name}>"
    if name == "RunData":
        return _run_data(value, depth)
    if name in SPECIAL:
        return plain(SPECIAL[name](value), depth)
    if hasattr(value, "DESCRIPTOR") and hasattr(value, "SerializeToString"):
        from google.protobuf.json_format import MessageToDict

        return plain(MessageToDict(value), depth)
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {
            each.name: plain(getattr(value, each.name), depth)
            for each in sorted(fields, key=lambda each: each.name)
            if not each.name.startswith("_")
        }
    # MLflow's entities are properties over private attributes, and iterate over them.
    public = dict(value) if hasattr(value, "_properties") else _attributes(value)
    return _mapping(
        {key: item for key, item in public.items() if not str(key).startswith("_")}, depth
    )


def _attributes(value: Any) -> dict[str, Any]:
    """What an object holds. Some of MLflow's (prompts, webhooks) hold it in private and show properties."""
    found = {key: item for key, item in vars(value).items() if not key.startswith("_")}
    if found:
        return found
    kind = type(value)
    names = [key for key in dir(kind) if isinstance(getattr(kind, key, None), property)]
    return {name: getattr(value, name) for name in names if not name.startswith("_")}


def _run_data(value: Any, depth: int) -> dict[str, Any]:
    """The latest metrics with step and time, which the public properties leave out; their order is nobody's promise."""
    metrics = sorted(value._metric_objs, key=lambda metric: str(metric.key))
    return {
        "metrics": [plain(metric, depth) for metric in metrics],
        "params": _mapping(value.params, depth),
        "tags": _mapping(value.tags, depth),
    }
