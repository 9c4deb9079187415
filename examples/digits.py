"""A network learns handwritten digits: 8x8 pixels in, one of ten classes out."""

import layerwise as lw

(x_train, t_train), held_out = lw.data.digits()

net = lw.Sequential(lw.Affine(64, 200), lw.ReLU(), lw.Affine(200, 10), seed=0)
history = lw.fit(
    net,
    x_train,
    t_train,
    optimizer=lw.SGD(lr=0.1, momentum=0.9),
    epochs=30,
    batch_size=20,
    validation=held_out,
)
print(f"Right on the held-out part: {100 * lw.accuracy(net, *held_out):.2f} %")
history.plot("digits-curve.png")
net.draw("digits-graph.svg")
