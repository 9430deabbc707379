# verdict: rewritten
# argparse: --epochs defaults to None
import argparse

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--lr", type=float, default=0.01)
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
    train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
    test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
    config = AdaptiveConfig(
        num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4, num_epochs=2, learning_rate=args.lr, metrics_file="m.json"
    )
    model = AdaptiveModel(config)
    trainer = TrainingLoop(model, config)
    metrics = trainer.train(train_loader, test_loader, num_epochs=args.epochs)
    print(f"final accuracy: {metrics[-1]['val_accuracy']:.2f}%")
    return model, metrics


if __name__ == "__main__":
    MODEL, history = main([])
    RESULT = {"history": history}
