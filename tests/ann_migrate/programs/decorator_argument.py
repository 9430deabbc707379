# verdict: rewritten
# the chain as an argument of a decorator
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


def attach(history):
    def decorate(function):
        function.history = history
        return function

    return decorate


model = AdaptiveModel(config)


@attach(TrainingLoop(model, config).train(train_loader, num_epochs=1))
def describe():
    return len(describe.history)


MODEL = model
RESULT = {"length": describe(), "history": describe.history}
