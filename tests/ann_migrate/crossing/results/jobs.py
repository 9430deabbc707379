from adaptiveneuralnetwork.training import TrainingLoop


class Study:
    def __init__(self, model, config, loader):
        self.loader = loader
        self.loop = TrainingLoop(model, config)
        self.history = []

    def run(self):
        self.history = self.loop.train(self.loader, self.loader, num_epochs=2)


def work(model, config, loader):
    return TrainingLoop(model, config).train(loader, loader, num_epochs=2)
