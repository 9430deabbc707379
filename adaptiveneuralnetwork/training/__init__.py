"""Training: the legacy ``TrainingLoop``, the new ``Trainer``, its callbacks and helpers."""

from adaptiveneuralnetwork.training.batches import EmptyLoaderError, flatten_images
from adaptiveneuralnetwork.training.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    LinearWarmup,
    LoggingCallback,
    LRSchedulerCallback,
    ModelCheckpoint,
    Monitor,
    Phase,
    ProfilingCallback,
    ProgressBarCallback,
)
from adaptiveneuralnetwork.training.checkpoint import CheckpointError
from adaptiveneuralnetwork.training.datasets import create_synthetic_loaders, load_digits, load_mnist, load_mnist_subset
from adaptiveneuralnetwork.training.history import History
from adaptiveneuralnetwork.training.loops import TrainingLoop, quick_train
from adaptiveneuralnetwork.training.metrics import Accuracy, LegacyAccuracy, Metric
from adaptiveneuralnetwork.training.seeding import seed_everything
from adaptiveneuralnetwork.training.trainer import Trainer

__all__ = [
    "Accuracy",
    "Callback",
    "CallbackList",
    "CheckpointError",
    "EarlyStopping",
    "EmptyLoaderError",
    "History",
    "LRSchedulerCallback",
    "LegacyAccuracy",
    "LinearWarmup",
    "LoggingCallback",
    "Metric",
    "ModelCheckpoint",
    "Monitor",
    "Phase",
    "ProfilingCallback",
    "ProgressBarCallback",
    "Trainer",
    "TrainingLoop",
    "create_synthetic_loaders",
    "flatten_images",
    "load_digits",
    "load_mnist",
    "load_mnist_subset",
    "quick_train",
    "seed_everything",
]
