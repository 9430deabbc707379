from parts import config, loader, model, show
from jobs import Study, work
import report

print(">", report.tell(work(model, config, loader)))
study = Study(model, config, loader)
study.run()
print(f"> {study.history[-1]['val_accuracy']:.2f}%")
print(">", sum(parameter.double().sum().item() for parameter in model.parameters()))
show()
