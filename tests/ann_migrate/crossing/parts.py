"""What the programs beside it share: model, config and data."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel

torch.set_num_threads(1)
torch.manual_seed(3)
config = AdaptiveConfig(
    input_dim=6, hidden_dim=5, output_dim=3, num_nodes=4, num_epochs=2, device="cpu", save_checkpoint=False,
    metrics_file=None,
)
data = TensorDataset(torch.randn(10, 6), torch.randint(0, 3, (10,)))
loader = DataLoader(data, batch_size=4, shuffle=True)
model = AdaptiveModel(config)


def show():
    for name, value in model.state_dict().items():
        print(name, value.double().numpy().tobytes().hex())
    print(torch.rand(1).item())
