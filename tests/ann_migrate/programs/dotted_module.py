# verdict: rewritten
# import adaptiveneuralnetwork.training, used by its full name
import adaptiveneuralnetwork.training
import adaptiveneuralnetwork.api
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = adaptiveneuralnetwork.api.AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01
)
model = adaptiveneuralnetwork.api.AdaptiveModel(config)
loop = adaptiveneuralnetwork.training.TrainingLoop(model, config)
history = loop.train(train_loader, test_loader)
MODEL = model
RESULT = {"history": history}
