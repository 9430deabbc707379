"""Checkpoints of ``TrainingLoop``, of the earlier public ``Trainer`` and of this one, each made into the others.

On the command line::

    python -m adaptiveneuralnetwork.training.convert checkpoint_epoch_4.pt run.pt --to trainer
    python -m adaptiveneuralnetwork.training.convert run.pt checkpoint_epoch_4.pt --to legacy --config config.yaml

Weights, buffers and optimizer state go over exactly. Accuracies are percent in the legacy format and fractions in the
others; that conversion rounds. A file made from another format cannot be *continued*, since the others say nothing of
random states and data: the next ``fit`` starts at epoch 0 with its weights and optimizer.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from adaptiveneuralnetwork.training.checkpoint import (
    FORMAT_VERSION,
    CheckpointError,
    previous_path,
    read_checkpoint,
    write_checkpoint,
)
from adaptiveneuralnetwork.training.model_state import fits


def read_state(
    path: str | os.PathLike[str], model: nn.Module, device: torch.device, fallback: bool = False
) -> tuple[dict[str, Any], str | os.PathLike[str]]:
    """Read a checkpoint of any of the three formats for ``model``, in the form of the trainer's.

    Args:
        fallback: Where the file is damaged, read the one that it had replaced, with a warning.

    Returns:
        The state, and the path of the file that was read.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is damaged, or a legacy file whose model is another.
    """
    try:
        state = read_checkpoint(path, map_location=device)
    except CheckpointError as error:
        if not fallback or error.previous is None:
            raise
        warnings.warn(f"{error}; it is taken instead", RuntimeWarning, stacklevel=3)
        path = previous_path(path)
        state = read_checkpoint(path, map_location=device)
    if format_of(state) == "legacy":
        state = trainer_from_legacy(state, path, lambda candidate: fits(model, candidate), type(model).__name__)
    return state, path


def format_of(state: Mapping[str, Any]) -> str:
    """``"trainer"``, ``"legacy"`` or ``"public"``; what is none of them counts as the last, which asks for least."""
    if "format_version" in state:
        return "trainer"
    return "legacy" if "config" in state else "public"


def trainer_from_legacy(
    state: Mapping[str, Any],
    path: str | os.PathLike[str],
    accepts: Callable[[Any], bool] | None = None,
    model_name: str = "the model",
) -> dict[str, Any]:
    """A legacy checkpoint in the trainer's format.

    What ``get_state_dict_full()`` gave is the model's own choice; the part of it that has the parameters is looked for.

    Args:
        accepts: Whether a mapping is the state of the model. Default: it holds nothing but tensors.

    Raises:
        CheckpointError: There is no such part.
    """
    full = state.get("model_state_dict")
    parameters = next(filter(accepts or _only_tensors, _mappings(full)), None)
    if parameters is None:
        raise CheckpointError(
            path,
            f"it does not fit: no part of its model_state_dict has the names and shapes of {model_name}'s parameters. "
            "(The AdaptiveModel of the earlier public package has other parameters than the one here, and its files "
            "cannot be converted.)",
        )
    converted = trainer_from_public({**state, "model_state_dict": parameters})
    converted["metrics_history"] = [_scaled(record, 1 / 100) for record in state.get("metrics_history", ())]
    if parameters is not full:
        converted["model_state_full"] = full
    return converted


def trainer_from_public(state: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint of the earlier public ``Trainer`` in this one's format."""
    history = [dict(record) for record in state.get("metrics_history", ())]
    return {
        **_common(state),
        "format_version": FORMAT_VERSION,
        "epochs_completed": len(history),
        "metrics_history": history,
        "exact": False,
        "inexact_reasons": ["it was converted from a format without random states"],
    }


def public_from_trainer(state: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint of the trainer in the format of the earlier public ``Trainer``, which may read the original too."""
    return {**_common(state), "metrics_history": [dict(record) for record in state.get("metrics_history", ())]}


def legacy_from_trainer(state: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A checkpoint of the trainer in the format of ``TrainingLoop``.

    Args:
        config: The fields of the ``AdaptiveConfig`` that the file is to hold; ``load_checkpoint`` does not read them.
    """
    common = _common(state)
    return {
        "epoch": common["epoch"],
        "model_state_dict": state.get("model_state_full", common["model_state_dict"]),
        "optimizer_state_dict": common["optimizer_state_dict"],
        "config": dict(config or {}),
        "metrics_history": [_scaled(record, 100) for record in state.get("metrics_history", ())],
    }


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    to: str,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Read the checkpoint ``source``, of any format, and write it to ``target`` in the format ``to``.

    Args:
        to: ``"trainer"``, ``"legacy"`` or ``"public"``.
        config: For the legacy format: see :func:`legacy_from_trainer`.

    Raises:
        ValueError: ``to`` is none of the three.
        FileNotFoundError: There is no file ``source``.
        CheckpointError: It is damaged, or no checkpoint.
    """
    if to not in FORMATS:
        raise ValueError(f"to must be one of {', '.join(map(repr, FORMATS))}, got {to!r}")
    state: dict[str, Any] = read_checkpoint(source)
    missing = [name for name in ("model_state_dict", "optimizer_state_dict") if name not in state]
    if missing:
        raise CheckpointError(source, f"it lacks {', '.join(missing)}; it has {', '.join(map(str, state))}")
    given = format_of(state)
    if given == "legacy":
        state = trainer_from_legacy(state, source)
    elif given == "public":
        state = trainer_from_public(state)
    if to == "public":
        state = public_from_trainer(state)
    elif to == "legacy":
        state = legacy_from_trainer(state, config)
    write_checkpoint(target, state)


FORMATS = ("trainer", "legacy", "public")


def _common(state: Mapping[str, Any]) -> dict[str, Any]:
    """What all formats have under the same names."""
    common = {name: state[name] for name in ("model_state_dict", "optimizer_state_dict")}
    common["epoch"] = state.get("epoch", 0)
    if "scaler_state_dict" in state:
        common["scaler_state_dict"] = state["scaler_state_dict"]
    return common


def _scaled(record: Mapping[str, Any], factor: float) -> dict[str, Any]:
    accuracies = ("train_accuracy", "val_accuracy")
    return {name: value * factor if name in accuracies else value for name, value in record.items()}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """``value`` and the mappings in it, outer ones first."""
    if not isinstance(value, Mapping):
        return []
    return [value, *(inner for item in value.values() for inner in _mappings(item))]


def _only_tensors(mapping: Mapping[str, Any]) -> bool:
    return bool(mapping) and all(isinstance(value, torch.Tensor) for value in mapping.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 if the file was written, 1 if it could not be converted, 2 for wrong arguments."""
    from adaptiveneuralnetwork.api import AdaptiveConfig

    parser = argparse.ArgumentParser(
        prog="python -m adaptiveneuralnetwork.training.convert",
        description="Convert a checkpoint between the formats of Trainer, TrainingLoop and the earlier public Trainer.",
    )
    parser.add_argument("source", type=Path, help="a checkpoint of any of the formats")
    parser.add_argument("target", type=Path, help="the file to write")
    parser.add_argument("--to", choices=FORMATS, required=True, help="the format of TARGET")
    parser.add_argument("--config", type=Path, help="for --to legacy: YAML file of the AdaptiveConfig to put into it")
    given = parser.parse_args(arguments)
    try:
        config = AdaptiveConfig.from_yaml(given.config).to_dict() if given.config else None
        convert(given.source, given.target, given.to, config)
    except FileNotFoundError as error:
        parser.error(f"there is no file {error.filename}")
    except (CheckpointError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {given.target}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
