# verdict: rewritten
# the config of a loop that a call makes: the call must be made all the same
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


made = []


def make(settings):
    made.append(settings.num_epochs)
    return TrainingLoop(AdaptiveModel(settings), settings)


epochs = make(config).config.num_epochs + TrainingLoop(AdaptiveModel(config), config).config.num_epochs
loop = make(config)
history = loop.train(train_loader, num_epochs=epochs // 2)
MODEL = loop.model
RESULT = {"history": history, "made": made, "epochs": epochs}
