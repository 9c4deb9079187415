"""A network without a graph and without fit: every forward and every backward is a line.

Run it, and it prints the loss and the accuracy on 360 handwritten digits that it has not seen.
"""

import numpy as np

import layerwise as lw

(x_train, t_train), (x_test, t_test) = lw.data.digits()
rng = np.random.default_rng(0)

affine1 = lw.Affine(64, 50, rng=rng)
relu = lw.ReLU()
affine2 = lw.Affine(50, 10, rng=rng)
loss = lw.SoftmaxCrossEntropy()
parameters = [affine1.W, affine1.b, affine2.W, affine2.b]


def scores(x):
    return affine2.forward(relu.forward(affine1.forward(x)))  # (N, 64) -> (N, 50) -> (N, 10)


for step in range(1000):
    rows = rng.choice(len(x_train), 100, replace=False)

    # forward
    y = scores(x_train[rows])
    error = loss.forward(y, t_train[rows])

    # backward, in the opposite order
    for parameter in parameters:
        parameter.grad = None
    dy, _ = loss.backward()
    affine1.backward(relu.backward(affine2.backward(dy)))

    # one step down the slope
    for parameter in parameters:
        parameter.value -= 0.1 * parameter.grad

    if step % 200 == 199:
        accuracy = np.mean(scores(x_test).argmax(axis=1) == t_test)
        print(f"step {step + 1:4}   loss {error:.3f}   accuracy {accuracy:.1%}")
