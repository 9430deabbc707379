# verdict: rewritten
# 4-D batches are flattened
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
images, labels = torch.rand(20, 1, 4, 4), torch.randint(0, 4, (20,))
train_loader = DataLoader(TensorDataset(images, labels), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(images[:6], labels[:6]), batch_size=6)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=16, output_dim=4, num_epochs=2, save_checkpoint=False, metrics_file=None
)
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
history = loop.train(train_loader, test_loader)
MODEL = model
RESULT = {"history": history}
