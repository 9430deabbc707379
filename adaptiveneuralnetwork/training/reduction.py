"""What several ranks counted and differentiated, put together as if one process had done it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from adaptiveneuralnetwork.training.collectives import gathered, maxima, sum_
from adaptiveneuralnetwork.training.metrics import EpochTally, FunctionMetric, LegacyAccuracy, Metric, MetricFunction
from adaptiveneuralnetwork.training.stepping import Stepping, loss_weight


class RankedStepping(Stepping):
    """Steps whose gradient is that of the batches of all ranks together.

    It is the sum over the ranks divided by the number of items of all of them in the window, so neither an uneven shard
    nor a short window weighs more or less than it would in one process.

    Args:
        base: The steps of one process.
        knows_end: Whether :meth:`begin_batch` is told which batch is the last.
        expected_items: About as many as a batch of one rank has; the same on all ranks. It keeps float16's gradients in
            their range, and nothing else depends on it.
        divisor: The model's wrapper gives the sum of the ranks' gradients divided by this.
        synchronize: Called before each forward pass with whether its backward pass is to exchange gradients.
        agree: Called once a step with the weight of this rank's window; gives the sum of all ranks'.
    """

    def __init__(
        self,
        base: Stepping,
        *,
        knows_end: bool,
        expected_items: int,
        divisor: int,
        synchronize: Callable[[bool], None],
        agree: Callable[[Any], Any],
    ) -> None:
        vars(self).update(vars(base))
        self.weighing = True
        self._knows_end = knows_end
        self._expected_items = expected_items
        self._divisor = divisor
        self._synchronize = synchronize
        self._agree = agree

    def begin_batch(self, is_last: bool = False) -> None:
        super().begin_batch(is_last)
        # Where the end is not known, any batch may be the last one.
        self._synchronize(is_last or not self._knows_end or self._losses + 1 == self.accumulation_steps)

    def prepare_step(self) -> None:
        if not self._expected_weight and self._divisor != 1:  # losses that are sums
            self._multiply_gradients(self._divisor)
        super().prepare_step()

    def _expected_weight_of_window(self, targets: Any) -> int:
        return self._expected_items * self.accumulation_steps

    def step(self) -> bool:
        skipped = super().step()
        if hasattr(self.grad_norm, "full_tensor"):
            # Now, on all ranks: whoever reads it later may be one rank alone.
            self.grad_norm = self.grad_norm.full_tensor()
        return skipped

    def _weight_of_window(self) -> Any:
        return self._agree(self._weight) / self._divisor

    def _multiply_gradients(self, factor: Any) -> None:
        for parameter in self._all_parameters():
            if parameter.grad is not None:
                local_part(parameter.grad).mul_(factor)


def local_part(tensor: torch.Tensor) -> torch.Tensor:
    """What this rank has of a sharded tensor, sharing its memory; other tensors are themselves."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


class RankedTally(EpochTally):
    """Counts that :meth:`reduce` puts together over the ranks, once an epoch.

    Until then they are those of this rank alone.

    Args:
        criterion: Says what a loss is the mean of, for training: there, batch ``i`` of all ranks together is one batch.
            ``None`` for evaluation, where each rank's batches are batches of their own, dealt out in turn.

    Raises:
        TypeError: A metric is of a kind that cannot be put together.
    """

    def __init__(
        self,
        own: Mapping[str, MetricFunction | Metric],
        wanted: Mapping[str, MetricFunction | Metric],
        *,
        criterion: Any,
        rank: int,
        world_size: int,
        device: torch.device,
    ) -> None:
        super().__init__(own, wanted)
        self.criterion = criterion
        self.rank = rank
        self.world_size = world_size
        self.device = device
        self.loss: Any = RankedLoss(device)
        for name, metric in self._metrics():
            if not (isinstance(metric, (FunctionMetric, LegacyAccuracy)) or hasattr(metric, "merge_state")):
                raise TypeError(
                    f"metrics[{name!r}] cannot be put together over several processes; it must be a function, a metric "
                    f"of torchmetrics, or have a method merge_state(others), got {type(metric).__name__}"
                )
            for part in _torchmetrics_parts(metric):
                # Reading the logs of a batch on one rank must not wait for the others.
                part.sync_on_compute = part._to_sync = False

    def reset(self) -> None:
        super().reset()
        self.loss = RankedLoss(self.device)

    def update(self, loss: torch.Tensor, outputs: Any, targets: Any) -> None:
        if self.criterion is not None:
            weight = loss_weight(self.criterion, targets)
            if weight is None:  # losses that are sums are added over the ranks
                loss, weight = loss * self.world_size, 1
            self.loss.weight = weight
        super().update(loss, outputs, targets)

    def reduce(self) -> None:
        longest = int(maxima([self.loss.batches], self.device)[0])
        training = self.criterion is not None
        places = slice(0, longest) if training else slice(self.rank, None, self.world_size)
        losses = self.loss.columns(longest if training else longest * self.world_size, places)
        accuracy = self.accuracy
        sums = [metric for _, metric in self._metrics() if isinstance(metric, (FunctionMetric, LegacyAccuracy))]
        numbers = [accuracy.correct, accuracy.total, not accuracy.applies]
        for metric in sums:
            numbers += [metric.sum if isinstance(metric, FunctionMetric) else metric.correct, metric.total]
        packed = sum_(torch.cat([losses.flatten(), _vector(numbers, self.device)])).cpu()
        self.loss.take(packed[: losses.numel()].reshape(2, -1), drop_empty=not training)
        rest = iter(packed[losses.numel() :])
        accuracy.correct, accuracy.total, accuracy.applies = next(rest), int(next(rest)), not next(rest)
        for metric in sums:
            if isinstance(metric, FunctionMetric):
                metric.sum = next(rest)
            else:
                metric.correct = int(next(rest))
            metric.total = int(next(rest))
        for _, metric in self._metrics():
            if not isinstance(metric, (FunctionMetric, LegacyAccuracy)):
                _merge(metric)

    def _metrics(self) -> Iterator[tuple[str, Any]]:
        yield from self.own.metrics.items()
        yield from self.wanted.metrics.items()


class RankedLoss:
    """The losses of an epoch, a column each: the loss times its weight, and the weight.

    They are kept apart, since a batch that several ranks share is averaged over its items before the mean over batches
    is taken, and since a mean that is summed in the order of the batches does not depend on how many ranks there are.

    Attributes:
        sum: The columns, with room for more; float64.
        batches: How many there are.
        weight: That of the next loss.
    """

    def __init__(self, device: torch.device) -> None:
        self.sum = torch.zeros(2, 64, dtype=torch.float64, device=device)
        self.batches = 0
        self.weight: Any = 1

    def add(self, loss: torch.Tensor) -> None:
        if self.batches == self.sum.size(1):
            self.sum = torch.cat([self.sum, torch.zeros_like(self.sum)], dim=1)
        column = self.sum[:, self.batches]
        loss = loss.detach().reshape(()).double()
        if isinstance(self.weight, torch.Tensor):
            loss = torch.where(self.weight > 0, loss, 0.0)  # the mean over nothing is NaN
        column[0] = loss * self.weight
        column[1] = self.weight
        self.batches += 1

    def columns(self, count: int, places: slice) -> torch.Tensor:
        """``count`` columns, zeros but for those of this rank at ``places``."""
        columns = self.sum.new_zeros(2, count)
        columns[:, places][:, : self.batches] = self.sum[:, : self.batches]
        return columns

    def take(self, columns: torch.Tensor, *, drop_empty: bool) -> None:
        """Go on with the columns of all ranks."""
        self.sum = columns[:, columns[1] > 0] if drop_empty else columns
        self.batches = self.sum.size(1)

    def compute(self) -> float:
        """The mean over the batches, added in their order."""
        total = 0.0
        for mean in (self.sum[0] / self.sum[1])[: self.batches].tolist():
            total += mean
        return total / self.batches


def _vector(numbers: list[Any], device: torch.device) -> torch.Tensor:
    # One copy to the device for those that are plain, none for those that are there.
    tensors = [torch.as_tensor(number, dtype=torch.float64, device=device).reshape(()) for number in numbers]
    return torch.stack(tensors)


def _merge(metric: Any) -> None:
    parts = _torchmetrics_parts(metric)
    for part in parts:
        part.sync(should_sync=True)
        part._computed = None  # what was computed from the counts of this rank
        part._update_count = max(part._update_count, 1)  # this rank may have had no batch
    if not parts:
        rank = torch.distributed.get_rank()
        metric.merge_state([other for place, other in enumerate(gathered(metric)) if place != rank])


def _torchmetrics_parts(metric: Any) -> list[Any]:
    """The metrics of torchmetrics in ``metric``, itself included."""
    return (
        [part for part in metric.modules() if hasattr(part, "sync_on_compute")] if isinstance(metric, nn.Module) else []
    )
