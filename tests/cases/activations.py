"""The rows of the activations."""

import math

import numpy as np

from .case import ONE, Case, sigmoid, softmax, whole

erf = np.vectorize(math.erf, otypes=[float])


def prelu(x, a):
    a = a[0] if len(a) == 1 else a.reshape(len(a), *[1] * (x.ndim - 2))
    return np.where(x > 0, x, a * x)


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


def swiglu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(a) * b


def torch_swiglu(torch, x, dim=-1):
    a, b = x.chunk(2, dim)
    return torch.nn.functional.silu(a) * b


def drawn_slopes(x):
    return np.where(x > 0, 1, np.random.default_rng(7).uniform(1 / 8, 1 / 3, x.shape))


def activation(call, definition, function=None, **options):
    """A row for a layer that PyTorch has under the same call, or as one of its functions."""
    function = function or (lambda T, x: eval(call, vars(T.nn))(x))
    return Case(call, ONE, definition, function, python=True, **options)


ROWS = [
    Case("ReLU()", ONE, lambda x: np.where(x > 0, x, 0 * x), lambda T, x: T.relu(x), python=True),
    Case("Sigmoid()", ONE, lambda x: 1 / (1 + np.exp(-x)), lambda T, x: T.sigmoid(x), python=True),
    Case("Tanh()", ONE, lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
         lambda T, x: T.tanh(x), python=True),
    Case("Softmax()", ["N C", "C", "B N C"], softmax, lambda T, x: x.softmax(-1)),
    Case("Softmax(dim=1)", ["B C H", "N C"], lambda x: softmax(x, 1), lambda T, x: x.softmax(1),
         errors=(("4", "Softmax(dim=1) expects inputs with an axis 1, but got (4,)."),)),
    Case("LogSoftmax()", ["N C", "C", "B N C"], lambda x: np.log(softmax(x)),
         lambda T, x: x.log_softmax(-1)),
    Case("LogSoftmax(dim=0)", ["N C"], lambda x: np.log(softmax(x, 0)),
         lambda T, x: x.log_softmax(0), empty=False),
    Case("Softmin()", ["N C", "C", "B N C"], lambda x: softmax(-x),
         lambda T, x: T.nn.functional.softmin(x, -1)),
    Case("Softmin(dim=1)", ["B C H", "N C"], lambda x: softmax(-x, 1),
         lambda T, x: T.nn.functional.softmin(x, 1),
         errors=(("4", "Softmin(dim=1) expects inputs with an axis 1, but got (4,)."),)),
    activation("Identity()", whole),
    activation("Softplus()", lambda x: np.log(1 + np.exp(x))),
    activation("Softplus(beta=2.0, threshold=0.5)",
               lambda x: np.where(2 * x > 0.5, x, np.log(1 + np.exp(2 * x)) / 2)),
    activation("LogSigmoid()", lambda x: np.log(sigmoid(x))),
    activation("Tanhshrink()", lambda x: x - np.tanh(x)),
    activation("Softsign()", lambda x: x / (1 + abs(x))),
    activation("LeakyReLU()", lambda x: np.where(x > 0, x, 0.01 * x)),
    activation("LeakyReLU(negative_slope=-0.5)", lambda x: np.where(x > 0, x, -0.5 * x)),
    Case("PReLU()", ONE, prelu, lambda T, x, a: T.nn.functional.prelu(x, a)),
    Case("PReLU(num_parameters=4)", ["N 4", "N 4 H W", "N 4 H"], prelu,
         lambda T, x, a: T.nn.functional.prelu(x, a),
         errors=(("3 5", "PReLU(num_parameters=4) expects inputs with 4 channels on axis 1, "
                         "but got (3, 5)."),
                 ("4", "PReLU(num_parameters=4) expects inputs with 4 channels on axis 1, "
                       "but got (4,)."))),
    activation("RReLU()", lambda x: x * drawn_slopes(x),
               lambda T, x: x * T.asarray(drawn_slopes(x.detach().numpy())).to(x.dtype),
               inference=lambda x: np.where(x > 0, x, x * 11 / 48)),
    activation("ELU()", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    activation("ELU(alpha=2.5)", lambda x: np.where(x > 0, x, 2.5 * (np.exp(x) - 1))),
    activation("SELU()", lambda x: 1.0507009873554805 * np.where(
        x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))),
    activation("CELU()", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    activation("CELU(alpha=2.5)", lambda x: np.where(x > 0, x, 2.5 * (np.exp(x / 2.5) - 1))),
    activation("SiLU()", lambda x: x * sigmoid(x)),
    activation("GELU()", lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    activation("GELU(approximate='tanh')", lambda x: x / 2 * (
        1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    activation("Mish()", lambda x: x * np.tanh(np.log(1 + np.exp(x)))),
    activation("Hardswish()", lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6),
    Case("GLU()", ["N 4", "2", "B N 6"], glu, lambda T, x: T.nn.functional.glu(x),
         errors=(("3 5", "GLU() expects inputs with an even size on axis -1, but got (3, 5)."),
                 ("", "GLU() expects inputs with an axis -1, but got a single number."))),
    Case("GLU(dim=1)", ["N 4 H", "N 4"], lambda x: glu(x, 1),
         lambda T, x: T.nn.functional.glu(x, 1),
         errors=(("4", "GLU(dim=1) expects inputs with an axis 1, but got (4,)."),)),
    Case("SwiGLU()", ["N 4", "2", "B N 6"], swiglu, torch_swiglu,
         errors=(("3 5", "SwiGLU() expects inputs with an even size on axis -1, "
                         "but got (3, 5)."),)),
    Case("SwiGLU(dim=1)", ["N 4 H", "N 4"], lambda x: swiglu(x, 1),
         lambda T, x: torch_swiglu(T, x, 1)),
    activation("Hardtanh()", lambda x: np.minimum(np.maximum(x, -1), 1)),
    activation("Hardtanh(min_val=-0.5, max_val=0.25)",
               lambda x: np.minimum(np.maximum(x, -0.5), 0.25)),
    activation("ReLU6()", lambda x: np.minimum(np.maximum(x, 0), 6)),
    activation("Hardsigmoid()", lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
               lambda T, x: T.nn.functional.relu6(x + 3) / 6),  # its own has 1/6 in float32
    activation("Hardshrink()", lambda x: np.where(abs(x) > 0.5, x, 0 * x)),
    activation("Softshrink()", lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0)),
    activation("Softshrink(lambd=0.25)", lambda x: np.sign(x) * np.maximum(abs(x) - 0.25, 0)),
    activation("Threshold(0.25, -2.0)", lambda x: np.where(x > 0.25, x, -2.0)),
]  # fmt: skip
