"""Convolution, pooling and padding: random geometries, the edges, and the book's two layers."""

import re
import warnings

import numpy as np
import pytest
from cases import windows
from hypothesis import given
from hypothesis import strategies as st
from test_layers import both_ways, random_like, same, values_of

import layerwise as lw
from layerwise import book
from layerwise.layers import loops

# random geometries: each draw is a row of the table ----------------------------------------------


def each_axis(draw, dim, low, high):
    return tuple(draw(st.integers(low, high)) for _ in range(dim))


def options_of(**options):
    """The options that are not the default, as a repr shows them."""
    defaults = {"padding": 0, "output_padding": 0, "groups": 1, "bias": True,
                "padding_mode": "zeros", "ceil_mode": False, "count_include_pad": True}  # fmt: skip
    return {k: v for k, v in options.items() if v != defaults.get(k)}


def shapes_of(draw, channels, image):
    batch = draw(st.sampled_from(["", "0 ", "1 ", "2 "]))
    return [f"{batch}{channels} {' '.join(map(str, image))}"]


@st.composite
def convolutions(draw, dims=(1, 2, 3)):
    dim, groups = draw(st.sampled_from(dims)), draw(st.integers(1, 2))
    C, M = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    kernel, dilation = each_axis(draw, dim, 1, 3), each_axis(draw, dim, 1, 2)
    span = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    padding = draw(st.sampled_from(["numbers", "numbers", "same", "valid"]))
    stride = each_axis(draw, dim, 1, 1 if padding == "same" else 3)
    if padding == "numbers":
        padding = each_axis(draw, dim, 0, 2)
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    image = [max(n, 3) + draw(st.integers(0, 2)) for n in span]
    options = options_of(stride=stride, padding=padding, dilation=dilation, groups=groups,
                         bias=draw(st.booleans()), padding_mode=mode)  # fmt: skip
    return windows.conv(dim, (C, M, kernel), shapes_of(draw, C, image), **options)


@st.composite
def transposed(draw, dims=(1, 2, 3)):
    dim, groups = draw(st.sampled_from(dims)), draw(st.integers(1, 2))
    C, M = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    kernel, dilation = each_axis(draw, dim, 1, 3), each_axis(draw, dim, 1, 2)
    stride = each_axis(draw, dim, 1, 3)
    more = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation))
    padding, image = each_axis(draw, dim, 0, 1), each_axis(draw, dim, 3, 4)
    options = options_of(stride=stride, padding=padding, output_padding=more, groups=groups,
                         bias=draw(st.booleans()), dilation=dilation)  # fmt: skip
    return windows.conv_transpose(dim, (C, M, kernel), shapes_of(draw, C, image), **options)


@st.composite
def poolings(draw, dims=(1, 2, 3)):
    dim, kind = draw(st.sampled_from(dims)), draw(st.sampled_from(["Max", "Avg", "LP"]))
    kernel, stride = each_axis(draw, dim, 1, 3), each_axis(draw, dim, 1, 4)
    dilation = each_axis(draw, dim, 1, 2) if kind == "Max" else (1,) * dim
    options = {"stride": stride}
    if kind != "LP":
        options["padding"] = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    if kind == "Max":
        options["dilation"] = dilation
    if kind == "Avg":
        options["count_include_pad"] = draw(st.booleans())
    options["ceil_mode"] = draw(st.booleans())
    image = [d * (k - 1) + 1 + draw(st.integers(0, 4)) for k, d in zip(kernel, dilation)]
    size = int(np.prod(kernel))
    if kind == "LP" and dim == 1:
        kernel = kernel[0]  # PyTorch's LPPool1d does not take a tuple
    arguments = (2, kernel) if kind == "LP" else (kernel,)
    one = {"Max": np.nanmax, "Avg": np.nanmean, "LP": windows.norm(2, size)}[kind]
    shapes = shapes_of(draw, 2, image)
    return windows.pool(f"{kind}Pool", dim, arguments, shapes, one, **options_of(**options))


@given(st.one_of(convolutions(dims=(1, 2)), transposed(dims=(1, 2)), poolings(dims=(1, 2))))
def test_every_geometry_is_the_definition(case):
    layer, inputs = case.layer(), case.inputs()
    out, (dx,), grads = both_ways(layer, inputs)
    same(out, case.definition(*inputs, **values_of(layer)))
    assert layer.out_shape(*(x.shape for x in inputs)) == out.shape
    assert dx.shape == inputs[0].shape and all(np.isfinite(grad).all() for grad in grads.values())


@given(st.one_of(convolutions(), transposed()))
def test_backward_of_a_convolution_is_its_transpose(case):
    """A convolution without bias is linear: (dout · conv(x)) is (dx · x) and (dW · W)."""
    layer, inputs = case.layer(), case.inputs()
    if layer.b is not None:
        layer.b.value[:] = 0
    dout = random_like(layer.forward(*inputs))
    out, (dx,), grads = both_ways(layer, inputs, dout)
    total = np.sum(dout * out)
    same([np.sum(dx * inputs[0]), np.sum(grads["W"] * layer.W.value)], [total, total], 1e-9)


# convolution -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_transposed_convolution_is_the_backward_of_the_convolution(dim):
    conv = getattr(lw, f"Conv{dim}d")(2, 3, 3, stride=2, padding=1, bias=False).astype("float64")
    up = getattr(lw, f"ConvTranspose{dim}d")(3, 2, 3, stride=2, padding=1, bias=False)
    up.astype("float64")
    up.W.value = conv.W.value
    x = np.random.default_rng(0).normal(size=(2, 2, *[7] * dim))
    dout = random_like(conv.forward(x))
    same(up.forward(dout), conv.backward(dout))


@pytest.mark.parametrize("layer", [lw.Conv2d(6, 4, (3, 5), groups=2, rng=0),
                                   lw.ConvTranspose2d(4, 6, (3, 5), groups=2, rng=0)])  # fmt: skip
def test_convolutions_start_as_pytorch_s_do(layer):
    """Uniform in ±1/√fan_in, with PyTorch's fan_in: the second axis of W times the kernel."""
    bound = 1 / np.sqrt(3 * 3 * 5)
    for numbers in (layer.W.value, layer.b.value):
        assert numbers.dtype == np.float32 and abs(numbers).max() <= bound
    assert abs(layer.W.value).max() > 0.97 * bound and abs(layer.W.value.mean()) < 0.1 * bound


def test_he_s_rule_knows_what_a_kernel_covers():
    assert abs(lw.initializers.he_normal((200, 10, 5, 4), 0).std() - 0.1) < 0.001  # √(2 / 200)
    conv = lw.Conv2d(10, 200, (5, 4), init=lw.initializers.he_normal, rng=0)
    assert abs(conv.W.value.std() - 0.1) < 0.001


def test_a_convolution_computes_in_the_dtype_of_its_input():
    conv = lw.Conv2d(1, 2, 3, rng=0)  # its parameters are in float32
    for dtype in ("float16", "float32", "float64"):
        out = conv.forward(np.ones((1, 1, 4, 4), dtype))
        dx = conv.backward(np.ones_like(out))
        assert out.dtype == dx.dtype == conv.cols.dtype == dtype
    assert conv.W.grad.dtype == "float32"


def test_gradients_of_a_convolution_add_up():
    conv = lw.Conv1d(1, 1, 2, rng=0)
    for _ in range(2):
        conv.forward(np.ones((3, 1, 5)))
        conv.backward(np.ones((3, 1, 4)))
    assert conv.b.grad.tolist() == [24] and conv.W.grad.tolist() == [[[24, 24]]]


def test_whole_numbers_are_not_cut():
    x = np.arange(16).reshape(1, 1, 4, 4)
    for layer in (lw.Conv2d(1, 1, 2, rng=0), lw.ConvTranspose2d(1, 1, 2, rng=0), lw.AvgPool2d(3),
                  lw.AdaptiveAvgPool(3), lw.LPPool2d(2, 2), lw.GlobalAvgPool(),
                  lw.Pad((1, 1), value=0.5)):  # fmt: skip
        out, exact = layer.forward(x), layer.forward(x.astype(float))
        assert out.dtype.kind == "f", layer
        same(out, exact, 1e-6)
        dx = layer.backward(np.ones(out.shape, int))
        same(dx, layer.backward(np.ones(out.shape)), 1e-6)
    assert lw.MaxPool2d(2, padding=1).forward(x - 99).dtype == x.dtype


def test_a_network_of_images_is_wired_and_drawn():
    layers = [lw.Conv2d(1, 4, 3, padding="same"), lw.ReLU(), lw.MaxPool2d(2), lw.Conv2d(4, 8, 3)]
    net = lw.Sequential(*layers, lw.GlobalAvgPool(), lw.Affine(8, 3), seed=0)
    assert net.forward(np.ones((5, 1, 12, 12))).shape == (5, 3)
    assert net.backward().shape == (5, 1, 12, 12)
    assert "conv2d1.W" in net.parameters()
    assert net.draw().startswith("<svg")
    for between in ([], [lw.ReLU(), lw.MaxPool2d(2)]):  # wrong wiring fails when it is built
        with pytest.raises(lw.ShapeError) as caught:
            lw.Sequential(lw.Conv2d(1, 4, 3), *between, lw.Conv2d(3, 8, 3))
        assert str(caught.value).startswith(
            "conv2d2 = Conv2d(3, 8, 3) expects inputs (N, 3, H, W) or (3, H, W), but "
        )


# pooling -----------------------------------------------------------------------------------------


def test_of_equal_numbers_the_first_gets_the_gradient():
    for pool in (lw.MaxPool2d(2), lw.AdaptiveMaxPool(1)):
        pool.forward(np.ones((1, 1, 2, 2)))
        assert pool.backward(np.full((1, 1, 1, 1), 7.0)).tolist() == [[[[7, 0], [0, 0]]]]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64"])
def test_padding_never_wins_a_maximum(dtype):
    x = np.full((1, 1, 3, 3), -5, dtype)
    pool = lw.MaxPool2d(3, stride=1, padding=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = pool.forward(x)
        dx = pool.backward(np.ones(out.shape))
    assert out.dtype == dtype and (out == -5).all() and dx.sum() == 9


def test_infinities_and_nan_stay_where_they_are():
    x = np.array([[1.0, np.nan, -np.inf, -np.inf, np.inf, 2.0]])
    assert str(lw.MaxPool1d(2).forward(x).tolist()) == "[[nan, -inf, inf]]"
    assert str(lw.AdaptiveMaxPool((3,)).forward(x).tolist()) == "[[nan, -inf, inf]]"
    assert str(lw.AvgPool1d(2).forward(x).tolist()) == "[[nan, -inf, inf]]"
    assert str(lw.LPPool1d(2, 2).forward(x).tolist()) == "[[nan, inf, inf]]"


def test_an_odd_norm_of_negative_numbers_is_no_number():
    """There is no root of what is below 0: NaN forward and backward, as in PyTorch."""
    for p in (3, 5, 1.5):
        pool = lw.LPPool1d(p, 2)
        out = pool.forward(np.array([[-2.0, 1, 2, 0, 0, 0]]))
        assert str(out.tolist()) == "[[nan, 2.0, 0.0]]"
        assert str(pool.backward(np.ones_like(out)).tolist()) == "[[nan, nan, 1.0, 0.0, 0.0, 0.0]]"
    total = lw.LPPool1d(1, 2)  # the sum, whose slope is 1 everywhere
    assert total.forward(np.array([[-3.0, 1, 1, -1]])).tolist() == [[-2, 0]]
    assert total.backward(np.ones((1, 2))).tolist() == [[1, 1, 1, 1]]


def test_a_number_as_output_size_is_for_a_batch_and_a_tuple_also_for_one_image():
    image = np.random.default_rng(0).normal(size=(3, 4, 6))
    for pool in (lw.AdaptiveAvgPool, lw.AdaptiveMaxPool):
        one = pool((2, 2)).forward(image)
        assert one.shape == (3, 2, 2)
        assert np.array_equal(pool(2).forward(image[None])[0], one)
        assert pool(2).forward(image).shape == (3, 4, 2)  # a batch of signals


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_large_numbers_do_not_overflow(dtype):
    x = np.full((1, 1, 4, 4), 1e4, dtype)
    for layer in (lw.MaxPool2d(4), lw.AvgPool2d(4), lw.AdaptiveAvgPool(1), lw.GlobalAvgPool(),
                  lw.AvgPool2d(2, padding=1)):  # fmt: skip
        out = layer.forward(-x)
        assert out.dtype == dtype and np.isfinite(out).all() and out.min() >= -1e4
        assert np.isfinite(layer.backward(np.ones_like(out))).all()
    pool = lw.LPPool2d(8, 2)
    out = pool.forward(x)
    same(out / 1e4, np.full(out.shape, 4 ** (1 / 8)), 2e-3)
    same(pool.backward(np.ones_like(out)), np.full(x.shape, 4 ** (-7 / 8)), 2e-3)


def test_the_slope_of_a_norm_of_zeros_is_zero():
    pool = lw.LPPool2d(2, 2)
    assert pool.forward(np.zeros((1, 2, 2))).tolist() == [[[0]]]
    assert pool.backward(np.ones((1, 1, 1))).tolist() == [[[0, 0], [0, 0]]]


def test_the_mean_counts_the_padding_or_not():
    x = np.ones((1, 3))
    counted, not_counted = lw.AvgPool1d(2, padding=1), lw.AvgPool1d(2, 2, 1, False, False)
    assert counted.forward(x).tolist() == [[0.5, 1]]
    assert not_counted.forward(x).tolist() == [[1, 1]]
    beyond = lw.AvgPool1d(2, ceil_mode=True)  # what lies beyond is never counted
    assert beyond.forward(x).tolist() == [[1, 1]]
    assert beyond.backward(np.array([[1.0, 1.0]])).tolist() == [[0.5, 0.5, 1]]


# options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("Conv2d(0, 2, 3)", "Conv2d(0, 2, groups=1): give whole numbers from 1 up; groups has to "
                            "divide both numbers of channels."),
        ("Conv2d(3, 4, 3, groups=2)", "Conv2d(3, 4, groups=2): give whole numbers from 1 up; "
                                      "groups has to divide both numbers of channels."),
        ("Conv2d(1, 2, (3, 3, 3))", "Conv2d(kernel_size=(3, 3, 3)): give a whole number from 1 up, "
                                    "or 2 of them, one for each axis."),
        ("Conv1d(1, 2, 3, stride=0)", "Conv1d(stride=0): give a whole number from 1 up."),
        ("Conv1d(1, 2, 3, padding=-1)", "Conv1d(padding=-1): give a whole number from 0 up."),
        ("Conv1d(1, 2, True)", "Conv1d(kernel_size=True): give a whole number from 1 up."),
        ("Conv1d(1, 2, 2.5)", "Conv1d(kernel_size=2.5): give a whole number from 1 up."),
        ("Conv2d(1, 2, 3, padding='full')",
         "Conv2d(padding='full'): give numbers, 'same' or 'valid'."),
        ("Conv2d(1, 2, 3, stride=2, padding='same')",
         "Conv2d(padding='same', stride=2): needs stride 1."),
        ("Conv2d(1, 2, 3, padding_mode='constant')",
         "Conv2d(padding_mode='constant'): choose one of ('zeros', 'reflect', 'replicate', "
         "'circular')."),
        ("ConvTranspose2d(1, 2, 3, stride=2, output_padding=2)",
         "ConvTranspose2d(output_padding=2): has to be smaller than the stride or the dilation."),
        ("MaxPool2d(2, padding=2)",
         "MaxPool2d(kernel_size=2, padding=2): the padding is at most half of the kernel, so that "
         "each window has some pixels."),
        ("AvgPool2d(2, divisor_override=0)", "AvgPool2d(divisor_override=0): no division by 0."),
        ("LPPool2d(0, 2)", "LPPool2d(norm_type=0): has to be above 0."),
        ("AdaptiveAvgPool((2, 0))",
         "AdaptiveAvgPool((2, 0)): give a whole number from 1 up, or a tuple with one for each "
         "axis; None keeps an axis as it is."),
        ("AdaptiveMaxPool(True)",
         "AdaptiveMaxPool(True): give a whole number from 1 up, or a tuple with one for each axis; "
         "None keeps an axis as it is."),
        ("Pad((1.5, 2))", "Pad((1.5, 2)): give two whole numbers for each axis, (left, right, top, "
                          "bottom) for images."),
        ("Pad((1, 2, 3))", "Pad((1, 2, 3)): give two whole numbers for each axis, (left, right, "
                           "top, bottom) for images."),
        ("Pad((-1, 2), mode='reflect')",
         "Pad((-1, 2)): give two whole numbers for each axis, 0 or more, (left, right, top, "
         "bottom) for images."),
        ("Pad((1, 2), mode='edge')", "Pad(mode='edge'): choose one of ('constant', 'reflect', "
                                     "'replicate', 'circular')."),
    ],
)  # fmt: skip
def test_options_are_checked(call, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        eval(call, vars(lw))


def test_sizes_of_numpy_count_as_numbers():
    three = np.int64(3)
    conv = lw.Conv2d(three, three, (three, three), stride=three, padding=[three, 1])
    assert repr(conv) == "Conv2d(3, 3, (3, 3), stride=3, padding=(3, 1))"
    assert repr(lw.AdaptiveAvgPool([three, None])) == "AdaptiveAvgPool((3, None))"


# the book's two layers ---------------------------------------------------------------------------


def by_loops(x, W, b, stride, pad):
    """The book's formula, pixel by pixel."""
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    return loops.conv(x, W, b, (stride, stride), (1, 1))


@pytest.mark.parametrize(("stride", "pad"), [(1, 0), (2, 1), (3, 2)])
def test_the_books_convolution(stride, pad):
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(3, 2, 3, 2)), rng.normal(size=3), rng.normal(size=(2, 2, 6, 5))
    conv = book.Convolution(W, b, stride, pad)
    out = conv.forward(x)
    same(out, by_loops(x, W, b, stride, pad))
    assert conv.out_shape(x.shape) == out.shape and conv.x is x
    assert conv.col.shape == (out[:, 0].size, 2 * 3 * 2) and conv.col_W.shape == (2 * 3 * 2, 3)
    same(conv.col @ conv.col_W + b, out.transpose(0, 2, 3, 1).reshape(-1, 3))
    ours = lw.Conv2d(2, 3, (3, 2), stride, pad).astype("float64")
    ours.W.value, ours.b.value = W, b
    same(ours.forward(x), out)
    dout = random_like(out)
    same(conv.backward(dout), ours.backward(dout))
    same(conv.dW, ours.W.grad)
    same(conv.db, ours.b.grad)
    assert lw.check(book.Convolution(W, b, stride, pad), x).ok


@pytest.mark.parametrize(("sizes", "stride", "pad"), [((2, 2), 2, 0), ((3, 2), 1, 1)])
def test_the_books_pooling(sizes, stride, pad):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4))
    pool = book.Pooling(*sizes, stride, pad)
    out = pool.forward(x)
    around = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=-np.inf)
    same(out, loops.pool(around, max, sizes, (stride, stride), (1, 1)))
    assert pool.arg_max.shape == (out.size,) and pool.x is x
    first = [
        row * around.shape[3] + column for row in range(sizes[0]) for column in range(sizes[1])
    ]
    assert around[0, 0].flat[first[pool.arg_max[0]]] == out[0, 0, 0, 0]
    assert lw.check(book.Pooling(*sizes, stride, pad), x).ok
    ours = lw.MaxPool2d(sizes, stride, pad)
    dout = random_like(ours.forward(x))
    assert np.array_equal(pool.backward(dout), ours.backward(dout))


def test_the_books_pooling_counts_windows_image_by_image_then_row_by_row():
    pool = book.Pooling(1, 2, stride=2)
    pool.forward(np.array([[[[0.0, 1, 2, 0]], [[1.0, 0, 0, 2]]]]))
    assert pool.arg_max.tolist() == [1, 0, 0, 1]  # (N, out_h, out_w, C)


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (book.Convolution(np.ones((2, 3, 5, 5)), np.zeros(2)), (1, 3, 4, 4),
         "Convolution(W (2, 3, 5, 5), b (2,)) expects images that its kernel fits into, but got "
         "(1, 3, 4, 4). The image (4, 4) with the padding (0, 0) has (4, 4); the kernel (5, 5) "
         "with the dilation (1, 1) spans (5, 5); the stride is (1, 1). Take a smaller kernel or "
         "more padding."),
        (book.Convolution(np.ones((2, 3, 5, 5)), np.zeros(2)), (1, 1, 8, 8),
         "Convolution(W (2, 3, 5, 5), b (2,)) expects inputs (N, 3, H, W), but got (1, 1, 8, 8)."),
        (book.Pooling(2, 2), (3, 4), "Pooling(2, 2) expects inputs (N, C, H, W), but got (3, 4)."),
    ],
)  # fmt: skip
def test_the_books_layers_refuse_wrong_shapes(layer, shape, text):
    with pytest.raises(lw.ShapeError) as caught:
        layer.forward(np.ones(shape))
    assert str(caught.value) == text


def test_a_program_of_chapter_7_learns():
    """The book's SimpleConvNet by hand: Convolution, Relu, Pooling, Affine, Relu, Affine."""
    (x, t), _ = lw.data.digits()
    x, t, rng = x[:100].reshape(-1, 1, 8, 8).astype(float), t[:100], np.random.default_rng(0)
    layers = [book.Convolution(0.1 * rng.normal(size=(8, 1, 3, 3)), np.zeros(8)), book.Relu(),
              book.Pooling(2, 2, stride=2), book.Affine(0.1 * rng.normal(size=(72, 10)),
                                                        np.zeros(10))]  # fmt: skip
    last, losses = book.SoftmaxWithLoss(), []
    for _ in range(60):
        out = x
        for layer in layers:
            out = layer.forward(out)
        losses.append(last.forward(out, t))
        dout = last.backward(1)
        for layer in reversed(layers):
            dout = layer.backward(dout)
        for layer in (layers[0], layers[3]):
            layer.W -= 0.5 * layer.dW  # in place, as the book does
            layer.b -= 0.5 * layer.db
    assert losses[-1] < 0.5 * losses[0]
