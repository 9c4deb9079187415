"""What the tests of the explorer share: graphs to explore, and a browser to look at their pages."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import layerwise as lw
from layerwise.shop import PRICES, shop

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "<img src=x onerror=alert(1)></script><b>&amp;\"'"


# graphs ------------------------------------------------------------------------------------------


def shop_case():
    return shop(), (), dict(PRICES)


def two_layers():
    x, t = lw.Input("x", shape=(None, 64)), lw.Input("t")
    h = lw.ReLU()(lw.Affine(64, 50)(x))
    net = lw.Graph(lw.SoftmaxCrossEntropy()(lw.Affine(50, 10)(h), t).named("loss"), [x, t], seed=0)
    (images, classes), _ = lw.data.digits()
    return net, (images[:32], classes[:32]), {}


def lenet():
    x, t = lw.Input("image"), lw.Input("t")
    scores = lw.models.lenet5(seed=0)(x).named("lenet")
    net = lw.Graph(lw.SoftmaxCrossEntropy()(scores, t).named("loss"), [x, t])
    images = np.random.default_rng(1).normal(size=(16, 1, 28, 28)).astype(np.float32)
    return net, (images, np.arange(16) % 10), {}


def gpt():
    x, t = lw.Input("x"), lw.Input("next")
    net = lw.models.gpt(20, block_size=8, n_layer=2, n_head=2, n_embd=8, seed=0)
    graph = lw.Graph(lw.SoftmaxCrossEntropy()(net(x).named("gpt"), t).named("loss"), [x, t])
    text = np.random.default_rng(2).integers(0, 20, (2, 7))
    return graph, (text[:, :-1], text[:, 1:]), {}


class Picky(lw.Layer):
    """y = x, for numbers up to 1."""

    def forward(self, x):
        if np.max(x) > 1:
            raise ValueError(f"{np.max(x):.3g} is too much <b>for me</b>")
        return x

    def backward(self, dout):
        return dout


def failing():
    x = lw.Input("x")
    h = Picky()(lw.ReLU()(lw.Affine(4, 6)(x)))
    graph = lw.Graph(lw.Affine(6, 2)(h).named("y"), seed=0)
    return graph, (9 * np.ones((5, 4), np.float32),), {}


def hostile():
    x, y = lw.Input(HOSTILE), lw.Input("NaN & 'co'")
    product = (x * y).named("</script><script>alert(1)</script>")
    return lw.Graph([product, lw.Exp()(x).named("a\nb\0c")]), (1e300, float("nan")), {}


def odd_arrays():
    x, empty = lw.Input("x"), lw.Input("empty")
    odd = np.array([[np.nan, np.inf, -np.inf], [1e300, 0.0, -1e300]])
    return (
        lw.Graph([(x * 2.0).named("y"), lw.ReLU()(empty).named("z")]),
        (odd, np.zeros((0, 3))),
        {},
    )


def fan_out():
    x = lw.Input("x")
    h = lw.Tanh()(lw.Affine(3, 3)(x))
    b = (h * x + h).named("b")
    given = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
    return lw.Graph((b * b).sum().named("s"), seed=0), (given,), {}


def several_outputs():
    x = lw.Input("x")
    h, last, cell = lw.LSTM(4, 3, batch_first=True)(lw.Embedding(9, 4)(x))
    net = lw.Graph([(h * 2.0).named("y"), last.named("state"), cell.sum().named("sum")], seed=0)
    return net, (np.arange(10).reshape(2, 5) % 9,), {}


def of_all_kinds():
    """Constants, parameters, broadcasting, indices, comparisons of shapes, an input as output."""
    x, y = lw.Input("x"), lw.Input("y")
    scale = lw.Parameter(np.array([1.0, 2.0, 3.0]))
    h = (x * lw.apply(lw.Exp(), scale) + np.array([[0.5], [1.5]])) @ np.ones((3, 2))
    part = lw.Concat(1)(h[:, :1], lw.Softmax()(h), y.reshape(2, 1))
    return (
        lw.Graph([part.mean(axis=0).named("m"), x, (y / 3).named("q")]),
        (np.ones((2, 3)), np.array([1.0, 2.0])),
        {},
    )


def tiny_resnet():
    images = np.random.default_rng(5).normal(size=(2, 3, 8, 8)).astype(np.float32)
    return lw.models.resnet(8, width=4, seed=0), (images,), {}


def explored(case, path=None, **options):
    """The page of a case, and its graph after the same run; of a function without options, once."""
    if callable(case) and path is None and not options:
        return _explored_once(case)
    graph, args, named = case() if callable(case) else case
    if named:
        args = tuple(named[seat.name] for seat in graph.inputs)
    page = graph.explore(*args, path=path, **options)
    with np.errstate(all="ignore"), contextlib.suppress(lw.LayerError):
        graph.forward(*args)
        graph.backward()
    return page, graph


@functools.cache
def _explored_once(case):
    return explored(case())


# the browser -------------------------------------------------------------------------------------


def why_no_browser():
    """Why there is no browser to test with; empty: there is one."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed: pip install --group test"
    return "" if CHROMIUM.exists() else f"there is no {CHROMIUM}: apt-get install chromium"


@contextlib.contextmanager
def a_browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


class Reader:
    """A person at a page: opens it, presses keys, reads. Notes whatever the page should not do."""

    def __init__(self, browser, tmp_path):
        self.browser, self.folder = browser, tmp_path
        self.faults: list[str] = []
        self.contexts = []

    def open(self, text, fragment="", name="page.html", **options):
        path = self.folder / name
        path.write_text(text, "utf-8")
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | options
        context = self.browser.new_context(**settings)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: self.faults.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.note_request(request.url))
        page.goto(f"{path.as_uri()}{fragment}")
        page.wait_for_selector("#panel *")
        return page

    def note_request(self, url):
        if not url.startswith((self.folder.as_uri(), "data:", "blob:", "about:")):
            self.faults.append(f"request: {url}")

    def close(self):
        for context in self.contexts:
            context.close()
        assert self.faults == []


def labels(page):
    """The texts beside the arrows: {"apple": ("100", "2.2")}, empty where nothing is computed."""
    return page.evaluate(script("labels"))


def script(name):
    """A function that runs in the page."""
    return (Path(__file__).parent / "explore_page" / f"{name}.js").read_text("utf-8")


def axe_faults(page, **options):
    """What axe-core finds wrong in a page: the rule, and the element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [(one["id"], node["html"][:200]) for one in found["violations"] for node in one["nodes"]]


needs_axe = pytest.mark.skipif(
    importlib.util.find_spec("axe_playwright_python") is None,
    reason="axe-playwright-python is not installed: pip install --group test",
)
needs_browser = pytest.mark.skipif(
    bool(why_no_browser()), reason=why_no_browser() or "there is one"
)
