"""The rows of convolution, pooling, padding and columns, and of upsampling: images in another size.

Each is a call, its definition by loops, and PyTorch.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from layerwise.layers import loops

from .case import Case, negative, positive, real


def for_each_axis(dim, option):
    return (option,) * dim if isinstance(option, int) else option


def call_of(name, arguments, options):
    options = [f"{key}={value!r}" for key, value in options.items()]
    return f"{name}({', '.join([*map(repr, arguments), *options])})"


def torch_layer(call):
    """PyTorch's layer, made by the same call, with our parameters."""

    def function(torch, x, W=None, b=None):
        layer = eval(call, vars(torch.nn))
        given = {"weight": W, "bias": b} if b is not None else {} if W is None else {"weight": W}
        return torch.func.functional_call(layer, given, (x,))

    return function


def batched(dim, x, function):
    """One image is a batch of one, for the loops."""
    return function(x) if x.ndim == dim + 2 else function(x[None])[0]


def padded(x, pairs, mode="zeros", value=0):
    mode = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}.get(mode, mode)
    options = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + list(pairs), mode, **options)


def conv(dim, arguments, shapes, errors=(), **options):
    """A row for `Conv1d`, `Conv2d` or `Conv3d`."""
    stride, dilation = (for_each_axis(dim, options.get(n, 1)) for n in ("stride", "dilation"))

    def definition(x, W, b=None):
        b = np.zeros(len(W)) if b is None else b
        padding = options.get("padding", 0)
        if padding == "same":
            both = [d * (k - 1) for k, d in zip(W.shape[2:], dilation)]
            pairs = [(n // 2, n - n // 2) for n in both]
        else:
            pairs = [(n, n) for n in for_each_axis(dim, 0 if padding == "valid" else padding)]
        x = padded(x, pairs, options.get("padding_mode", "zeros"))
        groups = options.get("groups", 1)
        return batched(dim, x, lambda x: loops.conv(x, W, b, stride, dilation, groups))

    call = call_of(f"Conv{dim}d", arguments, options)
    return Case(call, shapes, definition, torch_layer(call), errors=errors)


def conv_transpose(dim, arguments, shapes, errors=(), **options):
    """A row for `ConvTranspose1d`, `ConvTranspose2d` or `ConvTranspose3d`."""
    names = {"stride": 1, "dilation": 1, "output_padding": 0}
    how = [for_each_axis(dim, options.get(name, default)) for name, default in names.items()]
    crop = for_each_axis(dim, options.get("padding", 0))

    def definition(x, W, b=None):
        groups = options.get("groups", 1)
        b = np.zeros(W.shape[1] * groups) if b is None else b
        out = batched(dim, x, lambda x: loops.conv_transpose(x, W, b, *how, groups))
        sizes = out.shape[out.ndim - dim :]
        return out[(..., *(slice(p, n - p) for p, n in zip(crop, sizes)))]

    call = call_of(f"ConvTranspose{dim}d", arguments, options)
    return Case(call, shapes, definition, torch_layer(call), errors=errors)


def pool(kind, dim, arguments, shapes, one, like=real, errors=(), **options):
    """A row for a pooling; `one` makes a number of a window; NaN there does not count."""
    kernel = for_each_axis(dim, arguments[-1])
    defaults = {"padding": 0, "stride": kernel, "dilation": 1}
    padding, stride, dilation = (
        for_each_axis(dim, options.get(name, default)) for name, default in defaults.items()
    )
    counts = kind == "AvgPool" and options.get("count_include_pad", True)

    def beyond(n, k, s, d, p):
        """What the last window needs behind the padding, if it starts before that."""
        free = n + 2 * p - d * (k - 1) - 1
        more = -free % s if options.get("ceil_mode") else 0
        return more if free + more < n + p else 0

    def definition(x):
        image = x.shape[x.ndim - dim :]
        more = [(0, beyond(*how)) for how in zip(image, kernel, stride, dilation, padding)]
        x = padded(x, [(n, n) for n in padding], value=0 if counts else np.nan)
        x = padded(x, more, value=np.nan)
        return batched(dim, x, lambda x: loops.pool(x, one, kernel, stride, dilation))

    call = call_of(f"{kind}{dim}d", arguments, options)
    return Case(call, shapes, definition, torch_layer(call), (like,), errors=errors)


def norm(p, full):
    """The p-norm of a window; one that reaches beyond the image is scaled to a full one."""
    return lambda window: (np.nanmean(np.power(window, p)) * full) ** (1 / p)


def adaptive(kind, size, shapes, errors=()):
    """A row for `AdaptiveAvgPool` or `AdaptiveMaxPool`."""
    one = {"Avg": np.mean, "Max": np.max}[kind]

    def definition(x):
        dim = len(size) if isinstance(size, tuple) else x.ndim - 2
        image = x.shape[x.ndim - dim :]
        sizes = [n if m is None else m for n, m in zip(image, for_each_axis(dim, size))]
        return batched(dim, x, lambda x: loops.adaptive_pool(x, one, sizes))

    def torch(torch, x):
        dim = len(size) if isinstance(size, tuple) else x.ndim - 2
        return getattr(torch.nn, f"Adaptive{kind}Pool{dim}d")(size)(x)

    return Case(f"Adaptive{kind}Pool({size!r})", shapes, definition, torch, errors=errors)


def pad(sizes, shapes, mode="constant", value=0, errors=()):
    """A row for `Pad`."""
    options = {k: v for k, v in (("mode", mode), ("value", value)) if v not in ("constant", 0)}

    def definition(x):
        pairs = list(zip(sizes[::2], sizes[1::2]))[::-1]
        for axis, both in enumerate(pairs, start=x.ndim - len(pairs)):
            cut = slice(max(0, -both[0]), x.shape[axis] - max(0, -both[1]))
            x = x[(slice(None),) * axis + (cut,)]
        return padded(x, [(max(0, a), max(0, b)) for a, b in pairs], mode, value)

    def torch(torch, x):
        return torch.nn.functional.pad(x, sizes, mode, value if mode == "constant" else None)

    return Case(call_of("Pad", [sizes], options), shapes, definition, torch,
                fills=mode == "constant", errors=errors)  # fmt: skip


def whole_image(name, numpy, torch, **options):
    """A row for `GlobalAvgPool` or `GlobalMaxPool`."""
    return Case(
        call_of(name, [], options),
        ["N C H W", "N C H", "N C H W D"],
        lambda x: numpy(x, axis=tuple(range(2, x.ndim)), **options),
        lambda _, x: torch(x, tuple(range(2, x.ndim)), **options),
        errors=(("3 4", f"{call_of(name, [], options)} expects inputs (N, C, image, ...), "
                        "but got (3, 4)."),),
    )  # fmt: skip


def columns(arguments, image, shapes, errors=(), **options):
    """A row for `Unfold`, or, where the image is given, for `Fold`."""
    kernel = for_each_axis(2, arguments[-1])
    stride, dilation = (for_each_axis(2, options.get(n, 1)) for n in ("stride", "dilation"))
    pairs = [(n, n) for n in for_each_axis(2, options.get("padding", 0))]

    def pixels(x):
        """For each place of the window the pixels under it, all channels of one together."""
        all_places = np.ndindex(*loops.places(x.shape[-2:], kernel, stride, dilation))
        return [loops.window(place, kernel, stride, dilation) for place in all_places]

    def unfold(x):
        x = padded(x, pairs)
        cols = [[image[..., i, j] for image in np.moveaxis(x, -3, 0) for i, j in window]
                for window in pixels(x)]  # fmt: skip
        return np.moveaxis(np.array(cols), (0, 1), (-1, -2))

    def fold(x):
        channels = x.shape[-2] // np.prod(kernel)
        out = padded(np.zeros((*x.shape[:-2], channels, *for_each_axis(2, image))), pairs)
        for p, window in enumerate(pixels(out)):
            for c, (k, (i, j)) in itertools.product(range(channels), enumerate(window)):
                out[..., c, i, j] += x[..., c * len(window) + k, p]
        height, width = (slice(before, n - after) for (before, after), n
                         in zip(pairs, out.shape[-2:]))  # fmt: skip
        return out[..., height, width]

    name, function = ("Unfold", unfold) if image is None else ("Fold", fold)
    arguments = arguments if image is None else (image, *arguments)
    call = call_of(name, arguments, options)
    fills = image is not None or "padding" in options  # what is padded or not covered is 0
    return Case(call, shapes, function, torch_layer(call), fills=fills, errors=errors)


def cubic(t):
    t = abs(t)
    return np.where(t <= 1, 1.25 * t**3 - 2.25 * t**2 + 1,
                    np.where(t < 2, -0.75 * (t**3 - 5 * t**2 + 8 * t - 4), 0))  # fmt: skip


def upsample(shapes, errors=(), **options):
    """A row for `Upsample`."""
    given = options.get("size", options.get("scale_factor"))

    def along(row, new):
        """One row of pixels in another size: each is a sum over all, by their distances."""
        n = len(row)
        m, scale = (new, new / n) if "size" in options else (math.floor(n * new), new)
        out = []
        for i in range(m):
            if options["mode"] == "nearest":
                exact = Fraction(m, n) if "size" in options else Fraction(scale)
                out.append(row[min(math.floor(i / exact), n - 1)])
                continue
            at = i * (n - 1) / max(m - 1, 1) if options.get("align_corners") else (
                (i + 0.5) / scale - 0.5)  # fmt: skip
            if options["mode"] != "bicubic":
                out.append(np.interp(at, range(n), row))
                continue
            first = math.floor(at)
            around = range(first - 1, first + 3)
            out.append(sum(cubic(at - k) * row[min(max(k, 0), n - 1)] for k in around))
        return np.array(out)

    def definition(x):
        news = given if isinstance(given, tuple) else (given,) * (x.ndim - 2)
        for axis, new in enumerate(news, start=2):
            x = np.apply_along_axis(along, axis, x, new) if x.size else x
        return x

    shown = {k: v for k, v in options.items() if v != "nearest"}
    call = call_of("Upsample", [], shown)
    return Case(call, shapes, definition, torch_layer(call), errors=errors, empty=False)


CONVOLUTIONS = [
    conv(1, (2, 3, 3), ["N 2 H+2", "2 H+2"]),
    conv(1, (2, 4, 2), ["N 2 H+3"], stride=2, padding=2, dilation=3, groups=2, bias=False),
    conv(1, (2, 2, 4), ["N 2 H+1", "2 H+1"], padding="same", dilation=2),
    conv(2, (2, 3, (3, 2)), ["N 2 H+2 W+2", "2 H+2 W+2"],
         (("3 2 2 4", "Conv2d(2, 3, (3, 2)) expects images that its kernel fits into, but got "
                      "(3, 2, 2, 4). The image (2, 4) with the padding (0, 0) has (2, 4); the "
                      "kernel (3, 2) with the dilation (1, 1) spans (3, 2); the stride is (1, 1). "
                      "Take a smaller kernel or more padding."),
          ("3 5 4 4", "Conv2d(2, 3, (3, 2)) expects inputs (N, 2, H, W) or (2, H, W), but got "
                      "(3, 5, 4, 4)."),
          ("3 18", "Conv2d(2, 3, (3, 2)) expects inputs (N, 2, H, W) or (2, H, W), but got "
                   "(3, 18)."))),
    conv(2, (4, 8, 3), ["N 4 H+2 W+2"], stride=(2, 1), padding=(1, 0), groups=4),  # depthwise
    conv(2, (1, 2, 3), ["N 1 H+3 W+3", "1 H+3 W+3"], padding=2, padding_mode="reflect",
         errors=(("1 2 3", "Conv2d(1, 2, 3, padding=2, padding_mode='reflect') expects at least "
                           "(3, 3) elements to copy from, for 'reflect', but got (1, 2, 3)."),)),
    conv(2, (1, 2, 2), ["N 1 H+1 W+1"], padding=(2, 1), bias=False, padding_mode="replicate"),
    conv(2, (2, 2, 3), ["N 2 H+1 W+1"], stride=2, padding=1, padding_mode="circular"),
    conv(2, (1, 1, (2, 1)), ["N 1 H+1 W"], padding="valid"),
    conv(3, (2, 2, 2), ["N 2 H+2 W+2 B", "2 H+2 W+2 B+1"], stride=(1, 2, 1), padding=(0, 0, 1),
         dilation=(2, 1, 1)),
    conv_transpose(1, (2, 3, 3), ["N 2 H", "2 H"]),
    conv_transpose(2, (2, 3, (3, 2)), ["N 2 H W", "2 H W"],
                   errors=(("3 4", "ConvTranspose2d(2, 3, (3, 2)) expects inputs (N, 2, H, W) or "
                                   "(2, H, W), but got (3, 4)."),)),
    conv_transpose(2, (4, 2, 3), ["N 4 H W"], stride=2, padding=1, output_padding=1, groups=2,
                   bias=False),
    conv_transpose(2, (1, 2, 3), ["N 1 H+3 W+1"], stride=(1, 2), padding=2, dilation=(2, 1),
                   errors=(("1 2 1", "ConvTranspose2d(1, 2, 3, stride=(1, 2), padding=2, "
                                     "dilation=(2, 1)) expects images of which its padding leaves "
                                     "something, but got (1, 2, 1). The image (2, -1) with the "
                                     "padding (2, 2) has (6, 3); the kernel (3, 3) with the "
                                     "dilation (2, 1) spans (5, 3); the stride is (1, 2). "
                                     "Take less padding."),)),
    conv_transpose(3, (1, 2, 2), ["N 1 H W B", "1 H W B"], stride=(1, 2, 1)),
]  # fmt: skip
POOLINGS = [
    pool("MaxPool", 1, (2,), ["N C H+1", "C H+1"], np.nanmax),
    pool("MaxPool", 2, (2,), ["N C H+1 W+1", "C H+1 W+1"], np.nanmax,
         errors=(("3 4 1 5", "MaxPool2d(2) expects images that its kernel fits into, but got "
                             "(3, 4, 1, 5). The image (1, 5) with the padding (0, 0) has (1, 5); "
                             "the kernel (2, 2) with the dilation (1, 1) spans (2, 2); the stride "
                             "is (2, 2). Take a smaller kernel or more padding."),
                 ("3 4", "MaxPool2d(2) expects inputs (N, C, H, W) or (C, H, W), "
                         "but got (3, 4)."))),
    pool("MaxPool", 2, (3,), ["N C H W"], np.nanmax, like=negative, stride=2, padding=1),
    pool("MaxPool", 2, ((2, 3),), ["N C H+1 W+4"], np.nanmax, stride=1, dilation=(1, 2)),
    pool("MaxPool", 2, (3,), ["N C H+1 W+1"], np.nanmax, like=negative, stride=2, padding=1,
         ceil_mode=True),
    pool("MaxPool", 3, ((1, 2, 2),), ["N C H W+1 D+1", "C H W+1 D+1"], np.nanmax,
         stride=(2, 1, 2)),
    pool("AvgPool", 1, (2,), ["N C H+1", "C H+1"], np.nanmean),
    pool("AvgPool", 2, ((2, 3),), ["N C H+1 W+2", "C H+1 W+2"], np.nanmean, stride=1),
    pool("AvgPool", 2, (3,), ["N C H+1 W+1"], np.nanmean, stride=2, padding=1),
    pool("AvgPool", 2, (3,), ["N C H+1 W+1"], np.nanmean, stride=2, padding=1,
         ceil_mode=True),
    pool("AvgPool", 2, (3,), ["N C H+1 W+1"], np.nanmean, stride=2, padding=1, ceil_mode=True,
         count_include_pad=False),
    pool("AvgPool", 2, (2,), ["N C H+1 W+1"], lambda window: np.sum(window) / 3,
         divisor_override=3),
    pool("AvgPool", 3, (2,), ["N C H+1 W+1 B+1", "C H+1 W+1 B+1"], np.nanmean, stride=(1, 1, 2),
         padding=(0, 0, 1), count_include_pad=False),
    pool("LPPool", 1, (2, 3), ["N C H+2", "C H+2"], norm(2, 3), stride=1),
    pool("LPPool", 2, (2, (2, 1)), ["N C H+1 W", "C H+1 W"], norm(2, 2)),
    pool("LPPool", 2, (3, 2), ["N C H+1 W+1"], norm(3, 4), like=positive, ceil_mode=True),
    pool("LPPool", 3, (1, (1, 2, 1)), ["N C H W+1 B"], norm(1, 2)),
    adaptive("Avg", 2, ["N C H W", "N C H", "N C H W B"],
             errors=(("3 4", "AdaptiveAvgPool(2) expects inputs (N, C, image, ...), "
                             "but got (3, 4)."),)),
    adaptive("Avg", (3, None), ["N C H+2 W", "C H W"],
             errors=(("3 4", "AdaptiveAvgPool((3, None)) expects inputs (N, C, image, image) or "
                             "(C, image, image), but got (3, 4)."),)),
    adaptive("Max", 2, ["N C H W", "N C H", "N C H W B"]),
    adaptive("Max", (2, 3), ["N C H+1 W+3", "C H W"]),
    whole_image("GlobalAvgPool", np.mean, lambda x, *how, **options: x.mean(*how, **options)),
    whole_image("GlobalAvgPool", np.mean, lambda x, *how, **options: x.mean(*how, **options),
                keepdims=True),
    whole_image("GlobalMaxPool", np.max, lambda x, *how, **options: x.amax(*how, **options)),
    whole_image("GlobalMaxPool", np.max, lambda x, *how, **options: x.amax(*how, **options),
                keepdims=True),
    pad((1, 2), ["N D", "D", "N C H W"],
        errors=(("", "Pad((1, 2)) expects inputs with an axis -1, but got a single number."),)),
    pad((1, -1, 0, 2), ["N C H+1 W+1", "N D+1"], value=0.5,
        errors=(("5", "Pad((1, -1, 0, 2), value=0.5) expects inputs with an axis -2, "
                      "but got (5,)."),)),
    pad((1, -2), ["N D+2"],
        errors=(("3 0", "Pad((1, -2)) expects at least as many elements as it crops, "
                        "but got (3, 0)."),)),
    pad((1, 2, 2, 0), ["N C H+3 W+3", "C H+3 W+3"], mode="reflect",
        errors=(("3 3 2", "Pad((1, 2, 2, 0), mode='reflect') expects at least (3, 3) elements to "
                          "copy from, for 'reflect', but got (3, 3, 2)."),)),
    pad((3, 1), ["N C H", "C H"], mode="replicate"),
    pad((1, 2, 2, 0), ["N C H+2 W+2", "C H+2 W+2"], mode="circular",
        errors=(("1 1 2", "Pad((1, 2, 2, 0), mode='circular') expects at least (2, 2) elements "
                          "to copy from, for 'circular', but got (1, 1, 2)."),)),
]  # fmt: skip

COLUMNS = [
    columns((2,), None, ["N C H+1 W+1", "C H+1 W+1"],
            errors=(("1 1 3", "Unfold(2) expects images that its kernel fits into, but got "
                              "(1, 1, 3). The image (1, 3) with the padding (0, 0) has (1, 3); "
                              "the kernel (2, 2) with the dilation (1, 1) spans (2, 2); the "
                              "stride is (1, 1). Take a smaller kernel or more padding."),
                    ("4 4", "Unfold(2) expects inputs (N, C, H, W) or (C, H, W), "
                            "but got (4, 4)."))),
    columns(((2, 3),), None, ["N C H+2 W+1"], dilation=(2, 1), padding=(0, 1), stride=(1, 2)),
    columns((2,), (3, 2), ["N 8 2", "4 2"],
            errors=(("8 3", "Fold((3, 2), 2) expects inputs (N, C 4, 2) or (C 4, 2), "
                            "but got (8, 3)."),
                    ("3 7 2", "Fold((3, 2), 2) expects inputs (N, C 4, 2) or (C 4, 2), "
                              "but got (3, 7, 2)."))),
    columns(((2, 3),), 4, ["N 12 4", "6 4"], dilation=(2, 1)),
    columns((3,), (5, 4), ["N 9 2"], stride=2),
]  # fmt: skip
UPSAMPLINGS = [
    upsample(["N C H", "N C H W", "N C H W B"], scale_factor=2, mode="nearest",
             errors=(("3 4", "Upsample(scale_factor=2) expects inputs (N, C, image, ...), "
                             "but got (3, 4)."),)),
    upsample(["N C H W"], size=(3, 7), mode="nearest",
             errors=(("3 4 5", "Upsample(size=(3, 7)) expects inputs (N, C, image, image), "
                               "but got (3, 4, 5)."),)),
    upsample(["N C H+2 W+2"], scale_factor=(0.5, 1.5), mode="nearest"),
    upsample(["N C H"], scale_factor=2.5, mode="linear"),
    upsample(["N C H"], size=4, mode="linear", align_corners=True),
    upsample(["N C H W"], scale_factor=2, mode="bilinear",
             errors=(("3 4 5", "Upsample(scale_factor=2, mode='bilinear') expects inputs "
                               "(N, C, image, image), but got (3, 4, 5)."),)),
    upsample(["N C H W"], size=(5, 3), mode="bilinear", align_corners=True),
    upsample(["N C H+2 W+2"], scale_factor=0.5, mode="bilinear",
             errors=(("3 4 1 2", "Upsample(scale_factor=0.5, mode='bilinear') expects images of "
                                 "which something is left, but got (3, 4, 1, 2)."),)),
    upsample(["N C H W"], size=(1, 4), mode="bilinear", align_corners=True),
    upsample(["N C H W B"], scale_factor=(2, 1.5, 1), mode="trilinear"),
    upsample(["N C H W"], scale_factor=2, mode="bicubic"),
    upsample(["N C H W"], size=(5, 2), mode="bicubic", align_corners=True),
]  # fmt: skip


ROWS = [*CONVOLUTIONS, *POOLINGS, *COLUMNS, *UPSAMPLINGS]
