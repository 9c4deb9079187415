"""What cuts, shuffles, sums by letters and resizes: random cases, graphs, options, PyTorch."""

import re

import numpy as np
import pytest
from cases import shapes, windows
from helpers import text_of
from hypothesis import given
from hypothesis import strategies as st
from test_layers import both_ways, random_like, same
from test_windows import each_axis, options_of

import layerwise as lw

# options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("Split(2)", "Split(2): give the sizes of all parts, whole numbers from 0 up, such as "
                     "(2, 3)."),
        ("Split(())", "Split(()): give the sizes of all parts, whole numbers from 0 up, such as "
                      "(2, 3)."),
        ("Split((2, -1))", "Split((2, -1)): give the sizes of all parts, whole numbers from 0 up, "
                           "such as (2, 3)."),
        ("Split((2, True))", "Split((2, True)): give the sizes of all parts, whole numbers from 0 "
                             "up, such as (2, 3)."),
        ("Reshape(2, 1.5)", "Reshape(2, 1.5): give sizes from 0 up, and -1 once at most."),
        ("Reshape((-1, -1))", "Reshape(-1, -1): give sizes from 0 up, and -1 once at most."),
        ("Transpose(0, 1.5)",
         "Transpose(0, 1.5): give the numbers of the axes in their new order."),
        ("Unflatten(1, (2, 1.5))",
         "Unflatten(1, (2, 1.5)): give sizes from 1 up, and -1 once at most."),
        ("Unflatten(1, (2, -1, -1))",
         "Unflatten(1, (2, -1, -1)): give sizes from 1 up, and -1 once at most."),
        ("Unflatten(1, (0,))", "Unflatten(1, (0,)): give sizes from 1 up, and -1 once at most."),
        ("Unflatten(1, ())", "Unflatten(1, ()): give sizes from 1 up, and -1 once at most."),
        ("PixelShuffle(0)", "PixelShuffle(upscale_factor=0): give a whole number from 1 up."),
        ("PixelUnshuffle(1.5)",
         "PixelUnshuffle(downscale_factor=1.5): give a whole number from 1 up."),
        ("ChannelShuffle(True)", "ChannelShuffle(groups=True): give a whole number from 1 up."),
        ("Upsample((2, 3), mode='linear')",
         "Upsample(mode='linear'): give 1 of the sizes, one for each axis, but got (2, 3)."),
        ("Affine(0, 3)", "Affine(in_features=0): give a whole number from 1 up."),
        ("Affine(3, 2.0)", "Affine(out_features=2.0): give a whole number from 1 up."),
        ("Bilinear(0, 2, 3)", "Bilinear(in1_features=0): give a whole number from 1 up."),
        ("Bilinear(1, 2, 2.5)", "Bilinear(out_features=2.5): give a whole number from 1 up."),
        ("Unfold((2, 2, 2))", "Unfold(kernel_size=(2, 2, 2)): give a whole number from 1 up, or 2 "
                              "of them, one for each axis."),
        ("Fold(0, 2)", "Fold(output_size=0): give a whole number from 1 up, or 2 of them, one for "
                       "each axis."),
        ("Fold((2, 3), 3)", "Fold((2, 3), 3) expects images that its kernel fits into, but got "
                            "(2, 3). The image (2, 3) with the padding (0, 0) has (2, 3); the "
                            "kernel (3, 3) with the dilation (1, 1) spans (3, 3); the stride is "
                            "(1, 1). Take a smaller kernel or more padding."),
        ("Upsample()", "Upsample(size=None, scale_factor=None): give one of the two."),
        ("Upsample(2, 3)", "Upsample(size=2, scale_factor=3): give one of the two."),
        ("Upsample(2.5)", "Upsample(size=2.5): give a whole number above 0, or a tuple with one "
                          "for each axis."),
        ("Upsample(scale_factor=(2, 0))", "Upsample(scale_factor=(2, 0)): give a number above 0, "
                                          "or a tuple with one for each axis."),
        ("Upsample(2, mode='cubic')", "Upsample(mode='cubic'): choose one of ('nearest', 'linear', "
                                      "'bilinear', 'trilinear', 'bicubic')."),
        ("Upsample(2, align_corners=True)",
         "Upsample(mode='nearest'): align_corners is for the other modes."),
    ],
)  # fmt: skip
def test_options_are_checked(call, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        eval(call, vars(lw))


@pytest.mark.parametrize(
    ("equation", "why"),
    [
        ("ij", "it is for 1 input"),
        ("ij,jk,kl->il", "it is for 3 inputs"),
        ("i1,j->i", "'1' is no letter"),
        ("i,j->i,j", "',' is no letter"),
        ("i,j->ii", "'i' comes twice in the output"),
        ("i,j->k", "'k' is in the output alone"),
        ("..i,j->i", "dots come in threes"),
        ("...i...,j->i", "dots come once in an input"),
    ],
)
def test_equations_are_checked(equation, why):
    text = (
        f"Einsum({equation!r}): {why}. Give the letters of two inputs and of the output, such as "
        '"nk,km->nm".'
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        lw.Einsum(equation)


# Split -------------------------------------------------------------------------------------------


def test_the_parts_of_a_split_are_nodes():
    x = lw.Input("x", shape=(None, 5))
    a, b, unused = lw.Split((2, 2, 1), dim=1)(x)
    graph = lw.Graph((a * b).named("product"))
    value = np.arange(10.0).reshape(2, 5)
    before = graph.summary()
    assert "(N, 2) (N, 2) (N, 1)" in before
    assert graph.forward(value).tolist() == [[0, 3], [35, 48]]
    assert graph.backward().tolist() == [[2, 3, 0, 1, 0], [7, 8, 5, 6, 0]]
    assert "(2, 2) (2, 2) (2, 1)" in graph.summary()
    assert "Split((2, 2, 1), dim=1)" in graph.draw()
    with pytest.raises(lw.ShapeError, match=re.escape("but split1[0] gives (N, 2)")):
        lw.Graph(lw.Affine(3, 1)(a))
    with pytest.raises(lw.ShapeError, match="expects the size 4 along the axis 1, but x gives"):
        lw.Graph(list(lw.Split((2, 2), dim=1)(x)))
    assert lw.Graph([a, unused]).out_shape((7, 5)) == ((7, 2), (7, 1))


def test_concat_puts_together_what_split_has_cut():
    x = np.random.default_rng(0).normal(size=(3, 6, 2))
    split, concat = lw.Split((1, 3, 2), dim=1), lw.Concat(dim=1)
    assert np.array_equal(concat.forward(*split.forward(x)), x)
    assert np.array_equal(split.backward(concat.backward(x)), x)


# Einsum ------------------------------------------------------------------------------------------


@st.composite
def equations(draw):
    """An equation with repeated, lonely and shared letters, in any order, and two shapes for it."""
    sizes = {letter: draw(st.integers(1, 3)) for letter in "abcd"}
    terms = [draw(st.text("abcd", max_size=3)) for _ in range(2)]
    out = draw(st.permutations(sorted(set("".join(terms)))))
    out = "".join(out[: draw(st.integers(0, len(out)))])
    arrays = []
    for term in terms:
        thin = draw(st.booleans())  # sizes of 1, which broadcast
        arrays.append([1 if thin else sizes[letter] for letter in term])
    dots = [draw(st.integers(0, 2)) for _ in terms] if draw(st.booleans()) else None
    if dots is not None:
        terms, out = [f"...{term}" for term in terms], f"...{out}" if draw(st.booleans()) else out
        arrays = [[2, 3][2 - n :] + shape for n, shape in zip(dots, arrays)]
    return f"{','.join(terms)}->{out}", arrays


@given(equations(), st.integers(0, 9))
def test_every_equation_is_the_definition_and_every_gradient_is_linear(case, seed):
    equation, sizes = case
    rng = np.random.default_rng(seed)
    x, y = (np.asarray(rng.normal(size=shape)) for shape in sizes)
    layer = lw.Einsum(equation)
    out, (dx, dy), _ = both_ways(layer, (x, y))
    same(out, shapes.einsum(equation)(x, y))
    assert layer.out_shape(x.shape, y.shape) == out.shape
    assert dx.shape == x.shape and dy.shape == y.shape
    # the product is linear in x, so for another x in its place (dout · z) is (dx · x)
    dout, other = random_like(out), rng.normal(size=x.shape)
    same(np.sum(dout * lw.Einsum(equation).forward(other, y)), np.sum(dx * other), 1e-10)
    other = rng.normal(size=y.shape)
    same(np.sum(dout * lw.Einsum(equation).forward(x, other)), np.sum(dy * other), 1e-10)


def test_without_an_arrow_the_letters_that_come_once_are_the_output():
    x, y = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    same(lw.Einsum("zk,ka").forward(x, y), (x @ y).T)  # in alphabetical order
    same(lw.Einsum("...k,k").forward(x, y[:, 0]), x @ y[:, 0])
    assert lw.Einsum("k,k").forward(x[0], x[1]).shape == ()


def test_unknown_sizes_become_known_from_either_input():
    product = lw.Einsum("nk,km->nm")
    assert product.out_shape((None, 3), (None, 4)) == (None, 4)
    assert lw.Einsum("nd,nd->nd").out_shape((None, 3), (5, None)) == (5, 3)
    assert lw.Einsum("nd,nd->nd").out_shape((None, 3), (1, 1)) == (None, 3)
    with pytest.raises(lw.ShapeError, match="expects the size 3 along k, but y gives"):
        lw.Graph(product(lw.Input("x", shape=(None, 3)), lw.Input("y", shape=(4, None))))


def test_einsum_of_whole_numbers_has_gradients_that_are_not_cut():
    layer = lw.Einsum("i,i->")
    assert layer.forward(np.array([1, 2]), np.array([3, 4])) == 11
    dx, dy = layer.backward(0.5)
    assert dx.tolist() == [1.5, 2] and dy.tolist() == [0.5, 1]


# columns -----------------------------------------------------------------------------------------


@st.composite
def geometries(draw):
    kernel, dilation = each_axis(draw, 2, 1, 3), each_axis(draw, 2, 1, 2)
    image = tuple(d * (k - 1) + 1 + draw(st.integers(0, 3)) for k, d in zip(kernel, dilation))
    options = options_of(dilation=dilation, padding=each_axis(draw, 2, 0, 2),
                         stride=each_axis(draw, 2, 1, 3))  # fmt: skip
    batch = draw(st.sampled_from(["", "0 ", "2 "]))
    return kernel, image, options, batch


def unfold_and_fold(geometry):
    """Two rows of the table, one for each layer."""
    kernel, image, options, batch = geometry
    unfold = windows.columns((kernel,), None, [f"{batch}3 {image[0]} {image[1]}"], **options)
    rows, places = unfold.layer().out_shape((3, *image))
    return unfold, windows.columns((kernel,), image, [f"{batch}{rows} {places}"], **options)


@given(geometries())
def test_unfold_and_fold_are_the_definition_and_each_other_s_backward(geometry):
    unfold, fold = unfold_and_fold(geometry)
    (x,), (cols,) = unfold.inputs(), fold.inputs()
    copied, added = unfold.layer(), fold.layer()
    out, image = copied.forward(x), added.forward(cols)
    assert out.shape == cols.shape and image.shape == x.shape
    if x.size:
        same(out, unfold.definition(x))
        same(image, fold.definition(cols))
    same(copied.backward(cols), image)
    same(added.backward(x), out)


def test_a_convolution_is_unfold_and_a_product_of_matrices():
    conv = lw.Conv2d(2, 4, 3, stride=2, padding=1, bias=False, rng=0).astype("float64")
    x = np.random.default_rng(0).normal(size=(5, 2, 6, 7))
    wanted = conv.forward(x)
    cols = lw.Unfold(3, stride=2, padding=1).forward(x)  # (N, C K, P)
    same((conv.W.value.reshape(4, -1) @ cols).reshape(wanted.shape), wanted)


def test_columns_say_their_shapes_before_they_are_known():
    unfold, fold = lw.Unfold(2), lw.Fold((3, 4), 2)
    assert unfold.out_shape((None, 3, None, 5)) == (None, 12, None)
    assert unfold.out_shape((..., None)) == (..., None, None)
    assert fold.out_shape((None, 12, None)) == (None, 3, 3, 4)
    assert fold.out_shape((..., None)) == (..., None, 3, 4)
    with pytest.raises(lw.ShapeError, match=re.escape("expects inputs (N, C 4, 6) or (C 4, 6)")):
        fold.out_shape((..., 5))


# shuffles and sizes ------------------------------------------------------------------------------


def test_shuffles_say_their_shapes_before_they_are_known():
    assert lw.PixelShuffle(2).out_shape((None, 8, None, 3)) == (None, 2, None, 6)
    assert lw.PixelUnshuffle(2).out_shape((None, 2, None, 6)) == (None, 8, None, 3)
    assert lw.ChannelShuffle(2).out_shape((None, None, 3)) == (None, None, 3)
    assert lw.Unflatten(1, (2, -1)).out_shape((None, None)) == (None, 2, None)
    assert lw.Unflatten(-1, (2, 3)).out_shape((..., 6)) == (..., 2, 3)
    assert lw.Upsample(scale_factor=2).out_shape((None, 3, None, 5)) == (None, 3, None, 10)


def test_what_is_shuffled_back_is_as_it_was():
    x = np.random.default_rng(0).normal(size=(2, 12, 4, 6))
    assert np.array_equal(lw.PixelUnshuffle(2).forward(lw.PixelShuffle(2).forward(x)), x)
    assert np.array_equal(lw.ChannelShuffle(4).forward(lw.ChannelShuffle(3).forward(x)), x)


def test_the_heads_of_attention_are_an_unflattened_axis():
    net = lw.Sequential(lw.Affine(6, 8), lw.Unflatten(-1, (2, 4)), lw.Transpose(0, 2, 1, 3))
    assert net.forward(np.ones((5, 3, 6))).shape == (5, 2, 3, 4)
    assert net.backward().shape == (5, 3, 6)


# Upsample ----------------------------------------------------------------------------------------


@st.composite
def upsamples(draw):
    mode, dim = draw(st.sampled_from([("nearest", 1), ("nearest", 2), ("nearest", 3),
                                      ("linear", 1), ("bilinear", 2), ("trilinear", 3),
                                      ("bicubic", 2)]))  # fmt: skip
    image = each_axis(draw, dim, 1, 6)
    options = {"mode": mode}
    if draw(st.booleans()):
        options["size"] = each_axis(draw, dim, 1, 9)
    else:
        scales = st.sampled_from([1, 1.5, 2, 2.7, 3])
        options["scale_factor"] = tuple(draw(scales) for _ in range(dim))
    if mode != "nearest":
        options["align_corners"] = draw(st.booleans())
    return windows.upsample([f"2 3 {' '.join(map(str, image))}"], **options)


UPSAMPLES = [case for case in windows.ROWS if case.call.startswith("Upsample")]


@pytest.mark.parametrize("case", UPSAMPLES, ids=lambda case: case.call)
def test_an_even_image_stays_even(case):
    (x,), layer = case.inputs(), case.layer()
    out = layer.forward(np.full_like(x, 3.0))
    same(out, np.full_like(out, 3.0))  # the weights of each pixel make 1
    same(layer.backward(np.ones_like(out)).sum(), np.size(out))


def test_nearest_pixels_are_exact_for_every_pair_of_sizes():
    for n in range(1, 25):
        for m in range(1, 60):
            out = lw.Upsample(size=m).forward(np.arange(n, dtype=float)[None, None])
            assert out.ravel().tolist() == [i * n // m for i in range(m)]


def test_what_is_not_a_number_spreads_to_its_neighbours_alone():
    x = np.array([[[1.0, 2, np.nan, 4, 5, 6]]])
    nearest = lw.Upsample(scale_factor=2).forward(x)
    assert np.isnan(nearest).sum() == 2
    assert np.isnan(lw.Upsample(scale_factor=2, mode="linear").forward(x)).sum() == 4


def test_resized_whole_numbers_are_floats():
    out = lw.Upsample(scale_factor=2, mode="linear").forward(np.array([[[1, 2]]]))
    assert out.tolist() == [[[1, 1.25, 1.75, 2]]]


def test_sizes_of_numpy_show_as_numbers():
    three = np.int64(3)
    assert repr(lw.Upsample([three, 2])) == "Upsample(size=(3, 2))"
    assert repr(lw.Split([three, 1])) == "Split((3, 1))"
    assert repr(lw.Unflatten(1, [three, -1])) == "Unflatten(1, (3, -1))"


@pytest.mark.parametrize(
    ("layer", "x", "kind"),
    [
        (lw.Affine(2, 3), np.array([[1, 2]], object), "object"),
        (lw.Affine(2, 3), np.array([["a", "b"]]), "<U1"),
        (lw.Conv1d(1, 1, 1), np.array([[[1, 2]]], object), "object"),
    ],
)
def test_what_is_no_number_is_refused_by_hand_too(layer, x, kind):
    text = text_of(lw.LayerwiseError, lambda: layer.forward(x))
    assert text.endswith(f"{kind}, which are no numbers. Give x.astype(float).")
