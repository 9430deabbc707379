from parts import config, loader, model, show
import jobs
loop = jobs.make(model, config)
loop.train(loader, num_epochs=1)
show()
