from adaptiveneuralnetwork.training import TrainingLoop


def make(model, config):
    return TrainingLoop(model, config)
