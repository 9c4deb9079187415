"""The trainers of both volumes.

What is random is drawn from a generator of its own (`rng`), and not from NumPy's global one.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from . import optimizer as optimizers
from .util import clip_grads

__all__ = ["RnnlmTrainer", "Trainer", "clip_grads", "np", "remove_duplicate"]


class Trainer:
    """Trains a network of the first volume, or a model of the second.

    Trainer(network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100,
            optimizer="SGD", optimizer_param={"lr": 0.01}, evaluate_sample_num_per_epoch=None,
            verbose=True).train()
        a network has params, gradient(x, t), loss(x, t) and accuracy(x, t); see `NetworkTrainer`
    Trainer(model, optimizer).fit(x, t, max_epoch=10, batch_size=32, max_grad=None,
            eval_interval=20)
        a model has params, grads, forward(x, t) and backward(); see `ModelTrainer`
    """

    def __new__(cls, *args: Any, **options: Any) -> Any:
        if cls is Trainer:
            data_given = len(args) > 3 or "x_train" in options
            cls = NetworkTrainer if data_given else ModelTrainer
        return super().__new__(cls)


class NetworkTrainer(Trainer):
    """Steps on random batches; after every epoch the accuracy on both parts of the data.

    source     Deep Learning from Scratch, common/trainer.py
    """

    def __init__(
        self, network: Any, x_train: Any, t_train: Any, x_test: Any, t_test: Any,
        epochs: int = 20, mini_batch_size: int = 100, optimizer: str = "SGD",
        optimizer_param: Any = None, evaluate_sample_num_per_epoch: Any = None,
        verbose: bool = True, rng: Any = None,
    ) -> None:  # fmt: skip
        kinds = {kind.lower(): kind for kind in optimizers.__all__ if kind != "np"}
        if optimizer.lower() not in kinds:
            raise ValueError(f"Trainer(optimizer={optimizer!r}): choose one of {list(kinds)}.")
        options = {"lr": 0.01} if optimizer_param is None else optimizer_param
        self.optimizer = getattr(optimizers, kinds[optimizer.lower()])(**options)
        self.network, self.verbose, self.rng = network, verbose, np.random.default_rng(rng)
        self.x_train, self.t_train = x_train, t_train
        self.x_test, self.t_test = x_test, t_test
        self.epochs, self.batch_size = epochs, mini_batch_size
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        self.train_size = len(x_train)
        self.iter_per_epoch = max(self.train_size / mini_batch_size, 1)
        self.max_iter = int(epochs * self.iter_per_epoch)
        self.current_iter = self.current_epoch = 0
        self.train_loss_list: list[Any] = []
        self.train_acc_list: list[Any] = []
        self.test_acc_list: list[Any] = []

    def train_step(self) -> None:
        """One step on one batch."""
        batch = self.rng.choice(self.train_size, self.batch_size)
        x, t = self.x_train[batch], self.t_train[batch]
        grads = self.network.gradient(x, t)
        self.optimizer.update(self.network.params, grads)
        self.train_loss_list.append(self.network.loss(x, t))
        self.say(f"train loss:{self.train_loss_list[-1]}")
        if self.current_iter % self.iter_per_epoch == 0:
            self.evaluate()
        self.current_iter += 1

    def evaluate(self) -> None:
        self.current_epoch += 1
        some = slice(self.evaluate_sample_num_per_epoch)
        accuracy = self.network.accuracy
        self.train_acc_list.append(accuracy(self.x_train[some], self.t_train[some]))
        self.test_acc_list.append(accuracy(self.x_test[some], self.t_test[some]))
        self.say(
            f"=== epoch:{self.current_epoch}, train acc:{self.train_acc_list[-1]}, "
            f"test acc:{self.test_acc_list[-1]} ==="
        )

    def train(self) -> None:
        """All steps, and then the accuracy on the test part."""
        for _ in range(self.max_iter):
            self.train_step()
        if self.verbose:
            test_acc = self.network.accuracy(self.x_test, self.t_test)
            self.say(f"=============== Final Test Accuracy ===============\ntest acc:{test_acc}")

    def say(self, text: str) -> None:
        if self.verbose:
            print(text)


class Loop:
    """What the trainers of the second volume have in common: a step, and a line now and then."""

    measure = "loss"  # what the line tells

    def __init__(self, model: Any, optimizer: Any) -> None:
        self.model, self.optimizer = model, optimizer
        self.eval_interval: Any = None
        self.current_epoch = 0
        self.losses: list[Any] = []  # since the last line
        self.curve: list[float] = []  # what the lines told

    def step(self, x: Any, t: Any, max_grad: Any) -> None:
        """Forward, backward, and one step of the optimizer."""
        self.losses.append(self.model.forward(x, t))
        self.model.backward()
        params, grads = remove_duplicate(self.model.params, self.model.grads)
        if max_grad is not None:
            clip_grads(grads, max_grad)
        self.optimizer.update(params, grads)

    def report(self, step: int, max_iters: int, start: float) -> None:
        """Now and then: print and keep what the losses since the last time amount to."""
        if self.eval_interval is None or step % self.eval_interval:
            return
        value = float(self.value(sum(self.losses) / len(self.losses)))
        self.curve.append(value)
        self.losses = []
        print(
            f"| epoch {self.current_epoch + 1} |  iter {step + 1} / {max_iters} "
            f"| time {int(time.time() - start)}[s] | {self.measure} {value:.2f}"
        )

    def value(self, loss: Any) -> Any:
        return loss

    def plot(self, ylim: Any = None) -> None:
        """Show what was printed as a curve."""
        import matplotlib.pyplot as plt

        if ylim is not None:
            plt.ylim(*ylim)
        plt.plot(self.curve, label="train")
        plt.xlabel(f"iterations (x{self.eval_interval})")
        plt.ylabel(self.measure)
        plt.show()


class ModelTrainer(Loop, Trainer):
    """Goes through shuffled data in batches; prints the mean loss every `eval_interval` steps.

    source     Deep Learning from Scratch 2, 1.4.4 and common/trainer.py
    """

    def __init__(self, model: Any, optimizer: Any, rng: Any = None) -> None:
        super().__init__(model, optimizer)
        self.rng = np.random.default_rng(rng)
        self.loss_list = self.curve

    def fit(
        self, x: Any, t: Any, max_epoch: int = 10, batch_size: int = 32, max_grad: Any = None,
        eval_interval: Any = 20,
    ) -> None:  # fmt: skip
        self.eval_interval = eval_interval
        max_iters = len(x) // batch_size
        start = time.time()
        for _ in range(max_epoch):
            order = self.rng.permutation(len(x))
            x, t = x[order], t[order]
            for step in range(max_iters):
                batch = slice(step * batch_size, (step + 1) * batch_size)
                self.step(x[batch], t[batch], max_grad)
                self.report(step, max_iters, start)
            self.current_epoch += 1


class RnnlmTrainer(Loop):
    """Goes through a text in order, in several places at once; prints the perplexity.

    source     Deep Learning from Scratch 2, 5.5.4
    """

    measure = "perplexity"

    def __init__(self, model: Any, optimizer: Any) -> None:
        super().__init__(model, optimizer)
        self.time_idx = 0
        self.ppl_list = self.curve

    def get_batch(self, x: Any, t: Any, batch_size: int, time_size: int) -> Any:
        """The next time_size words for each of batch_size places, and what follows them."""
        starts: Any = np.arange(batch_size) * (len(x) // batch_size)
        places = (starts[:, None] + self.time_idx + np.arange(time_size)) % len(x)
        self.time_idx += time_size
        return np.asarray(x)[places], np.asarray(t)[places]

    def fit(
        self, xs: Any, ts: Any, max_epoch: int = 10, batch_size: int = 20, time_size: int = 35,
        max_grad: Any = None, eval_interval: Any = 20,
    ) -> None:  # fmt: skip
        self.time_idx, self.eval_interval = 0, eval_interval
        self.ppl_list = self.curve = []
        max_iters = len(xs) // (batch_size * time_size)
        start = time.time()
        for _ in range(max_epoch):
            for step in range(max_iters):
                x, t = self.get_batch(xs, ts, batch_size, time_size)
                self.step(x, t, max_grad)
                self.report(step, max_iters, start)
            self.current_epoch += 1

    def value(self, loss: Any) -> Any:
        return np.exp(loss)


def remove_duplicate(params: Any, grads: Any) -> Any:
    """Lists in which every array is only once; the gradients of shared ones are added.

    An array is shared if it is there again, or transposed (weight tying). It has to be the same
    memory: the book also takes equal numbers for sharing.

    source     Deep Learning from Scratch 2, 6.5.3

    >>> W, b = np.zeros((2, 3)), np.zeros(3)
    >>> params, grads = remove_duplicate([W, b, W.T], [np.ones((2, 3)), b, np.ones((3, 2))])
    >>> len(params), grads[0]
    (2, array([[2., 2., 2.],
           [2., 2., 2.]]))
    """
    unique_params: list[Any] = []
    unique_grads: list[Any] = []
    owned: dict[int, list[int]] = {}  # by the owner of the memory: which of them show it
    for param, grad in zip(params, grads):
        kin = owned.setdefault(id(owner(param)), [])
        for index in kin:
            if memory_of(param) == memory_of(unique_params[index]):
                unique_grads[index] += grad
                break
            if memory_of(param.T) == memory_of(unique_params[index]):
                unique_grads[index] += grad.T
                break
        else:
            kin.append(len(unique_params))
            unique_params.append(param)
            unique_grads.append(grad)
    return unique_params, unique_grads


def owner(array: Any) -> Any:
    """The array that a view shows a part of; of an array that is no view, itself."""
    while (base := getattr(array, "base", None)) is not None:
        array = base
    return array


def memory_of(array: Any) -> Any:
    """What two arrays have in common that are views of the same elements in the same order."""
    return array.__array_interface__["data"][0], array.shape, array.strides
