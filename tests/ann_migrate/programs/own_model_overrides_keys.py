# verdict: rewritten
# model metrics called train_loss and epoch win over the loop's
from torch import nn

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Boastful(nn.Linear):
    def get_metrics(self):
        return {"train_loss": 0.0, "epoch": 99, "active_node_ratio": 1.0, "mean_energy": 1.0}


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = Boastful(12, 4)
loop = TrainingLoop(model, config)
history = loop.train(train_loader, test_loader)
MODEL = model
RESULT = {"history": history, "keys": list(history[0])}
