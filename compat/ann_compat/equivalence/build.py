"""From a ``CaseSpec`` to fresh objects: model, config, loaders, optimizer, criterion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.models import ZOO, FaultyModel, adaptive_config


@dataclass
class Setup:
    """What a run works with; made anew for each run, so that no two runs share anything.

    Attributes:
        optimizer, criterion: ``None`` where they are left to the loop.
    """

    model: nn.Module
    config: AdaptiveConfig
    train_loader: Any
    validation_loader: Any
    optimizer: torch.optim.Optimizer | None
    criterion: Callable[..., Tensor] | None


def build(spec: CaseSpec) -> Setup:
    """Build the objects of a case. The model draws from the global generator, the data from generators of its own."""
    inputs = _inputs_per_sample(spec)
    outputs = 1 if spec.criterion == "mse" else spec.classes
    model = ZOO[spec.model](inputs, spec.hidden, outputs).to(_dtype(spec))
    if spec.fault in ("no_metrics", "partial_metrics", "unwritable_metrics", "interrupt"):
        model = FaultyModel(model, spec.fault)
    criterion = _criterion(spec)
    if spec.stale_gradients:
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.full_like(parameter, 0.25)
    return Setup(
        model=model,
        config=_config(spec, inputs, outputs),
        train_loader=_loader(spec, training=True),
        validation_loader=_loader(spec, training=False) if spec.validation else None,
        optimizer=_optimizer(spec, model, criterion),
        criterion=criterion,
    )


class Batches:
    """Ready batches with a length, which count how often an iterator was asked for."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches
        self.iterations = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        self.iterations += 1
        return iter(self.batches)


class UnsizedBatches:
    """Ready batches without a length."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches
        self.iterations = 0

    def __iter__(self) -> Iterator[Any]:
        self.iterations += 1
        return iter(self.batches)


class LearnedScale(nn.Module):
    """Cross entropy of scaled outputs, with the scale a parameter of the criterion: never clipped, by either path."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs * self.scale, targets)


def _config(spec: CaseSpec, inputs: int, outputs: int) -> AdaptiveConfig:
    return adaptive_config(
        inputs,
        spec.hidden,
        outputs,
        learning_rate=spec.learning_rate,
        num_epochs=spec.config_epochs,
        batch_size=spec.batch_size,
        dtype=spec.dtype,
        log_interval=spec.log_interval,
        save_checkpoint=spec.files,
        checkpoint_dir="saved/checkpoints",
        metrics_file="metrics.json" if spec.files else None,
    )


_SAMPLE_SHAPES: dict[str, tuple[int, ...]] = {
    "flat": (),
    "image": (1, 2),
    "sequence": (2,),
    "volume": (1, 2, 1),
    "channels_last": (2, 2),
}


def _inputs_per_sample(spec: CaseSpec) -> int:
    return spec.features * torch.Size(_SAMPLE_SHAPES[spec.input_form]).numel()


def _dtype(spec: CaseSpec) -> torch.dtype:
    return torch.float64 if spec.dtype == "float64" else torch.float32


def _loader(spec: CaseSpec, *, training: bool) -> Any:
    size = spec.train_size if training else spec.validation_size
    generator = torch.Generator().manual_seed(2 * spec.seed + (1 if training else 2))
    shape = (size, *_SAMPLE_SHAPES[spec.input_form], spec.features)
    inputs = (torch.randn(shape, generator=generator, dtype=torch.float64) * spec.scale).to(_dtype(spec))
    targets = _targets(spec, size, generator)
    if spec.fault == "nan_data" and training:
        inputs.view(-1)[0] = float("nan")
    if spec.fault == ("empty_train" if training else "empty_validation"):
        return Batches([])
    tensors = (inputs, targets, targets) if spec.fault == "three_parts" and training else (inputs, targets)
    batches = list(zip(*(torch.split(tensor, spec.batch_size) for tensor in tensors), strict=True))
    if spec.drop_last and training:
        batches = [batch for batch in batches if len(batch[0]) == spec.batch_size]
    if spec.fault == "no_length" and training:
        return UnsizedBatches(batches)
    if spec.input_form == "channels_last":
        # Collating would undo the layout.
        return Batches([(batch[0].contiguous(memory_format=torch.channels_last), *batch[1:]) for batch in batches])
    if spec.loader == "batches":
        return Batches(batches)
    return DataLoader(
        TensorDataset(*tensors),
        batch_size=spec.batch_size,
        shuffle=spec.shuffle and training,
        drop_last=spec.drop_last and training,
        generator=generator if spec.loader == "seeded" else None,
    )


def _targets(spec: CaseSpec, size: int, generator: torch.Generator) -> Tensor:
    if spec.criterion == "mse":
        return (torch.randn(size, 1, generator=generator, dtype=torch.float64) * spec.scale).to(_dtype(spec))
    if spec.fault == "soft_labels":
        return torch.rand(size, spec.classes, generator=generator, dtype=torch.float64).softmax(1).to(_dtype(spec))
    return torch.randint(0, spec.classes, (size,), generator=generator)


def _criterion(spec: CaseSpec) -> Callable[..., Tensor] | None:
    criteria: dict[str, Callable[[], Callable[..., Tensor] | None]] = {
        "default": lambda: None,
        "weighted": lambda: nn.CrossEntropyLoss(weight=torch.arange(1.0, spec.classes + 1.0, dtype=_dtype(spec))),
        "label_smoothing": lambda: nn.CrossEntropyLoss(label_smoothing=0.2),
        "sum": lambda: nn.CrossEntropyLoss(reduction="sum"),
        "function": lambda: lambda outputs, targets: 0.5 * nn.functional.cross_entropy(outputs, targets),
        "learned": lambda: LearnedScale().to(_dtype(spec)),
        "mse": nn.MSELoss,
    }
    return criteria[spec.criterion]()


def _optimizer(spec: CaseSpec, model: nn.Module, criterion: Any) -> torch.optim.Optimizer | None:
    named = [(name, parameter) for name, parameter in model.named_parameters() if not name.endswith("outside")]
    parameters: list[Any] = [parameter for _, parameter in named]
    if isinstance(criterion, LearnedScale):
        parameters += criterion.parameters()
    rate = spec.learning_rate
    groups: list[dict[str, Any]] = [{"params": parameters[:1]}, {"params": parameters[1:], "lr": rate / 2}]
    optimizers: dict[str, Callable[[], torch.optim.Optimizer | None]] = {
        "default": lambda: None,
        "sgd": lambda: torch.optim.SGD(parameters, lr=rate),
        "momentum": lambda: torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=0.01),
        "adam": lambda: torch.optim.Adam(parameters, lr=rate, amsgrad=True),
        "adamw": lambda: torch.optim.AdamW(parameters, lr=rate, weight_decay=0.1),
        "rmsprop": lambda: torch.optim.RMSprop(parameters, lr=rate),
        "groups": lambda: torch.optim.SGD(groups, lr=rate),
    }
    return optimizers[spec.optimizer]()
