from parts import config, loader, model, show
from jobs import make
make(model, config).train(loader)
show()
