# verdict: rewritten
# the program never imports torch itself
from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop, create_synthetic_loaders

config = AdaptiveConfig(
    num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=0.01, batch_size=8
)
train_loader, test_loader = create_synthetic_loaders(num_samples=24, batch_size=8, input_dim=12, num_classes=4)
model = AdaptiveModel(config)
trainer = TrainingLoop(model, config)
metrics = trainer.train(train_loader, test_loader)
MODEL = model
RESULT = {"metrics": metrics}
