# verdict: untouched
# the name occurs in strings and comments alone
"""Formerly trained with TrainingLoop(model, config).train(...)."""
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel

config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
MODEL = AdaptiveModel(config)  # no TrainingLoop any more
RESULT = {"note": "TrainingLoop", "doc": __doc__}
