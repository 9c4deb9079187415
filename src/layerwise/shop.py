"""The shop: what apples and oranges cost, the book's first graph that runs both ways.

Source: Deep Learning from Scratch, 5.4.2 (ch05/buy_apple_orange.py)
"""

from __future__ import annotations

from .graph import Graph
from .node import Input

PRICES = {"apple": 100.0, "apple_num": 2.0, "orange": 150.0, "orange_num": 3.0, "tax": 1.1}


def shop() -> Graph:
    """The graph of the shop: (apple apple_num + orange orange_num) tax.

    >>> graph = shop()
    >>> round(graph.forward(**PRICES), 2)
    715.0
    >>> [round(gradient, 2) for gradient in graph.backward()]
    [2.2, 110.0, 3.3, 165.0, 650.0]
    """
    apple, apple_num = Input("apple"), Input("apple_num")
    orange, orange_num = Input("orange"), Input("orange_num")
    tax = Input("tax")
    apple_price = (apple * apple_num).named("apple_price")
    orange_price = (orange * orange_num).named("orange_price")
    all_price = (apple_price + orange_price).named("all_price")
    return Graph((all_price * tax).named("price"))
