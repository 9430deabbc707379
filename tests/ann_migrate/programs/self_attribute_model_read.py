# verdict: rewritten
# self.loop.model and self.loop.optimizer are read elsewhere
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Study:
    def __init__(self, config):
        self.config = config
        self._loop = TrainingLoop(AdaptiveModel(config), self.config)

    def fit(self, loader):
        return self._loop.train(loader)

    @property
    def model(self):
        return self._loop.model

    def learning_rate(self):
        return self._loop.optimizer.param_groups[0]["lr"]


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
study = Study(config)
history = study.fit(train_loader)
MODEL = study.model
RESULT = {"history": history, "lr": study.learning_rate()}
