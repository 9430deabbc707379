# verdict: rewritten
# the data fails in the second epoch: the first record stays, no metrics file is written
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01)


class Flaky(torch.utils.data.Dataset):
    def __init__(self):
        self.reads = 0

    def __len__(self):
        return 16

    def __getitem__(self, index):
        self.reads += 1
        if self.reads > 20:
            raise OSError("disk on fire")
        return inputs[index], targets[index]


model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
error = None
try:
    loop.train(DataLoader(Flaky(), batch_size=8), test_loader)
except OSError as exc:
    error = str(exc)
MODEL = model
RESULT = {"error": error, "history": loop.metrics_history}
