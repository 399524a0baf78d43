"""The public methods of MLflow's abstract classes, as the installed MLflow has them."""

from __future__ import annotations

import inspect

__all__ = ["declared_by", "overridden", "public_methods"]


def public_methods(abstract: type) -> list[str]:
    """List the public methods and properties of an abstract class and of its mixins.

    Args:
        abstract: A class of MLflow, such as the `AbstractStore` of tracking.

    Returns:
        The names, sorted.
    """
    names = {
        name
        for base in abstract.__mro__
        if base is not object
        for name, value in vars(base).items()
        if not name.startswith("_") and _is_method(value)
    }
    return sorted(names)


def overridden(implementation: type, method: str, abstract: type) -> bool:
    """Tell whether a class has a method of its own.

    Args:
        implementation: The plugin's class.
        method: Name of the method.
        abstract: MLflow's class, which has a default or an empty body.

    Returns:
        Whether the plugin, or a base class of its own, defines it. An empty body in MLflow's class returns None and
        says nothing, so a missing method cannot be found by calling it.
    """
    owner = declared_by(implementation, method)
    return owner is not None and owner not in abstract.__mro__


def declared_by(implementation: type, method: str) -> type | None:
    """Find the class that a method comes from.

    Args:
        implementation: A class.
        method: Name of the method.

    Returns:
        The first class in its order of resolution that defines the method; None when there is none.
    """
    return next((base for base in implementation.__mro__ if method in vars(base)), None)


def _is_method(value: object) -> bool:
    return inspect.isroutine(value) or isinstance(value, (property, classmethod, staticmethod))
