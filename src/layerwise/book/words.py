"""Words and their vectors: corpora, counts, similarity, and how well a model does."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np


def preprocess(text: str) -> Any:
    """A text as whole numbers, one for each word, and the dictionaries there and back.

    source     Deep Learning from Scratch 2, 2.3.1

    >>> corpus, word_to_id, id_to_word = preprocess("You say goodbye and I say hello.")
    >>> corpus, id_to_word[1]
    (array([0, 1, 2, 3, 4, 1, 5, 6]), 'say')
    """
    words = text.lower().replace(".", " .").split(" ")
    word_to_id = {word: i for i, word in enumerate(dict.fromkeys(words))}
    id_to_word = {i: word for word, i in word_to_id.items()}
    return np.array([word_to_id[word] for word in words]), word_to_id, id_to_word


def cos_similarity(x: Any, y: Any, eps: float = 1e-8) -> Any:
    """The cosine of the angle between two vectors.

    source     Deep Learning from Scratch 2, 2.3.5

    >>> cos_similarity(np.array([1.0, 0.0]), np.array([1.0, 1.0])).round(6)
    np.float64(0.707107)
    """
    nx = x / (np.sqrt(np.sum(x**2)) + eps)
    ny = y / (np.sqrt(np.sum(y**2)) + eps)
    return nx @ ny


def most_similar(
    query: str, word_to_id: Any, id_to_word: Any, word_matrix: Any, top: int = 5
) -> None:
    """Print the words whose vectors are the most similar to that of a word.

    source     Deep Learning from Scratch 2, 2.3.6

    >>> vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> names = {0: "a", 1: "b", 2: "c"}
    >>> most_similar("a", {"a": 0, "b": 1, "c": 2}, names, vectors, top=1)
    <BLANKLINE>
    [query] a
     b: 0.7999999840000004
    """
    if query not in word_to_id:
        print(f"{query} is not found")
        return
    print(f"\n[query] {query}")
    vector = word_matrix[word_to_id[query]]
    similarity = np.array([cos_similarity(word_matrix[i], vector) for i in range(len(id_to_word))])
    order = [i for i in (-similarity).argsort() if id_to_word[int(i)] != query]
    for i in order[:top]:
        print(f" {id_to_word[int(i)]}: {similarity[i]}")


def analogy(
    a: str, b: str, c: str, word_to_id: Any, id_to_word: Any, word_matrix: Any,
    top: int = 5, answer: Any = None,
) -> None:  # fmt: skip
    """Print the words that are to c as b is to a.

    source     Deep Learning from Scratch 2, 4.3.2

    >>> vectors = np.array([[1.0, 0.0], [1.0, 1.0], [2.0, 0.0], [2.0, 1.0]])
    >>> words = ["man", "king", "woman", "queen"]
    >>> analogy("man", "king", "woman", {w: i for i, w in enumerate(words)},
    ...         dict(enumerate(words)), vectors, top=1)
    <BLANKLINE>
    [analogy] man:king = woman:?
     queen: 2.23606797749979
    """
    for word in (a, b, c):
        if word not in word_to_id:
            print(f"{word} is not found")
            return
    print(f"\n[analogy] {a}:{b} = {c}:?")
    a_vec, b_vec, c_vec = (word_matrix[word_to_id[word]] for word in (a, b, c))
    similarity = word_matrix @ normalize(b_vec - a_vec + c_vec)
    if answer is not None:
        print(f"==>{answer}:{similarity[word_to_id[answer]]}")
    order = [int(i) for i in (-similarity).argsort() if not np.isnan(similarity[i])]
    for i in [i for i in order if id_to_word[i] not in (a, b, c)][:top]:
        print(f" {id_to_word[i]}: {similarity[i]}")


def normalize(x: Any) -> Any:
    """Every row, or the one vector, divided by its length.

    >>> normalize(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    """
    return x / np.sqrt((x * x).sum(axis=-1, keepdims=True))


def convert_one_hot(corpus: Any, vocab_size: int) -> Any:
    """Numbers (N,) or (N, C) as rows of 0 with a single 1: (N, V) or (N, C, V).

    >>> convert_one_hot(np.array([2, 0]), 3)
    array([[0, 0, 1],
           [1, 0, 0]], dtype=int32)
    """
    return np.eye(vocab_size, dtype=np.int32)[corpus]


def create_co_matrix(corpus: Any, vocab_size: int, window_size: int = 1) -> Any:
    """How often each word stands beside each other one, at most window_size words away.

    source     Deep Learning from Scratch 2, 2.3.4

    >>> create_co_matrix(np.array([0, 1, 2, 1]), 3)
    array([[0, 1, 0],
           [1, 0, 2],
           [0, 2, 0]], dtype=int32)
    """
    counts: Any = np.zeros((vocab_size, vocab_size), np.int32)
    for i in range(1, window_size + 1):
        np.add.at(counts, (corpus[:-i], corpus[i:]), 1)
        np.add.at(counts, (corpus[i:], corpus[:-i]), 1)
    return counts


def ppmi(C: Any, verbose: bool = False, eps: float = 1e-8) -> Any:
    """log2 of how much more often two words meet than by chance, or 0 if they do less often.

    verbose    prints when it is done (the book's prints its progress, since it is slow)
    source     Deep Learning from Scratch 2, 2.4.1

    >>> ppmi(np.array([[0, 2], [2, 0]])).round(6)
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    S = np.sum(C, axis=0).astype(float)
    pmi = np.log2(C * np.sum(C) / np.outer(S, S) + eps)
    if verbose:
        print("100.0% done")
    return np.maximum(0, pmi).astype(np.float32)


def create_contexts_target(corpus: Any, window_size: int = 1) -> Any:
    """The words around each word, and the word itself: (N, 2 window_size) and (N,).

    source     Deep Learning from Scratch 2, 3.3.1

    >>> create_contexts_target(np.array([0, 1, 2, 3]))
    (array([[0, 2],
           [1, 3]]), array([1, 2]))
    """
    target = corpus[window_size:-window_size]
    around = [t for t in range(-window_size, window_size + 1) if t != 0]
    places = np.arange(window_size, len(corpus) - window_size)
    return corpus[places[:, None] + around], np.array(target)


def eval_perplexity(model: Any, corpus: Any, batch_size: int = 10, time_size: int = 35) -> Any:
    """e to the power of the mean loss of a model on a corpus: among how many words it wavers.

    model      has forward(xs, ts), or forward(xs, ts, train_flg)
    source     Deep Learning from Scratch 2, 5.5.3
    """
    print("evaluating perplexity ...")
    steps = (len(corpus) - 1) // (batch_size * time_size)
    starts: Any = np.arange(batch_size) * ((len(corpus) - 1) // batch_size)
    takes_flag = "train_flg" in inspect.signature(model.forward).parameters
    inference = {"train_flg": False} if takes_flag else {}
    total = 0.0
    for step in range(steps):
        places = (starts[:, None] + step * time_size + np.arange(time_size)) % len(corpus)
        xs, ts = corpus[places], corpus[(places + 1) % len(corpus)]
        total += model.forward(xs, ts, **inference)
    return np.exp(total / steps)


def eval_seq2seq(
    model: Any, question: Any, correct: Any, id_to_char: Any,
    verbos: bool = False, is_reverse: bool = False,
) -> int:  # fmt: skip
    """1 if the model gives the right answer to a question, else 0.

    model      has generate(question, start_id, sample_size)
    verbos     print the question, the answer and the guess; with is_reverse the question has been
               turned round
    source     Deep Learning from Scratch 2, 7.3.4
    """

    def text(numbers: Any) -> str:
        return "".join(id_to_char[int(c)] for c in numbers)

    start_id, *rest = np.asarray(correct).flatten()
    guess, wanted = text(model.generate(question, start_id, len(rest))), text(rest)
    if verbos:
        asked = text(np.asarray(question).flatten())
        print("Q", asked[::-1] if is_reverse else asked)
        print("T", wanted)
        print("O" if guess == wanted else "X", guess)
        print("---")
    return int(guess == wanted)
