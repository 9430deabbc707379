from adaptiveneuralnetwork.training import TrainingLoop
from parts import config, loader, model, show
from helpers import work
print(work(TrainingLoop(model, config), loader))
show()
