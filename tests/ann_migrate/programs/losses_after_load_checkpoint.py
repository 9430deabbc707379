# verdict: rewritten
# only losses are read, but records were loaded before
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
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
loop.train(train_loader, num_epochs=2)
loop.save_checkpoint(1)
fresh = AdaptiveModel(config)
other = TrainingLoop(fresh, config)
other.load_checkpoint("checkpoints/checkpoint_epoch_1.pt")
history = other.train(train_loader, num_epochs=1)
MODEL = fresh
RESULT = {"losses": [row["train_loss"] for row in history], "length": len(history)}
