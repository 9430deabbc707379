from parts import config, loader, model, show
import state as s
s.loops['a'].train(loader)
print(len(s.loops['a'].metrics_history))
show()
