# verdict: rewritten
# the loop is built in __enter__ and used in the block through self
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Session:
    def __init__(self, config):
        self.config = config
        self.model = AdaptiveModel(config)

    def __enter__(self):
        self.loop = TrainingLoop(self.model, self.config)
        return self

    def __exit__(self, *exc_info):
        self.loop.save_metrics()
        return False

    def go(self, loader):
        return self.loop.train(loader)


torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01)
with Session(config) as session:
    history = session.go(train_loader)
MODEL = session.model
RESULT = {"history": history}
