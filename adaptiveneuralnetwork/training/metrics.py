"""Running metrics: accuracy as a fraction, accuracy by the legacy rule, and metrics that people bring."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import torch

from adaptiveneuralnetwork.training.batches import count_items, map_tensors
from adaptiveneuralnetwork.training.logs import Logs, deferred


@runtime_checkable
class Metric(Protocol):
    """A metric with state, such as those of torchmetrics: what ``Trainer(metrics={...})`` takes beside functions.

    The trainer works on copies, one for training and one for validation.

    Example:
        >>> class Largest:
        ...     def reset(self):
        ...         self.largest = torch.tensor(-torch.inf)
        ...     def update(self, outputs, targets):
        ...         self.largest = torch.maximum(self.largest, outputs.max())
        ...     def compute(self):
        ...         return self.largest
        >>> isinstance(Largest(), Metric)
        True
        >>> (record,) = Trainer(model, optimizer, criterion, metrics={"largest": Largest()}).fit(train_loader, 1)
        >>> type(record["train_largest"])
        <class 'float'>
    """

    def reset(self) -> None:
        """Begin to count anew, at the beginning of each epoch."""

    def update(self, outputs: Any, targets: Any, /) -> None:
        """Count a batch. The outputs are detached, and gradients are off."""

    def compute(self) -> Any:
        """What was counted: a number, or a tensor with one element."""


MetricFunction = Callable[[Any, Any], Any]


class Accuracy:
    """The fraction of class ids that ``outputs.argmax(dim=1)`` gets right, from 0 to 1.

    It counts only floating outputs of shape ``(N, C)`` or ``(N, C, d1, ...)`` with ``C >= 2`` and integer targets of
    shape ``(N,)`` or ``(N, d1, ...)``. If any batch is of another kind (a regression, say), :meth:`compute` gives
    ``None``.

    Example:
        >>> accuracy = Accuracy()
        >>> accuracy.update(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        >>> float(accuracy.compute())
        0.5
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        self.correct: Any = 0
        self.total = 0
        self.applies = True
        self._kind: Any = None

    def update(self, outputs: Any, targets: Any, /) -> None:
        """Count one batch."""
        if not self.applies:
            return
        if not (isinstance(outputs, torch.Tensor) and isinstance(targets, torch.Tensor)):
            self.applies = False
            return
        kind = outputs.shape, outputs.dtype, targets.shape, targets.dtype
        if kind != self._kind:  # looked at once, not at each batch
            self._kind, self.applies = kind, _is_classification(*kind)
            if not self.applies:
                return
        self.correct += summand((outputs.argmax(dim=1) == targets).sum())
        self.total += targets.numel()

    def compute(self) -> Any:
        """The fraction: a float, or where the device would be waited for a float64 tensor on it.

        ``None`` where it does not apply.
        """
        if not self.applies or not self.total:
            return None
        # float64, so that the fraction is the one that Python's correct / total gives.
        correct = self.correct.double() if isinstance(self.correct, torch.Tensor) else self.correct
        return correct / self.total


class LegacyAccuracy:
    """Accuracy in percent as ``TrainingLoop`` counts it, for any outputs that its rule takes.

    The rule: ``argmax(dim=1)`` against the targets viewed in its shape, divided by the number of samples. It counts for
    regression targets of shape ``(N, 1)`` and for dense targets too, where :class:`Accuracy` reports nothing. A
    converted fraction would not do: ``100.0 * c / t`` and ``100 * (c / t)`` differ in the last bit for a quarter of
    all counts.

    Example:
        >>> accuracy = LegacyAccuracy()
        >>> accuracy.update(torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]]), torch.tensor([1, 1, 0]))
        >>> accuracy.compute()
        66.66666666666667
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        self.correct: Any = 0
        self.total = 0

    def update(self, outputs: torch.Tensor, targets: torch.Tensor, /) -> None:
        """Count one batch.

        Raises:
            RuntimeError: The targets cannot be viewed in the shape of the predictions (class probabilities, say).
            IndexError: The outputs have no class dimension.
        """
        predicted = outputs.argmax(dim=1, keepdim=True)
        self.correct = self.correct + predicted.eq(targets.view_as(predicted)).sum()
        self.total += targets.size(0)

    def compute(self) -> float:
        """The percentage, a float.

        Raises:
            ZeroDivisionError: No sample was counted.
        """
        return 100.0 * int(self.correct) / self.total


class FunctionMetric:
    """The mean of ``function(outputs, targets)`` over batches, weighted by the number of samples in each."""

    def __init__(self, function: MetricFunction) -> None:
        self.function = function
        self.reset()

    def reset(self) -> None:
        self.sum: Any = 0.0
        self.total = 0

    def update(self, outputs: Any, targets: Any, /) -> None:
        items = count_items(targets)
        value = self.function(outputs, targets)
        if isinstance(value, torch.Tensor):
            # Without the detach, a user's metric would keep every batch's graph alive.
            value = value.detach().reshape(())
        self.sum = self.sum + value * items
        self.total += items

    def compute(self) -> Any:
        return self.sum / self.total if self.total else None


class MetricSet:
    """Named metrics that are reset, updated and computed together.

    Args:
        metrics: By name, functions ``(outputs, targets) -> number`` or objects with ``reset``, ``update`` and
            ``compute``. Objects are copied, so that training and validation count apart.

    Raises:
        TypeError: A name is not a string, or a metric is neither of the two kinds.
    """

    def __init__(self, metrics: Mapping[str, MetricFunction | Metric]) -> None:
        self.metrics: dict[str, Metric] = {}
        for name, metric in metrics.items():
            if not isinstance(name, str):
                raise TypeError(f"metrics: names must be strings, got {name!r}")
            # An nn.Module metric (torchmetrics) is callable as well, so the protocol is asked first.
            if isinstance(metric, Metric) and not isinstance(metric, type):
                self.metrics[name] = copy.deepcopy(metric)
            elif callable(metric) and not isinstance(metric, type):
                self.metrics[name] = FunctionMetric(metric)
            else:
                raise TypeError(
                    f"metrics[{name!r}] must be a function (outputs, targets) -> number or an object with reset, "
                    f"update and compute, got {metric!r}"
                )

    def reset(self) -> None:
        for metric in self.metrics.values():
            metric.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        for metric in self.metrics.values():
            metric.update(outputs, targets)


class LossMean:
    """The mean of batch losses; its sum is, bit for bit, the one that adding ``loss.item()`` in Python gives."""

    __slots__ = ("batches", "sum")

    def __init__(self) -> None:
        self.sum: Any = 0.0
        self.batches = 0

    def add(self, loss: torch.Tensor) -> None:
        self.sum += summand(loss)
        self.batches += 1

    def compute(self) -> float:
        """The mean, a float. At least one loss must have been added."""
        return float(self.sum) / self.batches


def summand(value: torch.Tensor) -> Any:
    """A tensor of one element as what sums add up: on accelerators a float64 there, so that no step waits for them.

    Elsewhere a Python number, which costs less than a tensor: on the CPU, where there is nothing to wait for, and on
    devices without float64 (Apple's MPS).
    """
    return value.item() if value.is_cpu or value.is_mps else value.detach().reshape(()).double()


def as_number(value: Any) -> Any:
    """A one-element tensor as a Python number; other values as they are."""
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def _is_classification(
    outputs: torch.Size, of_outputs: torch.dtype, targets: torch.Size, of_targets: torch.dtype
) -> bool:
    """Whether tensors of these shapes and dtypes are scores of classes, and class ids."""
    return (
        of_outputs.is_floating_point
        and len(outputs) >= 2
        and outputs[1] >= 2
        and not (of_targets.is_floating_point or of_targets.is_complex or of_targets is torch.bool)
        and targets == outputs[:1] + outputs[2:]
    )


class EpochTally:
    """All that is counted over the batches of one epoch: loss, accuracy, the trainer's metrics and its callbacks'.

    Args:
        own: Metrics that go into the record.
        wanted: Metrics that only the logs have.
    """

    def __init__(
        self, own: Mapping[str, MetricFunction | Metric], wanted: Mapping[str, MetricFunction | Metric]
    ) -> None:
        self.loss = LossMean()
        self.accuracy = Accuracy()
        self.own = MetricSet(own)
        self.wanted = MetricSet(wanted)
        self._has_metrics = bool(own or wanted)

    def reset(self) -> None:
        self.loss = LossMean()
        self.accuracy.reset()
        self.own.reset()
        self.wanted.reset()

    def update(self, loss: torch.Tensor, outputs: Any, targets: Any) -> None:
        self.loss.add(loss)
        self.accuracy.update(outputs, targets)
        if self._has_metrics:
            outputs = map_tensors(outputs, torch.Tensor.detach)
            with torch.no_grad():
                self.own.update(outputs, targets)
                self.wanted.update(outputs, targets)

    def reduce(self) -> None:
        """Put the counts of several processes together; here there is one."""

    def record(self, prefix: str) -> dict[str, Any]:
        """``<prefix>loss``, ``<prefix>accuracy`` where it applies, and the own metrics, as numbers."""
        record = {f"{prefix}loss": self.loss.compute()}
        accuracy = self.accuracy.compute()
        if accuracy is not None:
            record[f"{prefix}accuracy"] = float(accuracy)
        return record | _computed(self.own, prefix)

    def extras(self, prefix: str) -> dict[str, Any]:
        """The metrics that only the logs have."""
        return _computed(self.wanted, prefix)

    def batch_logs(self, loss: torch.Tensor, targets: Any) -> Logs:
        """What ``on_batch_end`` receives; whatever needs the device is computed when it is read."""
        logs = loss_logs(loss, targets)
        if self.accuracy.applies:
            logs["accuracy"] = deferred(self.accuracy.compute)
        for metrics in (self.wanted, self.own):
            for name, metric in metrics.metrics.items():
                logs[name] = deferred(metric.compute)
        return logs


def loss_logs(loss: torch.Tensor, targets: Any) -> Logs:
    """What ``on_forward_end`` and ``on_backward_end`` receive."""
    return Logs(batch_size=count_items(targets), loss=loss.detach())


def _computed(metrics: MetricSet, prefix: str) -> dict[str, Any]:
    return {f"{prefix}{name}": as_number(metric.compute()) for name, metric in metrics.metrics.items()}
