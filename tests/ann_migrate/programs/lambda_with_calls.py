# verdict: rewritten
# model and config are calls, and no statement can be inserted
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
built = []


def build_model(config):
    built.append("model")
    return AdaptiveModel(config)


def get_config():
    built.append("config")
    return config


run = lambda: TrainingLoop(build_model(config), get_config()).train(train_loader, test_loader, 2)  # noqa: E731
history = run()
MODEL = build_model(config)
RESULT = {"history": history, "built": built}
