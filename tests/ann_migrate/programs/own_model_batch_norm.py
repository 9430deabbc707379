# verdict: rewritten
# running statistics move in training only
from torch import nn

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class NormNet(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))

    def get_metrics(self):
        return {"active_node_ratio": 0.5, "mean_energy": self[1].running_mean.mean().item()}


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = NormNet()
loop = TrainingLoop(model, config)
history = loop.train(train_loader, test_loader)
MODEL = model
RESULT = {"history": history}
