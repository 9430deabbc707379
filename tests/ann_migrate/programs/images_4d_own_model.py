# verdict: rewritten
# a model of one's own gets 4-D batches flattened
import torch.nn as nn

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.shapes = []
        self.layers = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, x):
        self.shapes.append(tuple(x.shape))
        return self.layers(x)

    def get_metrics(self):
        return {"active_node_ratio": 1.0, "mean_energy": 0.0, "mean_activity": 0.0, "batches": len(self.shapes)}

    def get_state_dict_full(self):
        return self.state_dict()

    def load_state_dict_full(self, state):
        self.load_state_dict(state)


torch.manual_seed(0)
images, labels = torch.rand(20, 1, 4, 4), torch.randint(0, 4, (20,))
train_loader = DataLoader(TensorDataset(images, labels), batch_size=8)
config = AdaptiveConfig(input_dim=16, output_dim=4, num_epochs=2)
model = Net()
loop = TrainingLoop(model, config)
history = loop.train(train_loader, DataLoader(TensorDataset(images[:6], labels[:6]), batch_size=6))
MODEL = model
RESULT = {"history": history, "shapes": model.shapes}
