"""What a layer of the second volume shows to the outside: the lists `params` and `grads`."""

from __future__ import annotations

from typing import Any

import numpy as np


class Written:
    """A layer whose backward writes its gradients, and does not add to those of before."""

    stand_in: Any = None  # what gives the layer's twin (see `twins`)
    twin: Any = None

    def _start_gradients(self) -> None:
        """There is nothing to do: backward writes over what was there."""


class Lists(Written):
    """Two lists of arrays, which stay the same objects for as long as the layer lives.

    A network adds the lists of its layers together, optimizers write into the arrays of `params`,
    and backward into those of `grads`. An array may be in the lists of several layers (weight
    tying).
    """

    params: list[Any]
    grads: list[Any]

    def hold(self, *params: Any) -> None:
        """Begin the lists: the parameters themselves, and room for their gradients."""
        self.params = list(params)
        self.grads = [np.zeros_like(W) for W in params]

    def keep(self, *gradients: Any) -> None:
        """Write the gradients of the parameters into their arrays."""
        for grad, new in zip(self.grads, gradients):
            grad[...] = new
