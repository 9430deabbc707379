"""Callbacks for :class:`~adaptiveneuralnetwork.training.Trainer`; the hooks are described in ``callbacks.base``."""

from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList, Phase
from adaptiveneuralnetwork.training.callbacks.csv_logger import CSVLogger
from adaptiveneuralnetwork.training.callbacks.device_stats import DeviceStatsMonitor
from adaptiveneuralnetwork.training.callbacks.early_stopping import EarlyStopping
from adaptiveneuralnetwork.training.callbacks.ema import EMACallback
from adaptiveneuralnetwork.training.callbacks.gradient_norm import GradientNormMonitor
from adaptiveneuralnetwork.training.callbacks.history_plot import HistoryPlot, plot_history
from adaptiveneuralnetwork.training.callbacks.jsonl_logger import JSONLLogger
from adaptiveneuralnetwork.training.callbacks.lambda_callback import LambdaCallback
from adaptiveneuralnetwork.training.callbacks.logging import LoggingCallback
from adaptiveneuralnetwork.training.callbacks.lr_finder import LRFinderResult, find_learning_rate
from adaptiveneuralnetwork.training.callbacks.lr_scheduler import LRSchedulerCallback
from adaptiveneuralnetwork.training.callbacks.model_checkpoint import ModelCheckpoint
from adaptiveneuralnetwork.training.callbacks.model_summary import ModelSummary, summarize
from adaptiveneuralnetwork.training.callbacks.monitor import Monitor
from adaptiveneuralnetwork.training.callbacks.nan_guard import NaNGuard, NonFiniteError
from adaptiveneuralnetwork.training.callbacks.profiling import ProfilingCallback
from adaptiveneuralnetwork.training.callbacks.progress_bar import ProgressBarCallback
from adaptiveneuralnetwork.training.callbacks.swa import SWACallback
from adaptiveneuralnetwork.training.callbacks.tensorboard import TensorBoardLogger
from adaptiveneuralnetwork.training.callbacks.torch_profiler import TorchProfilerCallback
from adaptiveneuralnetwork.training.callbacks.wall_time import WallTimeLimit
from adaptiveneuralnetwork.training.callbacks.warmup import LinearWarmup

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "DeviceStatsMonitor",
    "EMACallback",
    "EarlyStopping",
    "GradientNormMonitor",
    "HistoryPlot",
    "JSONLLogger",
    "LRFinderResult",
    "LRSchedulerCallback",
    "LambdaCallback",
    "LinearWarmup",
    "LoggingCallback",
    "ModelCheckpoint",
    "ModelSummary",
    "Monitor",
    "NaNGuard",
    "NonFiniteError",
    "Phase",
    "ProfilingCallback",
    "ProgressBarCallback",
    "SWACallback",
    "TensorBoardLogger",
    "TorchProfilerCallback",
    "WallTimeLimit",
    "find_learning_rate",
    "plot_history",
    "summarize",
]
