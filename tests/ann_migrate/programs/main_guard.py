# verdict: rewritten
# a script with main() under the usual guard
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


def main() -> None:
    global MODEL, RESULT
    torch.manual_seed(0)
    inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
    train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
    test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
    config = AdaptiveConfig(
        num_nodes=6,
        hidden_dim=8,
        input_dim=12,
        output_dim=4,
        num_epochs=2,
        log_interval=1,
    )
    MODEL = AdaptiveModel(config)
    model = MODEL
    trainer = TrainingLoop(model, config)
    results = trainer.train(train_loader, test_loader)
    final = results[-1]
    print(f"train {final['train_accuracy']:.1f}%  test {final['val_accuracy']:.1f}%")
    RESULT = {"final": final, "text": f"{final['val_accuracy']:.3f}%"}


if __name__ == "__main__":
    main()
