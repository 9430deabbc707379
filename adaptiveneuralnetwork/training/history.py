"""What ``Trainer.fit`` returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.callbacks.base import Callback


class History(list[dict[str, Any]]):
    """A list with one record an epoch, that knows the callbacks of its run.

    Each record has ``epoch``, ``train_loss``, then ``train_accuracy`` and other metrics where they apply, then the same
    with ``val_`` if there was a validation loader. Losses are means over batches, accuracies are fractions.

    Args:
        records: To begin with.
        callbacks: Those of the run.

    Attributes:
        callbacks: The callbacks that ran, in their order. Not part of equality, copies or pickles.

    Example:
        >>> history = History([{"epoch": 0, "train_loss": 0.7}, {"epoch": 1, "train_loss": 0.5}])
        >>> history[-1]["train_loss"]
        0.5
        >>> history.column("train_loss")
        [0.7, 0.5]
    """

    def __init__(self, records: Iterable[dict[str, Any]] = (), *, callbacks: Iterable[Callback] = ()) -> None:
        super().__init__(records)
        self.callbacks: tuple[Callback, ...] = tuple(callbacks)

    def column(self, name: str) -> list[Any]:
        """The values of one metric, an epoch each.

        Raises:
            KeyError: A record lacks it; the error lists what the record has.
        """
        for record in self:
            if name not in record:
                raise KeyError(
                    f"no metric {name!r} in the record of epoch {record.get('epoch')}; it has {sorted(record)}"
                )
        return [record[name] for record in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return History, (list(self),)
