"""What hooks receive: a dict whose device values become Python numbers when they are read."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from typing import Any

import torch


class Logs(dict[str, Any]):
    """A ``dict`` that holds tensors (or functions that give one) and turns each into a float when it is read.

    Reading a tensor on an accelerator waits for the device, so a value that nobody reads costs no such wait. The number
    is kept, so a second read is free. A function is called at its first read: read inside the hook that got the logs.

    ``dict(logs)``, ``{**logs}``, ``json.dumps(logs)`` and ``logs.copy()`` all give plain numbers.

    Example:
        >>> import torch
        >>> logs = Logs(loss=torch.tensor(0.5), batch_size=8)
        >>> logs["loss"], logs["batch_size"]
        (0.5, 8)
        >>> dict(logs)
        {'loss': 0.5, 'batch_size': 8}
    """

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        # Exact types: a plain number, by far the most frequent value, passes both tests untouched.
        if isinstance(value, _Deferred):
            value = value.compute()
        if isinstance(value, torch.Tensor) and value.numel() == 1:
            value = value.item()
        self[key] = value
        return value

    def get(self, key: str, default: Any = None) -> Any:
        # self.get would call itself.
        return self[key] if key in self else default  # noqa: SIM401

    def raw(self, key: str) -> Any:
        """The value as it is, a tensor on its device perhaps: no wait.

        Raises:
            KeyError: There is no such key.
        """
        return super().__getitem__(key)

    # dict(logs) and {**logs} copy the raw values of a dict subclass unless it has an __iter__ of its own.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # a view on the numbers
        return self.copy().items()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]  # a view on the numbers
        return self.copy().values()

    def copy(self) -> dict[str, Any]:
        return {key: self[key] for key in self}

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            self[key] = self[key]
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        key = next(reversed(self))
        return key, self.pop(key)

    def setdefault(self, key: str, default: Any = None) -> Any:
        super().setdefault(key, default)
        return self[key]

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:  # type: ignore[override]  # numbers, so a plain dict
        return {**self, **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:  # type: ignore[override]  # as above
        return {**other, **self}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self.copy() == dict(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as every dict

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce__(self) -> tuple[Any, ...]:
        return Logs, (self.copy(),)


class _Deferred:
    """A value that is computed when it is read."""

    __slots__ = ("compute",)

    def __init__(self, compute: Callable[[], Any]) -> None:
        self.compute = compute


def deferred(compute: Callable[[], Any]) -> Any:
    """A value for :class:`Logs` that is computed by ``compute()`` at its first read.

    Example:
        >>> Logs(answer=deferred(lambda: 42))["answer"]
        42
    """
    return _Deferred(compute)
