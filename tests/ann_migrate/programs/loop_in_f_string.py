# verdict: rewritten
# attributes that both classes have, and calls, inside an f-string
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(0)
inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01,
    save_checkpoint=False, metrics_file=None,
)
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
history = loop.train(train_loader, test_loader)
text = f"lr {loop.optimizer.param_groups[0]['lr']} loss {history[-1]['train_loss']:.4f} {history[-1]['val_accuracy']:.2f}%"
text += f"{loop.evaluate(test_loader)['val_accuracy']:>10.3f}% " f"{len(loop.metrics_history)}"
text += f" {loop.current_epoch}"
text += rf'''{loop.config.num_epochs} \d'''
text += f"{loop.train(train_loader)[-1]['train_loss']!r:.12}"
MODEL = model
RESULT = {"text": text}
