"""Variants of the baseline, each a helper that returns its history."""

import torch.nn as nn
from torch.optim import SGD

from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import (
    TrainingLoop,  # Adam and cross entropy unless told otherwise
)


def train_with_sgd(config, train_loader, test_loader, criterion=None):
    """Plain SGD with momentum and, unless given, smoothed labels."""
    model = AdaptiveModel(config)
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    if criterion is None:
        criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    loop = TrainingLoop(model, config, optimizer, criterion)
    return loop.train(train_loader, test_loader, num_epochs=config.num_epochs)


def train_on_images(config, train_loader, test_loader):
    """The loaders give (N, 1, 8, 8); the loop flattens."""
    network = AdaptiveModel(config)
    return TrainingLoop(config=config, model=network).train(
        train_loader,
        test_loader=test_loader,  # also images
    )
