import jobs as j


def both(model, config):
    loop = j.make(model, config)
    return loop, config
