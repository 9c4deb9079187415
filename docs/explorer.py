"""Take the pictures of the explorer for the documents: `make screenshots`.

They need the Chromium of the system, and MNIST in $LAYERWISE_DATA.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

import layerwise as lw
from layerwise.shop import PRICES, shop

FOLDER = Path(__file__).parent / "pictures"
CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SIZE = {"width": 1280, "height": 760}


def shop_page(path: Path) -> None:
    """The shop."""
    shop().explore(**PRICES, path=path, title="The shop")


def lenet_page(path: Path) -> None:
    """LeNet-5 with its loss, on 16 digits of MNIST, before it has learned."""
    (images, classes), _ = lw.data.mnist()
    x, t = lw.Input("image"), lw.Input("t")
    scores = lw.models.lenet5(seed=0)(x).named("lenet")
    net = lw.Graph(lw.SoftmaxCrossEntropy()(scores, t).named("loss"), [x, t])
    pixels = images[:16].reshape(-1, 1, 28, 28).astype(np.float32)
    net.explore(pixels, classes[:16], path=path, title="LeNet-5")


def training_page(path: Path) -> None:
    """A network that learns which arm of a spiral a point is on."""
    rng = np.random.default_rng(0)
    arm, radius = np.repeat([0, 1, 2], 100), np.tile(np.linspace(0.1, 1, 100), 3)
    angle = 2.1 * arm + 4 * radius + rng.normal(0, 0.12, 300)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32)
    net = lw.Sequential(
        lw.Affine(2, 32), lw.ReLU(), lw.Affine(32, 32), lw.ReLU(), lw.Affine(32, 3), seed=0
    )
    record = lw.Record(path, every=5, title="Three arms of a spiral")
    trainer = lw.Trainer(net, optimizer=lw.Adam(0.01), callbacks=[record], progress=False)
    trainer.fit((x, arm), epochs=60, batch_size=50, validation=(x[::3], arm[::3]))


SHOTS = {
    # what makes the page, the moment, and what of the panel is to be seen
    "explorer-shop": (shop_page, "#step=9", "h2"),
    "explorer-lenet": (lenet_page, "#step=26&pick=w2:0,3,12,14", ".element"),
    "explorer-training": (training_page, "#at=16", "h2"),
}


def taken(browser: Browser, page: Path, fragment: str, seen: str) -> bytes:
    """What one sees of a page, as a PNG of 256 colours."""
    tab = browser.new_page(viewport=SIZE, locale="en-US", reduced_motion="reduce")
    tab.goto(f"{page.as_uri()}{fragment}")
    tab.locator(f"#panel {seen}").evaluate(
        """(one) => {
          const panel = document.getElementById("panel");
          panel.scrollTop += one.getBoundingClientRect().top - panel.getBoundingClientRect().top;
          panel.scrollTop -= 60;
        }"""
    )
    tab.wait_for_timeout(800)  # until everything has arrived
    picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    tab.close()
    small = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        for name, (make, fragment, seen) in SHOTS.items():
            page = Path(folder) / f"{name}.html"
            make(page)
            (FOLDER / f"{name}.png").write_bytes(taken(browser, page, fragment, seen))
        browser.close()
