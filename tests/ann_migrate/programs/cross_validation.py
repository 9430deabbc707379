# verdict: rewritten
# a fresh model and loop for each fold, in a function
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop
from torch.utils.data import Subset

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)


def run_fold(fold, k=3):
    dataset = train_loader.dataset
    held_out = list(range(fold, len(dataset), k))
    rest = [i for i in range(len(dataset)) if i not in set(held_out)]
    model = AdaptiveModel(config)
    loop = TrainingLoop(model, config)
    history = loop.train(DataLoader(Subset(dataset, rest), batch_size=8), DataLoader(Subset(dataset, held_out), batch_size=8))
    return model, history[-1]["val_accuracy"]


folds = [run_fold(fold) for fold in range(3)]
MODEL = folds[-1][0]
RESULT = {"mean": sum(accuracy for _, accuracy in folds) / len(folds)}
