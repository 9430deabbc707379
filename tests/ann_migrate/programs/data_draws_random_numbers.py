# verdict: rewritten
# augmentation draws from random, numpy and torch
import random

import numpy as np

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Augmented(torch.utils.data.Dataset):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        shift = random.random() + float(np.random.rand())
        return torch.randn(12) + shift, index % 4


config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
train_loader = DataLoader(Augmented(16), batch_size=8, shuffle=True)
model = AdaptiveModel(config)
history = TrainingLoop(model, config).train(train_loader, DataLoader(Augmented(6), batch_size=3))
MODEL = model
RESULT = {"history": history, "after": [random.random(), float(np.random.rand()), torch.rand(1)]}
