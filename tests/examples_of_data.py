"""Small files of data, as people have them, for tests of the commands."""

from pathlib import Path

import numpy as np

OWN = """
import layerwise as lw

class Cube(lw.Layer):
    def forward(self, x):
        self.x = x
        return x**3

    def backward(self, dout):
        return dout * 3 * self.x**2


def net(seed):
    return lw.Sequential(lw.Affine(64, 10), Cube(), lw.Affine(10, 10), seed=seed)
"""


def write_pets(path, count=200):
    """A table of classes, with a column of texts and one that is of no use."""
    rng = np.random.default_rng(0)
    lines = ["name,legs,weight,home,pet"]
    for i in range(count):
        kind = rng.integers(3)
        weight = [20, 4, 0.3][kind] * np.exp(rng.normal() * 0.3)
        home = ["house", "house", "cage"][kind] if rng.random() < 0.9 else "garden"
        pet = ["dog", "cat", "bird"][kind]
        lines.append(f"n{i},{[4, 4, 2][kind]},{weight:.2f},{home},{pet}")
    Path(path).write_text("\n".join(lines))


def write_houses(path, count=200):
    """A table of large numbers."""
    rng = np.random.default_rng(0)
    lines = ["area,rooms,age,price"]
    for _ in range(count):
        area, age = rng.uniform(30, 200), rng.integers(0, 80)
        price = 50_000 + 3000 * area - 800 * age + rng.normal() * 4000
        lines.append(f"{area:.1f},{int(area // 30) + rng.integers(1, 3)},{age},{price:.2f}")
    Path(path).write_text("\n".join(lines))


def write_images(folder, count=20):
    """Photographs of three kinds that are easily told, of another size than the network takes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    columns = np.arange(30) // 5 % 2  # (W,)
    for name, light in [("day", 200), ("night", 20), ("fence", 20 + 180 * columns[:, None])]:
        Path(folder, name).mkdir(parents=True)
        for i in range(count):
            image = light + rng.integers(0, 50, (24, 30, 3))
            Image.fromarray(image.astype("uint8")).save(Path(folder, name, f"{i}.png"))


def write_song(path):
    """A text that repeats itself."""
    Path(path).write_text("la la la, sang the lark; and all the dale was song again.\n" * 66)
