from adaptiveneuralnetwork.training import TrainingLoop
from parts import config, loader, model, show
loop = TrainingLoop(model, config)
