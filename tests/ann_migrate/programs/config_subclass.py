# verdict: rewritten
# a subclass of AdaptiveConfig turns the metrics file on
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


@dataclass
class LabConfig(AdaptiveConfig):
    lab: str = "north"

    def __post_init__(self):
        super().__post_init__()
        self.metrics_file = f"{self.lab}.json"


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = LabConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, save_checkpoint=False, metrics_file=None
)
model = AdaptiveModel(config)
TrainingLoop(model, config).train(train_loader, test_loader)
MODEL = model
RESULT = {"done": True}
