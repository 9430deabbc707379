"""The model zoo: small models, each of which makes one source of difference visible."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel


class ZooModel(nn.Module):
    """A two-layer network with the methods that the legacy loop asks of a model.

    It takes flat samples ``(N, inputs)`` and flattens sequences and volumes itself, but not images: those the loop must
    flatten, so a path that does not is found out.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() in (3, 5):
            x = x.flatten(1)
        elif x.dim() != 2:
            raise ValueError(f"x must have 2, 3 or 5 dimensions, got {x.dim()}")
        outputs: Tensor = self.second(self.between(torch.relu(self.first(x))))
        return outputs

    def between(self, hidden: Tensor) -> Tensor:
        """What happens between the two layers."""
        return hidden

    def get_metrics(self) -> dict[str, Any]:
        norm = float(self.first.weight.detach().norm())
        return {"active_node_ratio": norm / (1.0 + norm), "mean_energy": norm, "mean_activity": -norm}

    def get_state_dict_full(self) -> dict[str, Any]:
        return {"state_dict": self.state_dict()}

    def load_state_dict_full(self, state: Mapping[str, Any]) -> None:
        self.load_state_dict(state["state_dict"])


class DropoutModel(ZooModel):
    """Draws from torch's generator in training mode: shows forgotten modes and a disturbed order of draws."""

    def between(self, hidden: Tensor) -> Tensor:
        return nn.functional.dropout(hidden, 0.5, training=self.training)


class BatchNormModel(ZooModel):
    """Keeps running statistics: shows forgotten modes and second forward passes."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(inputs, hidden, outputs)
        self.norm = nn.BatchNorm1d(hidden)

    def between(self, hidden: Tensor) -> Tensor:
        normed: Tensor = self.norm(hidden)
        return normed


class AlternatingModel(ZooModel):
    """Uses a branch in every other training step only: shows gradients set to zero instead of to ``None``."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(inputs, hidden, outputs)
        self.branch = nn.Linear(hidden, hidden)
        self.steps = 0

    def between(self, hidden: Tensor) -> Tensor:
        if self.training:
            self.steps += 1
        return hidden + self.branch(hidden) if self.steps % 2 else hidden


class FrozenModel(ZooModel):
    """Its first layer takes no gradients."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(inputs, hidden, outputs)
        self.first.requires_grad_(False)


class OutsideOptimizerModel(ZooModel):
    """Has a parameter, named in ``outside``, that explicit optimizers leave out: the clip norm counts it all the same,
    and nobody clears its gradient."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(inputs, hidden, outputs)
        self.outside = nn.Parameter(torch.ones(hidden))

    def between(self, hidden: Tensor) -> Tensor:
        return hidden * self.outside


class StatefulModel(ZooModel):
    """Counts its forward passes, in evaluation too, draws from Python and NumPy, and reports what it counted."""

    seen: Tensor

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(inputs, hidden, outputs)
        self.register_buffer("seen", torch.zeros(()))
        self.reports = 0

    def between(self, hidden: Tensor) -> Tensor:
        self.seen += 1
        return hidden * (1.0 + 0.1 * random.random() + 0.1 * float(np.random.rand())) + 0.01 * self.seen

    def get_metrics(self) -> dict[str, Any]:
        self.reports += 1
        return super().get_metrics() | {"mean_energy": float(self.seen), "reports": self.reports}


ZOO: dict[str, Callable[[int, int, int], nn.Module]] = {
    "mlp": ZooModel,
    "dropout": DropoutModel,
    "batch_norm": BatchNormModel,
    "alternating": AlternatingModel,
    "frozen": FrozenModel,
    "outside_optimizer": OutsideOptimizerModel,
    "stateful": StatefulModel,
    "adaptive": lambda inputs, hidden, outputs: AdaptiveModel(adaptive_config(inputs, hidden, outputs)),
}
"""By name, functions ``(inputs, hidden, outputs) -> model``."""


def adaptive_config(inputs: int, hidden: int, outputs: int, **settings: Any) -> AdaptiveConfig:
    """The config of an ``AdaptiveModel`` with ``hidden`` nodes; a short day, so that all phases come up."""
    sizes = {"input_dim": inputs, "output_dim": outputs, "num_nodes": hidden, "hidden_dim": hidden + 1}
    return AdaptiveConfig(**(sizes | {"circadian_period": 4} | settings))


class FaultyModel(nn.Module):
    """A model of the zoo that lacks what the legacy loop asks of it, or breaks off.

    Args:
        inner: The model.
        fault: ``no_metrics``, ``partial_metrics``, ``unwritable_metrics`` or ``interrupt`` (at the third forward pass).
    """

    def __init__(self, inner: nn.Module, fault: str) -> None:
        super().__init__()
        self.inner: Any = inner
        self.fault = fault
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        if self.fault == "interrupt" and self.passes == 3:
            raise KeyboardInterrupt
        outputs: Tensor = self.inner(x)
        return outputs

    def __getattr__(self, name: str) -> Any:
        if name == "get_metrics" and self.fault == "no_metrics":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'get_metrics'")
        return super().__getattr__(name) if name != "get_metrics" else self._metrics

    def _metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = self.inner.get_metrics()
        if self.fault == "partial_metrics":
            del metrics["mean_energy"]
        if self.fault == "unwritable_metrics":
            metrics["tensor"] = torch.zeros(2)
        return metrics

    def get_state_dict_full(self) -> dict[str, Any]:
        state: dict[str, Any] = self.inner.get_state_dict_full()
        return state

    def load_state_dict_full(self, state: Mapping[str, Any]) -> None:
        self.inner.load_state_dict_full(state)
