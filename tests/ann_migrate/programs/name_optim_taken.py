# verdict: rewritten
# the module uses optim for something else, and torch is not imported
from torch import manual_seed, randint, randn
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


def optim(values):
    return min(values)


manual_seed(0)
dataset = TensorDataset(randn(16, 12), randint(0, 4, (16,)))
train_loader = DataLoader(dataset, batch_size=8)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = AdaptiveModel(config)
history = TrainingLoop(model, config).train(train_loader)
MODEL = model
RESULT = {"best": optim(row["train_loss"] for row in history)}
