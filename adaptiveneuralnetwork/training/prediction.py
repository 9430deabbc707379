"""The outputs of a model for a whole loader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.training.batches import EmptyLoaderError, inputs_of, map_tensors
from adaptiveneuralnetwork.training.run import evaluation_mode
from adaptiveneuralnetwork.training.seeding import isolated_rng

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


def predicted(trainer: Trainer, loader: Iterable[Any]) -> Any:
    """See :meth:`Trainer.predict <adaptiveneuralnetwork.training.Trainer.predict>`."""
    outputs = []
    with (
        isolated_rng(trainer.isolate_evaluation),
        evaluation_mode(trainer.model, restore=trainer.preserve_modes),
        torch.no_grad(),
        trainer.precision.autocast(),
    ):
        trainer.strategy.begin_evaluation(trainer.model)
        for batch in trainer.strategy.evaluation_batches(loader):
            inputs = trainer._prepare_inputs(inputs_of(batch, trainer.batch_split))
            outputs.append(map_tensors(trainer.model(inputs), torch.Tensor.cpu))
    outputs = trainer.strategy.all_outputs(loader, outputs)
    if not outputs:
        raise EmptyLoaderError("the prediction loader gave no batch; at least one is needed")
    return torch.cat(outputs) if all(isinstance(output, torch.Tensor) for output in outputs) else outputs
