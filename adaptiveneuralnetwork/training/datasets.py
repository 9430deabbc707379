"""Loaders that need no download: scikit-learn's bundled digits, and synthetic data.

Each returns ``(train_loader, test_loader)``. What the data are and how they are split comes from a generator of their
own with the given ``seed``, so building loaders leaves the global RNG alone. The order of the training batches is an
ordinary shuffling ``DataLoader``'s: drawn from the global torch RNG, or from ``generator`` where one is given.
"""

import math
from numbers import Integral, Real
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.arguments import as_count, as_real

Loader = DataLoader[tuple[Tensor, ...]]

DIGITS_SIDE = 8
DIGITS_MAX = 16.0


def load_digits(
    batch_size: int = 64,
    test_size: float | int = 0.2,
    flatten: bool = True,
    seed: int | None = 42,
    shuffle: bool = True,
    generator: torch.Generator | None = None,
) -> tuple[Loader, Loader]:
    """Return loaders of scikit-learn's digits: 1,797 handwritten digits of 8x8 pixels, in 10 classes.

    Pixels are ``float32`` in [0, 1] (the 17 grey levels divided by 16), targets ``int64``.

    Args:
        batch_size: samples in a batch; the last batch of an epoch may be smaller.
        test_size: share of the samples that are held out, above 0 and below 1, or their number as an int.
        flatten: samples of shape ``(64,)`` rather than images of shape ``(1, 8, 8)``.
        seed: decides which samples are held out; ``None`` draws that from the global torch RNG.
        shuffle: whether the training samples come in a new order each epoch. The test samples never do.
        generator: source of that order; the global torch RNG by default.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: ``batch_size`` or ``test_size`` is out of range.
        TypeError: an argument is of the wrong type.

    Example:
        >>> train_loader, test_loader = load_digits(batch_size=32)
        >>> len(train_loader.dataset), len(test_loader.dataset)
        (1437, 360)
        >>> data, target = next(iter(test_loader))
        >>> data.shape, target.shape
        (torch.Size([32, 64]), torch.Size([32]))
    """
    try:
        from sklearn.datasets import load_digits as bundled_digits
    except ImportError as error:
        raise ImportError(
            "load_digits needs scikit-learn, which the extra 'digits' installs: "
            "pip install 'adaptiveneuralnetwork[digits]'"
        ) from error
    pixels, labels = bundled_digits(return_X_y=True)
    data = torch.tensor(pixels / DIGITS_MAX, dtype=torch.float32)
    if not flatten:
        data = data.view(-1, 1, DIGITS_SIDE, DIGITS_SIDE)
    target = torch.tensor(labels, dtype=torch.int64)
    return _split_loaders(data, target, batch_size, test_size, _generator(seed), shuffle, generator)


def create_synthetic_loaders(
    num_samples: int = 1000,
    batch_size: int | None = None,
    input_dim: int | None = None,
    num_classes: int | None = None,
    test_size: float | int = 0.2,
    seed: int | None = None,
    noise: float = 1.0,
    shuffle: bool = True,
    generator: torch.Generator | None = None,
    config: AdaptiveConfig | None = None,
) -> tuple[Loader, Loader]:
    """Return loaders of a synthetic classification task: one Gaussian cloud of points for each class.

    The centres are standard normal and each sample lies around the centre of its class, so the task can be learned;
    classes are as even as ``num_samples`` allows. Samples are ``float32`` vectors, targets ``int64``.

    Args:
        num_samples: training and test samples together; at least 2.
        batch_size: samples in a batch; by default the config's, or 64.
        input_dim: features of a sample; by default the config's, or 784.
        num_classes: number of classes; by default the config's ``output_dim``, or 10.
        test_size: share of the samples that are held out, above 0 and below 1, or their number as an int.
        seed: decides the samples and the split; by default the config's, or 42.
        noise: standard deviation of a sample around its centre, in each feature; 0 or more.
        shuffle: whether the training samples come in a new order each epoch. The test samples never do.
        generator: source of that order; the global torch RNG by default.
        config: gives the defaults named above.

    Raises:
        ValueError: an argument is out of range.
        TypeError: an argument is of the wrong type.

    Example:
        >>> train_loader, test_loader = create_synthetic_loaders(num_samples=100, input_dim=20, num_classes=3)
        >>> next(iter(train_loader))[0].shape, len(test_loader.dataset)
        (torch.Size([64, 20]), 20)
    """
    if config is None:
        config = AdaptiveConfig()
    elif not isinstance(config, AdaptiveConfig):
        raise TypeError(f"config must be an AdaptiveConfig or None, got {config!r}")
    batch_size = config.batch_size if batch_size is None else batch_size
    input_dim = config.input_dim if input_dim is None else input_dim
    num_classes = config.output_dim if num_classes is None else num_classes
    as_count(num_samples, "num_samples", minimum=2)
    as_count(input_dim, "input_dim")
    as_count(num_classes, "num_classes")
    as_real(noise, "noise", 0)

    source = _generator(config.seed if seed is None else seed)
    centres = torch.randn(num_classes, input_dim, generator=source)
    target = torch.arange(num_samples) % num_classes
    data = centres[target] + noise * torch.randn(num_samples, input_dim, generator=source)
    return _split_loaders(data, target, batch_size, test_size, source, shuffle, generator)


def load_mnist(*args: Any, **kwargs: Any) -> NoReturn:
    """Refuse: MNIST would have to be downloaded. :func:`load_digits` is the data set that is always there.

    Args:
        *args, **kwargs: whatever programs pass; nothing is looked at.

    Raises:
        RuntimeError: always.

    Example:
        >>> load_mnist(batch_size=64)
        Traceback (most recent call last):
        ...
        RuntimeError: load_mnist is not available: MNIST needs a download, and this package never ...
    """
    raise RuntimeError(_no_mnist("load_mnist"))


def load_mnist_subset(*args: Any, **kwargs: Any) -> NoReturn:
    """Refuse: MNIST would have to be downloaded. :func:`load_digits` is the data set that is always there.

    Args:
        *args, **kwargs: whatever programs pass; nothing is looked at.

    Raises:
        RuntimeError: always.

    Example:
        >>> load_mnist_subset(batch_size=64)
        Traceback (most recent call last):
        ...
        RuntimeError: load_mnist_subset is not available: MNIST needs a download, and this package never ...
    """
    raise RuntimeError(_no_mnist("load_mnist_subset"))


def _no_mnist(name: str) -> str:
    return (
        f"{name} is not available: MNIST needs a download, and this package never makes one. Use "
        "adaptiveneuralnetwork.training.load_digits(), handwritten digits of 8x8 pixels that need none, "
        "with AdaptiveConfig(input_dim=64)."
    )


def _split_loaders(
    data: Tensor,
    target: Tensor,
    batch_size: int,
    test_size: float | int,
    split: torch.Generator | None,
    shuffle: bool,
    generator: torch.Generator | None,
) -> tuple[Loader, Loader]:
    as_count(batch_size, "batch_size")
    num_test = _num_test(test_size, len(data))
    order = torch.randperm(len(data), generator=split)
    test, train = order[:num_test], order[num_test:]
    return (
        DataLoader(TensorDataset(data[train], target[train]), batch_size, shuffle=shuffle, generator=generator),
        DataLoader(TensorDataset(data[test], target[test]), batch_size, shuffle=False),
    )


def _num_test(test_size: float | int, num_samples: int) -> int:
    """Return how many of the samples are held out; both parts get at least one."""
    if isinstance(test_size, bool) or not isinstance(test_size, Real):
        raise TypeError(f"test_size must be a share (float) or a number of samples (int), got {test_size!r}")
    if isinstance(test_size, Integral):
        if not 0 < test_size < num_samples:
            raise ValueError(f"test_size must be above 0 and below the {num_samples} samples, got {test_size!r}")
        return int(test_size)
    if not 0 < test_size < 1:
        raise ValueError(f"test_size must be above 0 and below 1, got {test_size!r}")
    return min(math.ceil(test_size * num_samples), num_samples - 1)


def _generator(seed: int | None) -> torch.Generator | None:
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"seed must be an int or None, got {seed!r}")
    return torch.Generator().manual_seed(int(seed))
