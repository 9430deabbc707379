from parts import config, loader, model, show
from jobs import make
from other import build
make(model, config).train(loader)
build(model, config).train(loader)
show()
