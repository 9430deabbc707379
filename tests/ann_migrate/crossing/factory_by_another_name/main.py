from parts import config, loader, model, show
from jobs import make as new
loop = new(model, config)
print(loop.train(loader, None, 3)[-1]['train_accuracy'])
print(loop.evaluate(loader)['val_accuracy'], loop.config.num_epochs)
show()
