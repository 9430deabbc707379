from adaptiveneuralnetwork.training import TrainingLoop


class Runner:
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)

    def fit(self, loader):
        return self.loop.train(loader, loader)
