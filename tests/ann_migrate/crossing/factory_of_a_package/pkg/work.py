from . import make


def work(model, config, loader):
    return make(model, config).train(loader)
