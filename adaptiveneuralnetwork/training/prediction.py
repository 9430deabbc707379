"""``predict`` of the trainer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import torch

from adaptiveneuralnetwork.training.batches import EmptyLoaderError, inputs_of, map_tensors
from adaptiveneuralnetwork.training.run import evaluation_mode
from adaptiveneuralnetwork.training.seeding import isolated_rng

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class Prediction:
    """The part of :class:`~adaptiveneuralnetwork.training.Trainer` that predicts."""

    def predict(self, loader: Iterable[Any]) -> Any:
        """The model's outputs for ``loader``, without gradients and in evaluation mode.

        Args:
            loader: Gives inputs, or batches ``(inputs, targets)`` whose targets are left aside.

        Returns:
            One tensor on the CPU with all outputs along the first dimension; where outputs are not tensors, the list
            of them.

        Raises:
            EmptyLoaderError: The loader gave no batch.
        """
        trainer = cast("Trainer", self)
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
