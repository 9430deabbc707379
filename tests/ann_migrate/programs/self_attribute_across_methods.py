# verdict: rewritten
# constructed in __init__, trained in another method, config on self
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Experiment:
    def __init__(self, config):
        self.config = config
        self.model = AdaptiveModel(config)
        self.loop = TrainingLoop(self.model, self.config)
        self.history = []

    def run(self, train_loader, test_loader):
        self.history = self.loop.train(train_loader, test_loader)
        return self

    def best(self):
        return max(row["val_accuracy"] for row in self.history)


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01)
experiment = Experiment(config).run(train_loader, test_loader)
MODEL = experiment.model
RESULT = {"best": experiment.best(), "history": experiment.history}
