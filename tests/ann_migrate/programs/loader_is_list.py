# verdict: rewritten
# the loader is a plain list of batches
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
batches = [(torch.randn(5, 12), torch.randint(0, 4, (5,))) for _ in range(3)]
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = AdaptiveModel(config)
history = TrainingLoop(model, config).train(batches, batches[:1])
MODEL = model
RESULT = {"history": history}
