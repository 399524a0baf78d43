"""A store seen through a window: each call, with what it was answered, goes into a transcript."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_plugin_testing.ids import Normaliser
from mlflow_plugin_testing.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Calls", "Entry", "Failed", "StoppedError"]

# They answer with a list and the token of the next page, as a tuple; each store writes its tokens in its own way.
_WITH_TOKEN = frozenset({"_load_dataset_records", "_search_runs", "search_traces"})
# No scenario makes as many: a token that leads to itself would be followed for ever.
_MOST_PAGES = 100

_UNFORESEEN = frozenset({"BAD_REQUEST", "INTERNAL_ERROR"})


class StoppedError(Exception):
    """An operation needs what an earlier call did not give; the transcript tells which call that was."""


@dataclass(frozen=True)
class Failed:
    """What a call that raised is answered with: nothing can be read from it.

    Attributes:
        code: MLflow's error code, or the name of any other exception.
        error: The exception itself.
    """

    code: str
    error: BaseException

    @property
    def not_implemented(self) -> bool:
        """Whether the store says that it does not have this method."""
        names = {base.__name__ for base in type(self.error).__mro__}
        return bool(names & {"NotImplementedError", "MlflowNotImplementedException"}) or (
            self.code == "NOT_IMPLEMENTED"
        )

    @property
    def accidental(self) -> bool:
        """Whether only that it fails is meant: a database or Python refused it, and not MLflow's contract.

        MLflow's SQL store passes on what its database refuses as BAD_REQUEST, and the unforeseen as INTERNAL_ERROR.
        """
        return self.code in _UNFORESEEN or not hasattr(self.error, "error_code")

    def __getattr__(self, name: str) -> Any:
        """Stop the operation: what follows makes no sense."""
        if name.startswith("__"):
            raise AttributeError(name)
        message = f"a call failed ({self.code}) and {name!r} of its answer is needed"
        raise StoppedError(message)

    def __iter__(self) -> Any:
        """Stop the operation, as above."""
        return self.__getattr__("the list")

    def __getitem__(self, key: object) -> Any:
        """Stop the operation, as above."""
        return self.__getattr__(f"item {key}")


@dataclass
class Entry:
    """One line of a transcript.

    Attributes:
        call: The method's name.
        given: The arguments, plain.
        answer: The answer, plain; for an error its code.
        failed: The error, if it was one.
        field: What an answer is that has no fields itself.
        absent: Whether the store does not have this method, and need not.
    """

    call: str
    given: Any
    answer: Any
    failed: Failed | None = None
    field: str = ""
    absent: bool = False


@dataclass
class _Transcript:
    entries: list[Entry] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)


class Calls:
    """Passes calls on to a store and writes them down. A call never raises: see `Failed`.

    `calls.unordered.list_things(…)` is a call whose answer has no promised order: it is sorted before it is compared.
    `calls.only(predicate).list_things(…)` compares the part of the answer that is ours, where a store holds more.
    """

    def __init__(
        self,
        store: Any,
        normaliser: Normaliser | None = None,
        transcript: _Transcript | None = None,
        *,
        ordered: bool = True,
        inside: bool = False,
        optional: bool = False,
        predicate: Callable[[Any], bool] | None = None,
    ) -> None:
        """Look at a store.

        Args:
            store: The store.
            normaliser: What it knows of the store's ids; a new one by default.
            transcript: Where calls are written down; a new one by default.
            ordered: Whether the order of lists is compared.
            inside: Whether lists within the answer are without an order too.
            optional: Whether a store may do without a method.
            predicate: Which items of a list are compared; all by default.
        """
        self._store = store
        self._normaliser = normaliser or Normaliser()
        self._transcript = transcript or _Transcript()
        self._ordered = ordered
        self._inside = inside
        self._optional = optional
        self._predicate = predicate

    def _with(self, **changes: Any) -> Any:
        kept = {
            "ordered": self._ordered,
            "inside": self._inside,
            "optional": self._optional,
            "predicate": self._predicate,
        }
        return Calls(self._store, self._normaliser, self._transcript, **{**kept, **changes})

    def again(self) -> Calls:
        """Return the same store with an empty transcript, in which the same ids are known."""
        transcript = _Transcript(reached=self._transcript.reached)
        return Calls(self._store, self._normaliser, transcript)

    @property
    def unordered(self) -> Any:
        """The same store, for calls whose answers have no promised order."""
        return self._with(ordered=False)

    @property
    def unordered_inside(self) -> Any:
        """The same store, for answers in which the lists within have no promised order either."""
        return self._with(ordered=False, inside=True)

    @property
    def optional(self) -> Any:
        """The same store, for methods that MLflow calls only where a store has them."""
        return self._with(optional=True)

    def only(self, predicate: Callable[[Any], bool]) -> Any:
        """Return the same store, for calls that answer with more than what is ours.

        Args:
            predicate: Tells of an item whether it is compared.
        """
        return self._with(predicate=predicate)

    def accepts(self, method: str, *arguments: str) -> bool:
        """Tell whether the installed MLflow's method has such arguments.

        Args:
            method: Name of the method.
            arguments: Names of arguments.
        """
        known = inspect.signature(getattr(self._store, method)).parameters
        return all(name in known for name in arguments)

    def kind_of(self, name: str) -> None:
        """Read a property of which only the type is compared: stores may differ in its value.

        Args:
            name: Name of the property.
        """
        self._transcript.reached.add(name)
        self._write(name, [], type(getattr(self._store, name, None)).__name__)

    def pages(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Follow a search from page to page, and write all pages down as one answer.

        MLflow's own store gives a token with a page that is full, though nothing may come after it; a store that
        knows better gives none. So whether an empty page follows is not compared.

        Args:
            method: Name of the method; it takes `page_token`.
            args: Its other arguments.
            kwargs: Its other arguments, such as `max_results`.

        Returns:
            The items of all pages; `Failed` where a call raised.
        """
        found: list[list[Any]] = []
        token = None
        while len(found) < _MOST_PAGES:
            silent = Calls(self._store, self._normaliser, _Transcript())
            page = getattr(silent, method)(*args, **kwargs, page_token=token)
            if isinstance(page, Failed):
                return self._failed(method, [plain(args), plain(kwargs)], page.error)
            items, token = page if method in _WITH_TOKEN else (page, page.token)
            found.append(list(items))
            if not token:
                break
        if found and not found[-1]:
            found.pop()
        self._transcript.reached.add(method)
        self._write(f"{method}, page by page", [plain(args), plain(kwargs)], found)
        return [item for items in found for item in items]

    def note(self, what: str, value: object) -> None:
        """Write down something that was observed and is to be compared, though no call answered it.

        Args:
            what: What it is.
            value: What it was.
        """
        self._write(what, [], value)

    def __getattr__(self, name: str) -> Any:
        """Return the store's method, watched; a property is read, and written down."""
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            found = getattr(self._store, name)
        except AttributeError as error:
            return self._missing(name, error)
        self._transcript.reached.add(name)
        if not callable(found):
            self._write(name, [], found)
            return found
        return lambda *args, **kwargs: self._call(name, found, args, kwargs)

    def _missing(self, name: str, error: AttributeError) -> Callable[..., Failed]:
        def answer(*args: Any, **kwargs: Any) -> Failed:
            missing = NotImplementedError(str(error))
            failed = self._failed(name, [plain(args), plain(kwargs)], missing)
            self._transcript.entries[-1].absent = self._optional
            return failed

        return answer

    def _call(
        self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        given = [plain(args), plain(kwargs)]
        self._normaliser.given(given)
        try:
            answer = method(*args, **kwargs)
            if inspect.isawaitable(answer):
                answer = asyncio.run(_awaited(answer))
            elif type(answer).__name__ == "RunOperations":
                answer = answer.wait()
        except Exception as error:  # noqa: BLE001  (whatever a store under test raises is its answer)
            return self._failed(name, given, error)
        if name in _WITH_TOKEN and isinstance(answer, tuple):
            items, token = answer
            self._write(name, given, {"items": self._ours(items), "another page": bool(token)})
        else:
            self._write(name, given, self._ours(answer))
        return answer

    def _failed(self, name: str, given: Any, error: BaseException) -> Failed:
        failed = Failed(str(getattr(error, "error_code", type(error).__name__)), error)
        self._transcript.entries.append(Entry(name, given, f"<error {failed.code}>", failed))
        return failed

    def _ours(self, answer: Any) -> Any:
        if self._predicate is None:
            return answer
        return [item for item in answer if self._predicate(item)]

    def _write(self, name: str, given: Any, answer: object) -> None:
        shown = plain(answer)
        if not self._ordered:
            shown = self._sorted(shown)
        # The name tells what an answer without fields is: `create_experiment` gives an id, `…_ids` a list of them.
        field = "id" if name.startswith("create_") else name
        self._normaliser.learn(shown, field)
        self._transcript.entries.append(Entry(name, given, shown, field=field))

    def _sorted(self, value: Any) -> Any:
        """Sort by what the items say; new ids, which the store chose, do not count."""
        if isinstance(value, dict) and (self._inside or isinstance(value.get("items"), list)):
            names = value if self._inside else ["items"]
            return {**value, **{name: self._sorted(value[name]) for name in names}}
        if not isinstance(value, list):
            return value
        if self._inside:
            value = [self._sorted(item) for item in value]
        probe = Normaliser()
        probe.learn(value)
        # Ids that are known already are the same in both stores, and tell things apart that differ in nothing else.
        return sorted(
            value,
            key=lambda item: repr(probe.normal(self._normaliser.normal(item), masked=True)),
        )


async def _awaited(answer: Any) -> Any:
    return await answer
