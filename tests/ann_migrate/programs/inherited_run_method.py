# verdict: rewritten
# a base class of the program's own calls a hook that trains
import abc

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Stage(abc.ABC):
    def __call__(self, *loaders):
        self.result = self.train(*loaders)
        return self

    @abc.abstractmethod
    def train(self, *loaders): ...


class Fit(Stage):
    def __init__(self, config):
        self.config = config
        self.model = AdaptiveModel(config)
        self._loop = TrainingLoop(self.model, self.config)

    def train(self, train_loader, test_loader):
        return self._loop.train(train_loader, test_loader)


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
stage = Fit(config)(train_loader, test_loader)
MODEL = stage.model
RESULT = {"history": stage.result}
