from parts import config, loader, model, show
from state import loop
print(loop.train(loader)[-1]['train_accuracy'])
show()
