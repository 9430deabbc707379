# verdict: rewritten
# the optimizer holds some parameters, clipping goes over all
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
inputs, targets = 50 * torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = AdaptiveModel(config)
some = list(model.parameters())[:2]
history = TrainingLoop(model, config, torch.optim.SGD(some, lr=0.5)).train(train_loader)
MODEL = model
RESULT = {"history": history, "gradients": [p.grad for p in model.parameters()]}
