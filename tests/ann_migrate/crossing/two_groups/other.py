from adaptiveneuralnetwork.training import TrainingLoop


def build(model, config):
    return TrainingLoop(model, config)
