# verdict: rewritten
# the config is a call in a comprehension, next to a variable called config
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


def with_rate(rate):
    return config.update(learning_rate=rate, num_epochs=1)


histories = [TrainingLoop(AdaptiveModel(config), with_rate(rate)).train(train_loader) for rate in (0.001, 0.1)]
MODEL = AdaptiveModel(config)
RESULT = {"histories": histories, "epochs": config.num_epochs}
