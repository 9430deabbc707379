# verdict: rewritten
# a scheduler on loop.optimizer, stepped between epochs trained by hand
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
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
scheduler = torch.optim.lr_scheduler.ExponentialLR(loop.optimizer, gamma=0.5)
best = 0.0
for epoch in range(3):
    train_metrics = loop.train_epoch(train_loader, epoch)
    val_metrics = loop.evaluate(test_loader)
    scheduler.step()
    if val_metrics["val_accuracy"] > best:
        best = val_metrics["val_accuracy"]
        loop.save_checkpoint(epoch) if config.save_checkpoint else None
MODEL = model
RESULT = {"best": best, "last": train_metrics, "lr": scheduler.get_last_lr()}
