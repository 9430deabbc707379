# verdict: rewritten
# two objects side by side, each with its own optimizer
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
teacher = AdaptiveModel(config)
student = AdaptiveModel(config)
teacher_loop = TrainingLoop(teacher, config)
student_loop = TrainingLoop(student, config)
teacher_history = teacher_loop.train(train_loader, test_loader)
student_history = student_loop.train(train_loader, test_loader)
teacher_loop.train(train_loader, num_epochs=1)
MODEL = torch.nn.ModuleList([teacher, student])
RESULT = {"teacher": teacher_history, "student": student_history}
