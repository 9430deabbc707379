import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over several threads are not ordered alike in two runs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
