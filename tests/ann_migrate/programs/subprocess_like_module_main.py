# verdict: rewritten
# the program calls its own main with arguments, returning an exit code
import argparse
import sys

import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


def build(args):
    config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=4)
    config.num_epochs = args.epochs
    config.learning_rate = args.lr
    config.save_checkpoint = not args.no_save
    config.metrics_file = args.metrics
    return config, AdaptiveModel(config)


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--no-save", action="store_true")
    parser.add_argument("--metrics", default="out.json")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    inputs, targets = torch.randn(24, 12), torch.randint(0, 4, (24,))
    train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
    test_loader = DataLoader(TensorDataset(inputs[:10], targets[:10]), batch_size=4)
    config, model = build(args)
    trainer = TrainingLoop(model, config)
    history = trainer.train(train_loader, test_loader)
    if history[-1]["val_accuracy"] < 101.0:
        print("as expected", file=sys.stderr)
    return 0, model, history


if __name__ == "__main__":
    code, MODEL, history = main(["--no-save"])
    RESULT = {"code": code, "history": history}
