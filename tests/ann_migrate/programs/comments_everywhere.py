# verdict: rewritten
# comments around and inside both calls
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
# the model
model = AdaptiveModel(config)
# the loop (legacy)
loop = TrainingLoop(  # takes the config as it is
    # first the model
    model,  # built above
    config,
    # nothing else: Adam and cross entropy are built inside
)  # end of loop
# now train
history = loop.train(
    train_loader,  # shuffled
    test_loader,  # not shuffled
    # as short as can be
    num_epochs=2,  # enough
)  # done
# and report
MODEL = model
RESULT = {"history": history}
