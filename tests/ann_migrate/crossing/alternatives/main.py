from adaptiveneuralnetwork.training import TrainingLoop
from parts import config, loader, model, show
from jobs import make
loop = make(model, config) if len(loader) > 1 else TrainingLoop(model, config)
loop.train(loader)
show()
