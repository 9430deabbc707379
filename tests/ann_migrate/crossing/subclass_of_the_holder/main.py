from parts import config, loader, model, show
import runner


class Mine(runner.Runner):
    def score(self, loader):
        return self.loop.evaluate(loader)


mine = Mine(model, config)
mine.fit(loader)
print(mine.score(loader))
show()
