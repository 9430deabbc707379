# verdict: rewritten
# __slots__, and self.config is replaced: there is no place to keep the old one
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Job:
    __slots__ = ("config", "loop", "model")

    def __init__(self, config):
        self.config = config
        self.model = AdaptiveModel(config)
        self.loop = TrainingLoop(self.model, self.config)
        self.config = self.config.update(num_epochs=1)

    def run(self, loader):
        return self.loop.train(loader)


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
job = Job(config)
RESULT = {"history": job.run(train_loader)}
MODEL = job.model
