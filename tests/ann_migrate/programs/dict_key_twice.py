# verdict: declined
# a key is given twice
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
configs = [config, config.update(num_epochs=1, learning_rate=0.05)]

class Other:
    def __init__(self, settings):
        self.model = AdaptiveModel(settings)

    def train(self, loader):
        return [{"train_loss": 0.0}]


jobs = {"a": TrainingLoop(AdaptiveModel(config), config), "a": Other(config)}
MODEL = jobs["a"].model
RESULT = {"history": jobs["a"].train(train_loader)}
