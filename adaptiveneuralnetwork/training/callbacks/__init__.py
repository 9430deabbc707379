"""Callbacks for :class:`~adaptiveneuralnetwork.training.Trainer`; the hooks are described in ``callbacks.base``."""

from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList, Phase
from adaptiveneuralnetwork.training.callbacks.logging import LoggingCallback
from adaptiveneuralnetwork.training.callbacks.profiling import ProfilingCallback
from adaptiveneuralnetwork.training.callbacks.progress_bar import ProgressBarCallback

__all__ = ["Callback", "CallbackList", "LoggingCallback", "Phase", "ProfilingCallback", "ProgressBarCallback"]
