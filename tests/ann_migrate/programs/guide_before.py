# verdict: rewritten
# the guide's own first example: local name, keyword num_epochs
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
    input_dim=12,
    output_dim=4,
    num_epochs=10,
    learning_rate=0.001,
    num_nodes=6,
    hidden_dim=8,
)

model = AdaptiveModel(config)
trainer = TrainingLoop(model, config)
metrics = trainer.train(train_loader, test_loader, num_epochs=2)

MODEL = model
RESULT = {"metrics": metrics}
