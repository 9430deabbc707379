from adaptiveneuralnetwork.training import TrainingLoop
from parts import config, loader, model, show
from jobs import make


def work(loop: TrainingLoop):
    return loop.train(loader)


work(make(model, config))
show()
