from adaptiveneuralnetwork.training import TrainingLoop
from parts import config, loader, model, show
import helpers
print(helpers.work(data=loader, loop=TrainingLoop(model, config)))
show()
