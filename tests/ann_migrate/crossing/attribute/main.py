from parts import config, loader, model, show
from runner import Runner
runner = Runner(model, config)
runner.fit(loader)
print([row['val_accuracy'] for row in runner.loop.metrics_history])
show()
