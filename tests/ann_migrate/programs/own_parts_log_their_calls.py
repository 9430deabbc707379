# verdict: rewritten
# model, optimizer and criterion note each call: the order is that of the legacy loop
from torch import nn

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

events = []


class Model(nn.Linear):
    def train(self, mode=True):
        events.append(f"mode {mode}")
        return super().train(mode)

    def forward(self, x):
        events.append(f"forward {torch.is_grad_enabled()}")
        return super().forward(x)

    def get_metrics(self):
        events.append("metrics")
        return {"active_node_ratio": 0.0, "mean_energy": 0.0}


class Optimizer(torch.optim.SGD):
    def zero_grad(self, set_to_none=True):
        events.append(f"zero_grad {set_to_none}")
        super().zero_grad(set_to_none)

    def step(self, closure=None):
        events.append("step")
        return super().step(closure)


def criterion(outputs, targets):
    events.append("criterion")
    loss = nn.functional.cross_entropy(outputs, targets)
    if loss.requires_grad:
        loss.register_hook(lambda grad: events.append("backward"))
    return loss


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01)
model = Model(12, 4)
loop = TrainingLoop(model, config, Optimizer(model.parameters(), lr=0.1), criterion)
history = loop.train(train_loader, test_loader)
MODEL = model
RESULT = {"events": events, "history": history}
