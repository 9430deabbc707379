# verdict: rewritten
# targets of shape (N, 1): the legacy rule still counts something
from torch import nn

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Regressor(nn.Linear):
    def get_metrics(self):
        return {"active_node_ratio": 0.0, "mean_energy": 0.0}


torch.manual_seed(0)
inputs = torch.randn(20, 12)
targets = (inputs.sum(dim=1, keepdim=True) > 0).float()
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = Regressor(12, 1)
loop = TrainingLoop(model, config, criterion=nn.MSELoss())
history = loop.train(train_loader, train_loader)
MODEL = model
RESULT = {"history": history}
