# verdict: rewritten
# imported below other code, just before use
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
print("data ready")

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel  # noqa: E402
from adaptiveneuralnetwork.training import TrainingLoop  # noqa: E402

config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = AdaptiveModel(config)
history = TrainingLoop(model, config).train(train_loader, test_loader)
MODEL = model
RESULT = {"history": history}
