# verdict: rewritten
# a fresh loop for each learning rate
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
table = {}
for lr in (0.001, 0.01, 0.1):
    torch.manual_seed(1)
    config = AdaptiveConfig(
        num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=1, learning_rate=lr, save_checkpoint=False,
        metrics_file=f"metrics_{lr}.json",
    )
    model = AdaptiveModel(config)
    loop = TrainingLoop(model, config)
    history = loop.train(train_loader, test_loader)
    table[lr] = history[-1]["val_accuracy"]
MODEL = model
RESULT = {"table": table}
