"""``AdaptiveConfig``: the settings of a model and of its training run."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import torch
import yaml

from adaptiveneuralnetwork.core.phases import DEFAULT_PHASE_WEIGHTS


@dataclass
class AdaptiveConfig:
    """Settings of an :class:`~adaptiveneuralnetwork.api.model.AdaptiveModel` and of its training run.

    A config is mutable: ``config.num_epochs = 3`` is how programs use it. Values are checked when a config is built
    (also by :meth:`update` and :meth:`from_yaml`), not on assignment. Only what no run can use is refused here; the
    fields of the node and phase groups are checked by ``AdaptiveModel``, because another model may not read them.

    Args:
        num_nodes: nodes in the population; positive.
        hidden_dim: size of each node's hidden state; positive.
        input_dim: features of one sample.
        output_dim: outputs of one sample, the number of classes in classification.
        spatial_dim: dimensions of the space that the nodes lie in.
        energy_decay: rate of the energy balance, per training step.
        activity_threshold: activity above which a node counts as active, and around which its gain is regulated.
        connection_radius: distance up to which two nodes are neighbours, in units of the nodes' spread.
        learning_rate: step size of the optimizer that ``TrainingLoop`` makes; above 0 and below 1.
        batch_size: samples in a batch; positive.
        num_epochs: epochs that ``TrainingLoop.train`` runs when it is not told otherwise.
        adaptation_rate: rate of the running averages of activity and hidden state, per training step.
        circadian_period: training steps in one day of the nodes.
        phase_weights: share of the day in each phase; a dict over ``active``, ``interactive``, ``sleep``, ``inspired``.
        backend: name of the computing backend; a label that programs may read.
        device: where the model and the batches live, a string or a ``torch.device``.
        dtype: floating-point type of the model, a name such as ``"float32"`` or a ``torch.dtype``.
        seed: seed for programs that want one; nothing is seeded from it unasked.
        log_interval: batches between two progress lines.
        save_checkpoint: whether ``TrainingLoop`` saves a checkpoint every fifth epoch.
        checkpoint_dir: folder of those checkpoints.
        metrics_file: JSON file that ``TrainingLoop.train`` writes the history to; ``None`` or ``""`` for none.
        enable_continual_learning: a flag that programs may read.
        enable_ablation_study: a flag that programs may read.

    Raises:
        ValueError: ``num_nodes``, ``hidden_dim`` or ``batch_size`` is not positive, or ``learning_rate`` is not
            between 0 and 1.
        TypeError: one of these is no number.

    Example:
        >>> config = AdaptiveConfig(input_dim=64, num_nodes=50)
        >>> config.num_epochs = 3
        >>> config.update(learning_rate=0.01).learning_rate
        0.01
        >>> AdaptiveConfig(batch_size=0)
        Traceback (most recent call last):
        ...
        ValueError: batch_size must be positive, got 0
    """

    num_nodes: int = 100
    hidden_dim: int = 64
    input_dim: int = 784
    output_dim: int = 10
    spatial_dim: int = 2
    energy_decay: float = 0.01
    activity_threshold: float = 0.5
    connection_radius: float = 1.0
    learning_rate: float = 0.001
    batch_size: int = 64
    num_epochs: int = 10
    adaptation_rate: float = 0.1
    circadian_period: int = 100
    phase_weights: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_PHASE_WEIGHTS))
    backend: str = "pytorch"
    device: str | torch.device = "cpu"
    dtype: str | torch.dtype = "float32"
    seed: int = 42
    log_interval: int = 100
    save_checkpoint: bool = True
    checkpoint_dir: str | os.PathLike[str] = "checkpoints"
    metrics_file: str | os.PathLike[str] | None = "metrics.json"
    enable_continual_learning: bool = False
    enable_ablation_study: bool = False

    def __post_init__(self) -> None:
        for name in ("num_nodes", "hidden_dim", "batch_size"):
            _check_bounds(name, getattr(self, name), accepted="positive", low=0, high=float("inf"))
        _check_bounds("learning_rate", self.learning_rate, accepted="above 0 and below 1", low=0, high=1)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> Self:
        """Read a config from a YAML file that maps field names to values; fields left out keep their defaults.

        YAML reads ``1e-3`` (no point) as text; where the field is a number, such text is taken as the number meant.

        Args:
            path: the file, in UTF-8.

        Raises:
            ValueError: the file is not YAML, does not hold a mapping, or holds a value that is out of range.
            TypeError: the file names a field that does not exist, or a value is of the wrong type.
            OSError: the file cannot be read.
        """
        try:
            data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"path must name a YAML file, got {os.fspath(path)!r}: {error}") from error
        if not isinstance(data, Mapping):
            raise ValueError(f"path must name a YAML mapping of field names to values, got {_kind(data)} in {path!s}")
        _check_known(cls, data, where=f"{path!s}: ")
        numeric = {f.name for f in fields(cls) if isinstance(f.default, float)}
        return cls(**{name: _as_number(value) if name in numeric else value for name, value in data.items()})

    def to_yaml(self, path: str | os.PathLike[str]) -> None:
        """Write all fields to a YAML file that :meth:`from_yaml` reads back. Paths, devices and dtypes become text.

        Args:
            path: the file, written in UTF-8; an existing one is replaced.

        Raises:
            TypeError: a field holds a value that YAML has no form for. The file is then left as it was.
            OSError: the file cannot be written.
        """
        lines = []
        for name, value in self.to_dict().items():
            try:
                lines.append(yaml.safe_dump({name: _as_plain(value)}, sort_keys=False, allow_unicode=True))
            except yaml.YAMLError as error:
                raise TypeError(f"{name} must be a plain value to be written as YAML, got {value!r}") from error
        Path(path).write_text("".join(lines), encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, in order. The copy is shallow: ``phase_weights`` is the config's own dict."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def update(self, **changes: Any) -> Self:
        """Return a new config with some fields changed; this one stays as it is.

        The copy is shallow: the new config shares ``phase_weights`` with this one unless that is changed.

        Args:
            **changes: new values by field name.

        Raises:
            ValueError: a value of the new config is out of range.
            TypeError: a name is not a field, or a value is of the wrong type.
        """
        _check_known(type(self), changes)
        return replace(self, **changes)


def _check_bounds(name: str, value: Any, *, accepted: str, low: float, high: float) -> None:
    # Compared rather than asked for its type: NumPy numbers and 0-d tensors serve as well as Python's.
    try:
        inside = bool(low < value < high)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number {accepted}, got {value!r}") from error
    if not inside:
        raise ValueError(f"{name} must be {accepted}, got {value!r}")


def _check_known(cls: type[AdaptiveConfig], changes: Mapping[Any, Any], where: str = "") -> None:
    known = [f.name for f in fields(cls)]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise TypeError(f"{where}unknown field {unknown[0]!r}; the fields are {', '.join(known)}")


def _as_number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _as_plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return value


def _kind(value: Any) -> str:
    return "an empty file" if value is None else f"a {type(value).__name__}"
