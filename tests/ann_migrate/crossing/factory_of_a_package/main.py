from parts import config, loader, model, show
from pkg.work import work
print(work(model, config, loader)[0]['train_accuracy'])
show()
