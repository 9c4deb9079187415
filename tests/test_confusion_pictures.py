"""Pictures of what a network gets wrong."""

import subprocess
import sys

import numpy as np
import pytest
from helpers import text_of

import layerwise as lw
from layerwise.io import state
from layerwise.metrics import ConfusionMatrix, MetricError
from layerwise.training.pictures import (
    as_pictures,
    cell_colours,
    plot_confusion,
    plot_misclassified,
)

RNG = np.random.default_rng(0)
COUNTS = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])


def written(ax):
    return [text.get_text() for text in ax.texts]


def luminance(colours):
    return colours @ (0.299, 0.587, 0.114)


# ---------------------------------------------------------------- confusion


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_confusion_matrix_is_drawn(tmp_path, ending):
    path = tmp_path / f"confusion.{ending}"
    ax = plot_confusion(COUNTS, path=path)
    assert path.stat().st_size > 3000
    assert ax.get_title(loc="left") == "17 of 20 right: 85.0 %"
    assert ax.get_xlabel() == "answer" and ax.get_ylabel() == "true class"
    assert written(ax) == ["8", "2", "1", "9", "80.0 %", "90.0 %", "no rows", "recall"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1", "2"]
    assert ax.figure.get_facecolor()[:3] == (1, 1, 1)


def test_the_matrix_of_the_metric_is_what_is_drawn(tmp_path):
    scores, t = np.eye(3)[[0, 1, 1, 2]], np.array([0, 1, 2, 2])
    weight = np.array([1.5, 1, 1, 1])
    matrix = ConfusionMatrix().of(scores, t, weight)
    ax = plot_confusion(matrix, names=["cat", "dog", "cow"], path=tmp_path / "c.png")
    assert written(ax)[:4] == ["1.5", "1", "1", "1"]
    assert ax.get_title(loc="left") == "3.5 of 4.5 right: 77.8 %"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog", "cow"]
    assert plot_confusion(np.zeros((2, 2)), path=tmp_path / "0.png").get_title(loc="left") == (
        "0 of 0 right"
    )


def test_right_is_blue_and_wrong_is_orange_and_both_differ_in_lightness():
    colours = cell_colours(np.array([[90.0, 10.0], [0.0, 50.0]]))
    red, _, blue = 0, 1, 2
    assert colours[0, 0, blue] > colours[0, 0, red] and colours[0, 1, red] > colours[0, 1, blue]
    empty = luminance(colours[1, 0])
    assert empty > 0.95 and luminance(colours[0, 0]) < 0.4 < luminance(colours[0, 1]) < 0.8
    rare = cell_colours(np.array([[999.0, 1.0], [0.0, 500.0]]))
    assert luminance(rare[0, 1]) > 0.85  # hardly a mistake


def test_many_classes_have_their_worst_mistakes_in_words(tmp_path):
    counts = np.diag(np.full(30, 90))
    counts[3, 7], counts[11, 2], counts[5, 6] = 100, 5, 5
    names = ["a name that is much too long for a picture", *[f"class {i}" for i in range(1, 30)]]
    ax = plot_confusion(counts, names, path=tmp_path / "many.png")
    (text,) = written(ax)
    assert text.splitlines() == [
        "most frequent mistakes",
        "",
        "100 ×  class 3 → class 7",
        "\u2007\u20075 ×  class 5 → class 6",
        "\u2007\u20075 ×  class 11 → class 2",
    ]
    assert ax.get_yticklabels()[0].get_text() == "a name that is much too lon…"
    assert len(ax.get_yticklabels()) == 30
    ax = plot_confusion(np.eye(100), path=tmp_path / "hundred.png")
    assert written(ax) == [] and len(ax.get_yticklabels()) == 20


def test_nothing_that_is_drawn_leaves_its_figure(tmp_path):
    """Long names, 2, 10 and 100 classes: every text lies on the page."""
    for classes in (2, 10, 100):
        names = [f"Ankle boot with laces {i}" for i in range(classes)]
        counts = np.diag(np.full(classes, 12345)) + RNG.poisson(0.5, (classes, classes))
        ax = plot_confusion(counts, names, path=tmp_path / "long.png")
        ax.figure.draw_without_rendering()
        page = ax.figure.bbox
        texts = [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), ax.title]
        for text in texts:
            box = text.get_window_extent()
            assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1, text
            assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1, text


def test_names_in_any_script_are_drawn_without_warnings(tmp_path):
    plot_confusion([[1, 2], [3, 4]], ["猫", "犬 $x$ ก"], path=tmp_path / "names.png")


def test_no_window_waits_for_a_picture_in_a_file(tmp_path):
    code = (
        "import sys; from layerwise.training.pictures import plot_confusion\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"plot_confusion([[1, 2], [3, 4]], path={str(tmp_path / 'c.png')!r})\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_without_a_path_it_is_a_figure_of_pyplot(monkeypatch):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    ax = plot_confusion([[1, 2], [3, 4]])
    assert pyplot.fignum_exists(ax.figure.number)
    pyplot.close(ax.figure)


@pytest.mark.parametrize(
    ("matrix", "names", "text"),
    [
        (
            np.ones((2, 3)),
            None,
            "plot_confusion expects counts, one row and one column for each of several classes "
            "(C, C), but got (2, 3) float64.",
        ),
        (
            -np.eye(2),
            None,
            "plot_confusion expects counts, one row and one column for each of several classes "
            "(C, C), but got (2, 2) float64.",
        ),
        (np.eye(3), ["cat", "dog"], "There are 3 classes, but 2 names. Give one for each."),
    ],
)
def test_plot_confusion_refuses_what_is_no_matrix(matrix, names, text):
    assert text_of(MetricError, lambda: plot_confusion(matrix, names)) == text


# ---------------------------------------------------------------- misclassified pictures


class Says(lw.Layer):
    """Gives the scores that stand in the first numbers of each picture."""

    def __init__(self, classes=3):
        self.classes = classes

    def forward(self, x):
        return x.reshape(len(x), -1)[:, : self.classes]

    def backward(self, dout):
        return dout


def some_pictures():
    x = RNG.random((6, 1, 4, 4))
    x[:, 0, 0, :3] = np.eye(3)[[0, 1, 2, 0, 1, 2]] * [[1], [2], [3], [4], [5], [6]]
    return x, np.array([0, 1, 0, 1, 1, 1])  # 2 is taken for 2 rather than 0, 3 for 0, 5 for 2


def shown(figure):
    return [[text.get_text() for text in ax.texts] for ax in figure.axes if ax.texts]


@pytest.mark.parametrize("form", [lambda t: t, lambda t: np.eye(3)[t]])
def test_the_surest_mistakes_come_first(tmp_path, form):
    x, t = some_pictures()
    path = tmp_path / "wrong.png"
    figure = plot_misclassified(lw.Sequential(Says()), x, form(t), path=path)
    assert path.stat().st_size > 3000
    sure = [100 / (1 + 2 * np.exp(-score)) for score in (6, 4, 3)]
    assert shown(figure) == [
        [f"said {said}, {part:.0f} %", f"is {true}"]
        for said, part, true in zip((2, 0, 2), sure, (1, 1, 0))
    ]
    assert figure.get_suptitle() == "3 of 6 wrong (50.0 %)"
    first = figure.axes[0].images[0].get_array()
    assert first.shape == (4, 4) and np.argmax(first) == 2  # its 6 is the largest number
    few = plot_misclassified(
        lw.Sequential(Says()), x, t, ["cat", "dog", "cow"], tmp_path / "few.png", count=1
    )
    assert shown(few)[0][1] == "is dog" and len(shown(few)) == 1
    assert few.get_suptitle() == "3 of 6 wrong (50.0 %): the 1 surest"


def test_one_score_probabilities_and_nan(tmp_path):
    x = np.array([0.9, 0.2, 0.6, np.nan])[:, None, None] * np.ones((4, 3, 3))
    net, t = lw.Sequential(Says(1)), np.array([0, 0, 0, 1])
    sure = plot_misclassified(net, x, t, path=tmp_path / "p.png", probabilities=True)
    assert shown(sure) == [
        ["said 1, 90 %", "is 0"],
        ["said 1, 60 %", "is 0"],
        ["no answer (NaN)", "is 1"],
    ]
    scores = plot_misclassified(net, x, t, path=tmp_path / "s.png")
    assert shown(scores)[0] == ["said 1, 71 %", "is 0"]  # sigmoid(0.9)
    assert scores.get_suptitle() == "4 of 4 wrong (100.0 %)"


def test_where_nothing_is_wrong_the_picture_says_so(tmp_path):
    x, _ = some_pictures()
    figure = plot_misclassified(
        lw.Sequential(Says()), x, np.array([0, 1, 2, 0, 1, 2]), path=tmp_path / "none.png"
    )
    said = ["0 of 6 wrong (0.0 %)", "Every picture got its class."]
    assert [text.get_text() for text in figure.texts] == said


def test_pictures_are_predicted_in_inference_and_nothing_is_changed(tmp_path):
    x, t = some_pictures()
    net = lw.Sequential(lw.Dropout(0.9), Says(), seed=0)
    before = state(net)
    figure = plot_misclassified(net, x, t, path=tmp_path / "wrong.png")
    assert len(shown(figure)) == 3 and state(net) == before


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((5, 1, 28, 20), (5, 28, 20)),
        ((5, 28, 20), (5, 28, 20)),
        ((5, 784), (5, 28, 28)),
        ((5, 64), (5, 8, 8)),
        ((5, 3, 32, 32), (5, 32, 32, 3)),
        ((5, 32, 30, 3), (5, 32, 30, 3)),
        ((5, 3072), (5, 32, 32, 3)),
    ],
)
def test_pictures_of_all_forms(shape, wanted):
    x = RNG.random(shape)
    pictures = as_pictures(x)
    assert pictures.shape == wanted
    plain = np.moveaxis(pictures, -1, 1) if shape in ((5, 3, 32, 32), (5, 3072)) else pictures
    np.testing.assert_allclose(plain.reshape(shape), x)  # from 0 to 1, as they were


def test_the_scale_of_pictures():
    bytes_ = np.array([[[0, 51], [102, 102]]], np.uint8)
    assert as_pictures(bytes_).ravel().tolist() == [0, 0.2, 0.4, 0.4]  # 255 is white
    normal = np.array([[[-1.0, 3.0], [1.0, np.nan]]])
    np.testing.assert_array_equal(as_pictures(normal).ravel(), [0, 1, 0.5, np.nan])
    assert as_pictures(np.full((1, 2, 2), 7.0)).ravel().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("x", "t", "text"),
    [
        (
            np.ones((4, 13)),
            np.zeros(4, int),
            "plot_misclassified expects pictures (N, 1, H, W), (N, H, W), (N, 3, H, W), (N, H, W, "
            "3), or rows (N, D) of square ones, but got (4, 13) float64.",
        ),
        (
            np.ones((4, 2, 5, 5)),
            np.zeros(4, int),
            "plot_misclassified expects pictures (N, 1, H, W), (N, H, W), (N, 3, H, W), (N, H, W, "
            "3), or rows (N, D) of square ones, but got (4, 2, 5, 5) float64.",
        ),
        (
            np.ones((0, 16)),
            np.zeros(0, int),
            "plot_misclassified got no pictures: x is empty.",
        ),
    ],
)
def test_plot_misclassified_refuses_what_is_no_picture(x, t, text):
    assert text_of(MetricError, lambda: plot_misclassified(lw.Sequential(Says()), x, t)) == text


def test_plot_misclassified_refuses_a_class_for_each_pixel():
    net = lw.Sequential(lw.Transpose(0, 2, 1))
    said = text_of(
        MetricError, lambda: plot_misclassified(net, np.ones((2, 4, 4)), np.zeros((2, 4), int))
    )
    assert said == (
        "plot_misclassified expects one class for each picture, but x is (2, 4, 4) float64 and "
        "the network gives (2, 4, 4)."
    )
