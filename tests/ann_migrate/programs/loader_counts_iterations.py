# verdict: rewritten
# a loader of the program's own notes when it is asked for an iterator and for each batch
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)


class Batches:
    def __init__(self, name):
        self.name = name

    def __len__(self):
        return 2

    def __iter__(self):
        events.append(f"{self.name} iter")
        for index in range(2):
            events.append(f"{self.name} batch {index} {torch.rand(1).item()}")
            yield torch.randn(4, 12), torch.randint(0, 4, (4,))
        events.append(f"{self.name} end")


events = []
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = AdaptiveModel(config)
model.register_forward_hook(lambda module, args, output: events.append("forward"))
history = TrainingLoop(model, config).train(Batches("train"), Batches("test"))
MODEL = model
RESULT = {"events": events, "history": history}
