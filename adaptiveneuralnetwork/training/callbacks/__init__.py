"""Callbacks for :class:`~adaptiveneuralnetwork.training.Trainer`; the hooks are described in ``callbacks.base``."""

from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList, Phase
from adaptiveneuralnetwork.training.callbacks.early_stopping import EarlyStopping
from adaptiveneuralnetwork.training.callbacks.logging import LoggingCallback
from adaptiveneuralnetwork.training.callbacks.lr_scheduler import LinearWarmup, LRSchedulerCallback
from adaptiveneuralnetwork.training.callbacks.model_checkpoint import ModelCheckpoint
from adaptiveneuralnetwork.training.callbacks.monitor import Monitor
from adaptiveneuralnetwork.training.callbacks.profiling import ProfilingCallback
from adaptiveneuralnetwork.training.callbacks.progress_bar import ProgressBarCallback

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "LRSchedulerCallback",
    "LinearWarmup",
    "LoggingCallback",
    "ModelCheckpoint",
    "Monitor",
    "Phase",
    "ProfilingCallback",
    "ProgressBarCallback",
]
