"""The digits, as vectors or as images."""

from adaptiveneuralnetwork.training import load_digits


def digit_loaders(flatten=True):
    """(train_loader, test_loader); the split is always the same one."""
    return load_digits(batch_size=64, test_size=0.2, flatten=flatten, seed=3)
