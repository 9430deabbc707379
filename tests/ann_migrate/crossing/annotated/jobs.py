from adaptiveneuralnetwork.training import TrainingLoop


def make(model, config) -> TrainingLoop:
    return TrainingLoop(model, config)
