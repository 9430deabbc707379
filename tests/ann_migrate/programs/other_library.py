# verdict: untouched
# TrainingLoop of another library
import sys
import types

trax = types.ModuleType("fake_trax")
trax.TrainingLoop = type("TrainingLoop", (), {"train": lambda self, loader: "trained elsewhere"})
sys.modules["fake_trax"] = trax

from fake_trax import TrainingLoop  # noqa: E402
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel

config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
MODEL = AdaptiveModel(config)
RESULT = {"text": TrainingLoop().train(None)}
