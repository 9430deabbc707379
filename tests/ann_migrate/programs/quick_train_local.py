# verdict: rewritten
# quick_train with all arguments
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import quick_train

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01)
result = quick_train(config, train_loader, test_loader, num_epochs=2)
MODEL = result["model"]
RESULT = {"history": result["metrics_history"], "final": result["final_metrics"]}
RESULT |= {"loss": result.get("final_metrics", {}).get("train_loss"), "keys": sorted(result)}
