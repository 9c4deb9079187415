"""Connectionist temporal classification: learning sequences of which nobody knows what stands when.

A network hears T frames of sound and gives, for each of them, probabilities of C letters. The text
is known, say "cat", but not which frame belongs to which letter. So every way of saying it counts.

A path gives each frame a letter, or the blank "-": for T = 6 "c-aatt", "-ca--t", "ccca-t", ...
To read a path, take what follows itself as one, and then leave out the blanks: all of these read
"cat". A double letter needs a blank in between, "to-o"; "toooo" reads "to".

    the probability of a path = the product of those of its letters, frame by frame
    the probability of the text = the sum over all paths that read it
    the loss = -ln of that

There are far too many paths to add them one by one. But they all walk along the same few states,
the text with blanks around every letter:

    s     0   1   2   3   4   5   6
          -   c   -   a   -   t   -

From one frame to the next, a path stays in its state, or goes on to the next one, or skips a blank
between two letters that differ. It begins in state 0 or 1 and ends in one of the last two. So many
paths meet in each state, and may be added up there:

    alpha[t, s]   the sum over all beginnings, t frames long, that end in state s
    beta[t, s]    the sum over all endings, from frame t to the last one, that go on from state s

    alpha[t+1, s] = y[t, s] (alpha[t, s] + alpha[t, s-1] + alpha[t, s-2])
    beta[t, s] = y[t, s] beta[t+1, s] + y[t, s+1] beta[t+1, s+1] + y[t, s+2] beta[t+1, s+2]

where y[t, s] is the probability that the network gives to the letter of state s at frame t, and the
last term is there only if the blank between s and the state two away may be skipped. Before the
first frame every path is in state 0: from there it goes to 0 or 1, as it has to. Then

    alpha[t+1, s] beta[t+1, s] / (the probability of the text)

is the part of all paths, weighted by their probabilities, that are in state s at frame t. Summed
over the states of one letter, that is by how much the loss falls when the logarithm of that
letter's probability at that frame grows: it is the gradient, but for the sign.

All of this is done in logarithms, since products of many probabilities become 0. There a product is
a sum, and a sum is logaddexp.
"""

import numpy as np

from ..errors import ShapeError, show_shape
from .activation import floats
from .arithmetic import unbroadcast
from .loss import Loss
from .sizes import fit


class CTC(Loss):
    """-ln of the probability of a text, summed over all ways of spreading it over the frames.

    backward   d log_probs[t, n, c] = -dout (the part of the paths that have letter c at frame t)
               for the mean divided by N and the length of the text
    shapes     log_probs (T, N, C) logarithms of probabilities, targets (N, S) numbers of letters,
               input_lengths (N,), target_lengths (N,); or one text: (T, C), (S,) and two numbers;
               or targets in one row, (sum of target_lengths,), one behind the other
    blank      the number of the blank
    reduction  "mean" over the texts of the loss by the length of the text (1 at least), "sum", or
               "none": one loss for each text
    zero_infinity   a text too long for its frames has the probability 0. True: it counts as a loss
               of 0, with the gradient 0; False: the loss is inf, and its gradient NaN
    errors     ShapeError if the shapes do not fit; ValueError if a length or the number of a letter
               is out of range, or not a whole number, or a letter is the blank
    source     Graves et al., Connectionist temporal classification, 2006

    LogSoftmax(-1) goes in front of it. What lies behind the lengths does not count.

    >>> ctc = CTC()
    >>> y = np.array([[[0.5, 0.5]], [[0.25, 0.75]]])  # blank, a: the paths aa, a-, -a read "a"
    >>> np.exp(-ctc.forward(np.log(y), np.array([[1]]), np.array([2]), np.array([1]))).round(12)
    np.float64(0.875)
    >>> ctc.backward()[0][:, 0].round(6)  # of the paths, 3/7 begin with the blank, 1/7 end with it
    array([[-0.428571, -0.571429],
           [-0.142857, -0.857143]])
    """

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        if blank < 0:
            raise ValueError(f"CTC(blank={blank}): give the number of the blank, from 0 up.")
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity
        self.log_probs = self.losses = None  # saved by forward for backward, with these:
        self.scale = None  # (N,): what the mean multiplies each loss by, before it is taken
        self.letters = None  # (N, 2S+1): the letter of each state
        self.parts = None  # (T, N, 2S+1): the part of the paths in each state

    def out_shape(self, log_probs, targets, input_lengths, target_lengths):
        if ... in log_probs:
            return self.reduced((..., None))
        if len(log_probs) not in (2, 3):
            raise ShapeError(self, "logarithms of shape (T, N, C) or (T, C)", log_probs)
        if log_probs[-1] is not None and self.blank >= log_probs[-1]:
            wanted = f"probabilities of {self.blank + 1} letters at least, the blank among them"
            raise ShapeError(self, wanted, log_probs)
        rows = log_probs[1:-1]  # (N,), or () of one text
        if ... not in targets and len(targets) not in (1, len(rows) + 1):
            raise ShapeError(self, f"letters of shape {show_shape((*rows, 'S'))}", targets, which=1)
        if len(targets) == 2 and not fit(targets[:1], rows):
            raise ShapeError(self, f"letters for {rows[0]} texts", targets, which=1)
        for which, lengths in ((2, input_lengths), (3, target_lengths)):
            if not fit(lengths, rows):
                wanted = (
                    f"lengths of shape {show_shape(rows)}" if rows else "the length of one text"
                )
                raise ShapeError(self, wanted, lengths, which=which)
        return self.reduced(rows)

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        given = [np.asarray(one) for one in (targets, input_lengths, target_lengths)]
        self.log_probs = log_probs = floats(log_probs)
        self.out_shape(log_probs.shape, *[one.shape for one in given])
        texts, frames, lengths = self.checked(*given)  # (N, S), (N,), (N,)
        (N, S), T = texts.shape, len(log_probs)

        # 1. the states: the text with blanks around every letter
        self.letters = np.full((N, 2 * S + 1), self.blank)
        self.letters[:, 1::2] = texts
        may_skip = self.letters != self.blank  # whether the blank before it may be left out
        may_skip[:, 2:] &= self.letters[:, 2:] != self.letters[:, :-2]
        may_skip[:, :2] = False
        end = 2 * lengths[:, None] - np.arange(2 * S + 1)
        log_end = np.where((end == 0) | (end == 1), 0, -np.inf)  # the last two states

        # 2. ln y of each state at each frame; behind its length no text goes on
        log_y = log_probs.reshape(T, N, log_probs.shape[-1]).astype(float)
        log_y = np.take_along_axis(log_y, self.letters[None], axis=2)  # (T, N, 2S+1)
        log_y[np.arange(T)[:, None] >= frames] = -np.inf

        with np.errstate(invalid="ignore"):  # NaN stays NaN, as does the slope of what cannot be
            # 3. the sums over all beginnings and over all endings
            alpha = beginnings(log_y, may_skip)  # (T+1, N, 2S+1)
            beta = endings(log_y, may_skip, log_end, frames)

            # 4. their products: the probability of the text, and of the paths in each state
            total = np.logaddexp.reduce(alpha[frames, np.arange(N)] + log_end, axis=1)  # (N,)
            self.parts = np.exp(alpha[1:] + beta[1:] - total[:, None])
        impossible = self.zero_infinity & (total == -np.inf)
        self.parts[:, impossible] = 0

        # 5. the mean is one of losses by letter
        self.scale = 1 / np.maximum(lengths, 1) if self.reduction == "mean" else np.ones(N)
        losses = np.where(impossible, 0, -total) * self.scale
        self.losses = losses.reshape(log_probs.shape[1:-1]).astype(log_probs.dtype)
        return self.reduce(self.losses)

    def backward(self, dout=1):
        d = np.ravel(self.share(dout, self.losses)) * self.scale  # (N,)
        N, states = self.letters.shape
        dx = np.zeros((len(self.log_probs), N, self.log_probs.shape[-1]))  # (T, N, C)
        for s in range(states):
            dx[:, np.arange(N), self.letters[:, s]] -= d * self.parts[:, :, s]
        return unbroadcast(dx.reshape(self.log_probs.shape), self.log_probs), None, None, None

    def checked(self, texts, frames, lengths):
        """The letters as rows (N, S) with blanks behind the ends, and both lengths as (N,)."""
        named = {"letters": texts, "input_lengths": frames, "target_lengths": lengths}
        for name, one in named.items():
            if one.dtype.kind not in "iu":
                raise ValueError(f"{self!r} expects whole numbers as {name}, but got {one.dtype}.")
        in_a_row = texts.ndim == 1 and lengths.ndim == 1  # one text behind the other
        frames, lengths = np.atleast_1d(frames).astype(int), np.atleast_1d(lengths).astype(int)
        longest = max(lengths, default=0) if in_a_row else texts.shape[-1]
        self.check_range("input_lengths", frames, len(self.log_probs))
        self.check_range("target_lengths", lengths, longest)
        if in_a_row and sum(lengths) != len(texts):
            wanted = f"letters for target_lengths that add up to {sum(lengths)}"
            hint = "In one row, there must be one behind the other, and nothing between them."
            raise ShapeError(self, wanted, texts.shape, hint, which=1)
        inside = np.arange(longest) < lengths[:, None]  # (N, S)
        rows = np.full(inside.shape, self.blank)
        rows[inside] = texts if in_a_row else texts.reshape(inside.shape)[inside]
        self.check_range("letters", rows[inside], self.log_probs.shape[-1] - 1)
        if np.any(rows[inside] == self.blank):
            raise ValueError(f"{self!r} expects letters, but got {self.blank}, the blank.")
        return rows, frames, lengths

    def check_range(self, name, numbers, largest):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() <= largest:
            raise ValueError(
                f"{self!r} expects {name} from 0 to {largest}, "
                f"but got {numbers.min()} to {numbers.max()}."
            )


def beginnings(log_y, may_skip):
    """alpha[t, n, s]: ln of the sum over all beginnings of t frames that end in state s."""
    T, N, states = log_y.shape
    alpha = np.full((T + 1, N, states), -np.inf)
    alpha[0, :, 0] = 0
    for t in range(T):
        skipped = np.where(may_skip, moved(alpha[t], 2), -np.inf)
        alpha[t + 1] = log_y[t] + log_sum(alpha[t], moved(alpha[t], 1), skipped)
    return alpha


def endings(log_y, may_skip, log_end, frames):
    """beta[t, n, s]: ln of the sum over all endings from frame t that go on from state s."""
    T, N, states = log_y.shape
    beta = np.full((T + 1, N, states), -np.inf)
    for t in range(T, -1, -1):
        if t < T:
            onward = log_y[t] + beta[t + 1]
            skipped = moved(np.where(may_skip, onward, -np.inf), -2)
            beta[t] = log_sum(onward, moved(onward, -1), skipped)
        beta[t, frames == t] = log_end[frames == t]
    return beta


def log_sum(a, b, c):
    """ln(exp(a) + exp(b) + exp(c)), without overflow."""
    return np.logaddexp(np.logaddexp(a, b), c)


def moved(a, by):
    """The columns of a, so many places to the right (or left), and -inf where none came."""
    out = np.full_like(a, -np.inf)
    if by > 0:
        out[:, by:] = a[:, :-by]
    else:
        out[:, :by] = a[:, -by:]
    return out
