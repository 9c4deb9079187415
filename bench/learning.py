"""What networks learn, beside PyTorch with the same settings: `python -m bench.learning`.

Every contender trains the same network on the same batches with the same optimizer, each in a
process of its own, from its own first weights by the same rules. What counts is what comes out:
how many of MNIST's test images are right, and the loss for each character of a text's last tenth,
which nobody has learned from (in nats: 4.33 for guessing among 76 characters).

`python -m bench.learning NAME layerwise` or `NAME pytorch` runs one contender by itself.
The data are MNIST and a text in $LAYERWISE_DATA: mnist/, and text/shakespeare.txt.gz.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import layerwise as lw
from layerwise.tables import table

RESULTS = Path(__file__).with_name("LEARNING.md")
CONTENDERS = ("layerwise", "pytorch")


class Task(NamedTuple):
    """What is trained, and how."""

    network: str
    optimizer: str
    lr: float
    steps: int
    batch_size: int
    length: int = 0  # of a passage of text; 0: images
    schedule: str = ""  # of the learning rate: to 0 along a cosine, or up and down in one cycle
    shift: int = 0  # by how many pixels images are moved at most


TASKS = {
    "deep_conv_net": Task("the book's DeepConvNet, MNIST", "Adam", 1e-3, 3000, 100, 0, "cosine"),
    "lenet5": Task("LeNet-5, MNIST shifted", "Adam", 5e-3, 7200, 100, 0, "one cycle", shift=2),
    "char_lstm": Task("LSTM of 128, Shakespeare", "Adam", 5e-3, 3000, 64, 35),
    "gpt": Task("GPT, 4 blocks of 128, Shakespeare", "AdamW", 1e-3, 1000, 16, 128),
}


class Trainee(NamedTuple):
    """A network of one contender."""

    step: Callable[[Any, Any], float]  # one batch (x, t) -> its loss
    scores: Callable[[Any], Any]  # x -> scores in inference, classes on axis 1


def main() -> None:
    """Run all, and write the table."""
    rows = []
    for name, task in TASKS.items():
        rows.append(row_of(task, *(run(name, who) for who in CONTENDERS)))
        print(table(HEADER, rows), flush=True)
    lines = ["| " + " | ".join(row) + " |" for row in [HEADER, ["---"] * len(HEADER), *rows]]
    RESULTS.write_text(f"{INTRODUCTION}\n" + "\n".join(lines) + "\n")


def row_of(task: Task, *found: dict[str, float]) -> list[str]:
    rate = f"{task.optimizer}, {task.lr:g}" + (f", {task.schedule}" if task.schedule else "")
    results = [one["result"] for one in found]
    shown = [f"{one:.3f}" if task.length else f"{one:.2f} %" for one in results]
    times = [f"{one['seconds'] / 60:.1f}" for one in found]
    return [task.network, rate, f"{task.steps:,} x {task.batch_size}", *shown, *times]


HEADER = [
    "network", "optimizer, lr", "steps x batch", *CONTENDERS,
    *(f"{who}, min of CPU" for who in CONTENDERS),
]  # fmt: skip
INTRODUCTION = """# What the networks learn

Made by `python -m bench.learning`, which says what is compared. Images: the part of MNIST's test
images that is right. Text: the loss for each character of the last tenth of the text, in nats.
"""


def run(name: str, who: str) -> dict[str, float]:
    """What one contender reaches, and in what time, in a process of its own, on one thread."""
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "bench.learning", name, who]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | one)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def train(name: str, who: str) -> None:
    """Train one network, showing on stderr how it goes; the result goes to stdout as JSON."""
    task = TASKS[name]
    batches, result = images(task) if not task.length else text(task)
    trainee = (ours if who == "layerwise" else torchs)(name, task)
    start = time.process_time()
    mean = None
    for step, (x, t) in enumerate(batches, start=1):
        loss = trainee.step(x, t)
        mean = loss if mean is None else 0.99 * mean + 0.01 * loss
        if step % 500 == 0 or step == task.steps:
            found, seconds = result(trainee.scores), time.process_time() - start
            print(f"{name}, {who}: step {step}, loss {mean:.3f}, held out {found:.4f}, "
                  f"{seconds:.0f} s", file=sys.stderr, flush=True)  # fmt: skip
    print(json.dumps({"result": found, "seconds": seconds}))


# the data ----------------------------------------------------------------------------------------


def images(task: Task) -> tuple[Iterator[Any], Callable[[Any], float]]:
    """Batches of MNIST's images, and the percentage of its test images that are right."""
    train, (x_test, t_test) = lw.data.mnist(flatten=False)
    augment = [lw.data.Shift(task.shift)] if task.shift else []
    epochs = lw.data.Batches(*train, task.batch_size, seed=0, augment=augment)

    def batches() -> Iterator[Any]:
        forever = itertools.chain.from_iterable(map(epochs.epoch, itertools.count(1)))
        for batch in itertools.islice(forever, task.steps):
            yield batch.x, batch.t

    def right(scores: Any) -> float:
        parts = [scores(part).argmax(axis=1) for part in np.split(x_test, 20)]
        return 100 * float(np.mean(np.concatenate(parts) == t_test))

    return batches(), right


def shakespeare() -> lw.data.Text:
    return lw.data.text(Path(os.environ["LAYERWISE_DATA"], "text", "shakespeare.txt.gz"))


def text(task: Task) -> tuple[Iterator[Any], Callable[[Any], float]]:
    """Batches of random passages, and the mean loss of the held-out ones."""
    corpus = shakespeare()
    x_test, t_test = lw.data.passages(corpus.test, task.length)

    def batches() -> Iterator[Any]:
        rng = np.random.default_rng(0)
        for _ in range(task.steps):
            starts = rng.integers(0, len(corpus.train) - task.length, task.batch_size)
            window = starts[:, None] + np.arange(task.length + 1)  # (N, T + 1)
            yield corpus.train[window[:, :-1]], corpus.train[window[:, 1:]]

    def loss(scores: Any) -> float:
        total = 0.0
        for part in range(0, len(x_test), 64):
            t = t_test[part : part + 64]
            mean = lw.SoftmaxCrossEntropy().forward(scores(x_test[part : part + 64]), t)
            total += float(mean) * len(t)
        return total / len(x_test)

    return batches(), loss


# the contenders ----------------------------------------------------------------------------------


def ours(name: str, task: Task) -> Trainee:
    if not task.length:
        net = getattr(lw.models, name)(seed=0)
    elif name == "char_lstm":
        net = lw.models.char_lstm(len(shakespeare().alphabet), seed=0)
    else:
        net = lw.models.gpt(len(shakespeare().alphabet), block_size=task.length, seed=0)
    loss = lw.SoftmaxCrossEntropy()
    lr: Any = task.lr
    if task.schedule == "cosine":
        lr = lw.CosineAnnealingLR(lr, T_max=task.steps)
    elif task.schedule == "one cycle":
        lr = lw.OneCycleLR(lr, total_steps=task.steps)
    optimizer = getattr(lw, task.optimizer)(lr=lr)

    def step(x: Any, t: Any) -> float:
        value = loss.forward(net.forward(x), t)
        net.backward(loss.backward()[0])
        optimizer.step(net.parameters())
        return float(value)

    return Trainee(step, net.predict)


def torchs(name: str, task: Task) -> Trainee:
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    if not task.length:
        net = torch_deep_conv_net() if name == "deep_conv_net" else torch_lenet5()
    else:
        vocabulary = len(shakespeare().alphabet)
        net = torch_char_lstm(vocabulary) if name == "char_lstm" else torch_gpt(vocabulary, task)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = getattr(torch.optim, task.optimizer)(net.parameters(), lr=task.lr)
    schedules = torch.optim.lr_scheduler
    schedule: Any = None
    if task.schedule == "cosine":
        schedule = schedules.CosineAnnealingLR(optimizer, task.steps)
    elif task.schedule == "one cycle":
        schedule = schedules.OneCycleLR(
            optimizer, task.lr, total_steps=task.steps, cycle_momentum=False
        )

    def step(x: Any, t: Any) -> float:
        net.train()
        optimizer.zero_grad()
        value = loss(net(torch.from_numpy(x)), torch.from_numpy(t))
        value.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        return float(value.detach())

    def scores(x: Any) -> Any:
        net.eval()
        with torch.no_grad():
            return net(torch.from_numpy(x)).numpy()

    return Trainee(step, scores)


def torch_deep_conv_net() -> Any:
    from torch import nn

    layers: list[Any] = []
    channels = 1
    for filters, padding in [(16, 1), (32, 2), (64, 1)]:
        layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(filters, filters, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    layers += [nn.Flatten(), nn.Linear(1024, 50), nn.ReLU(), nn.Dropout(0.5)]
    net = nn.Sequential(*layers, nn.Linear(50, 10), nn.Dropout(0.5))
    for layer in net:
        if hasattr(layer, "weight"):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return net


def torch_lenet5() -> Any:
    from torch import nn

    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten()),
        *(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def torch_char_lstm(vocabulary: int) -> Any:
    from torch import nn

    class CharLSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(vocabulary, 128)
            self.lstm = nn.LSTM(128, 128, batch_first=True)
            self.scores = nn.Linear(128, vocabulary)

        def forward(self, x: Any) -> Any:
            return self.scores(self.lstm(self.embedding(x))[0]).transpose(1, 2)

    return CharLSTM()


def torch_gpt(vocabulary: int, task: Task) -> Any:
    import torch
    from torch import nn

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, 128)
            self.positions = nn.Parameter(torch.empty(task.length, 128))
            for W in (self.tokens.weight, self.positions):
                nn.init.normal_(W, std=0.02)
            options = {"activation": "gelu", "batch_first": True, "norm_first": True}
            self.blocks = nn.ModuleList(
                nn.TransformerEncoderLayer(128, 4, 4 * 128, 0.0, **options) for _ in range(4)
            )
            self.norm = nn.LayerNorm(128)
            self.scores = nn.Linear(128, vocabulary)
            self.mask = nn.Transformer.generate_square_subsequent_mask(task.length)

        def forward(self, x: Any) -> Any:
            x = self.tokens(x) + self.positions
            for block in self.blocks:
                x = block(x, src_mask=self.mask, is_causal=True)
            return self.scores(self.norm(x)).transpose(1, 2)

    return GPT()


if __name__ == "__main__":
    train(*sys.argv[1:]) if len(sys.argv) > 1 else main()
