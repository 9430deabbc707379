# verdict: rewritten
# a hook on the model sees images flattened
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
images, labels = torch.rand(12, 1, 4, 4), torch.randint(0, 4, (12,))
train_loader = DataLoader(TensorDataset(images, labels), batch_size=6)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=16, output_dim=4, num_epochs=1, save_checkpoint=False, metrics_file=None
)
shapes = []
model = AdaptiveModel(config)
model.register_forward_pre_hook(lambda module, args: shapes.append(tuple(args[0].shape)))
loop = TrainingLoop(model, config)
loop.train(train_loader)
MODEL = model
RESULT = {"shapes": shapes}
