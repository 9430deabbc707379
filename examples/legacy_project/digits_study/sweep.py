"""A sweep over learning rates."""

import adaptiveneuralnetwork.training as training
from adaptiveneuralnetwork.api import AdaptiveModel

from .data import digit_loaders
from .settings import make_config


def learning_rates(out, rates, epochs=2):
    """Histories by run name, one short run for each rate."""
    train_loader, test_loader = digit_loaders()
    configs = {f"lr_{rate}": make_config(f"lr_{rate}", out, learning_rate=rate) for rate in rates}
    return {
        name: training.TrainingLoop(AdaptiveModel(config), config).train(train_loader, test_loader, epochs)
        for name, config in configs.items()
    }
