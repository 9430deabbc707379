from adaptiveneuralnetwork.training import TrainingLoop
from parts import config, loader, model, show
loops = {'a': TrainingLoop(model, config)}
