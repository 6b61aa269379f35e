"""Times one second-order meta-gradient of the paper's Omniglot network in PyTorch.

Four strided convolutions of 64 filters with batch norm (statistics of the batch),
5 ways, 1 shot, 32 tasks, one inner step of 0.4; all tasks at once by `torch.func.vmap`.
The rival of `cargo run --release -p mamlet-trainer --example conv_meta_gradient`.

    python omniglot_meta_gradient.py [repetitions] [--steps N]
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch.func import grad, vmap

WAYS, SHOTS, TASKS, FILTERS, RATE = 5, 1, 32, 64, 0.4


def initial():
    generator = torch.Generator().manual_seed(1)
    params, channels = {}, 1
    for layer in range(4):
        scale = (2 / (9 * channels)) ** 0.5
        params[f"w{layer}"] = torch.randn(FILTERS, channels, 3, 3, generator=generator) * scale
        params[f"b{layer}"] = torch.zeros(FILTERS)
        params[f"gain{layer}"] = torch.ones(FILTERS)
        params[f"bias{layer}"] = torch.zeros(FILTERS)
        channels = FILTERS
    params["w"] = torch.randn(WAYS, FILTERS, generator=generator) * (2 / FILTERS) ** 0.5
    params["b"] = torch.zeros(WAYS)
    return params


def forward(params, x):
    for layer in range(4):
        # TensorFlow's SAME: an even side gets its padding behind.
        x = F.pad(x, (0, 1, 0, 1)) if x.shape[-1] % 2 == 0 else F.pad(x, (1, 1, 1, 1))
        x = F.conv2d(x, params[f"w{layer}"], params[f"b{layer}"], stride=2)
        x = F.batch_norm(x, None, None, params[f"gain{layer}"], params[f"bias{layer}"], training=True)
        x = F.relu(x)
    return F.linear(x.mean((2, 3)), params["w"], params["b"])


def task_loss(params, steps, support_x, support_y, query_x, query_y):
    loss = lambda p: F.cross_entropy(forward(p, support_x), support_y)
    adapted = params
    for _ in range(steps):
        gradient = grad(loss)(adapted)
        adapted = {name: adapted[name] - RATE * gradient[name] for name in adapted}
    return F.cross_entropy(forward(adapted, query_x), query_y)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("repetitions", nargs="?", type=int, default=20)
    arguments.add_argument("--steps", type=int, default=1)
    arguments = arguments.parse_args()
    params = initial()
    x = lambda: torch.rand(TASKS, WAYS * SHOTS, 1, 28, 28)
    y = torch.arange(WAYS).repeat(TASKS, SHOTS)
    batch = (x(), y, x(), y)

    def objective(params):
        each = lambda *task: task_loss(params, arguments.steps, *task)
        return vmap(each)(*batch).mean()

    meta_gradient = grad(objective)
    times = []
    for repetition in range(arguments.repetitions + 3):
        start = time.perf_counter()
        meta_gradient(params)
        if repetition >= 3:
            times.append((time.perf_counter() - start) * 1e3)
    print(
        f"PyTorch {torch.__version__}, vmap, {arguments.steps} step(s), "
        f"{torch.get_num_threads()} threads: median {statistics.median(times):.0f} ms, "
        f"fastest {min(times):.0f} ms"
    )


if __name__ == "__main__":
    main()
