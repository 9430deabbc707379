from parts import config, loader, model, show
import more
loop, _ = more.both(model, config)
loop.train(loader)
show()
