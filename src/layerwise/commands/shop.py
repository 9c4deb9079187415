"""`layerwise shop`: the price of apples and oranges, as a table and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..shop import PRICES
from ..shop import shop as shop_graph
from .common import one_line_errors, picture, wrote


@one_line_errors()
def shop(
    apple: Annotated[float, typer.Option(help="What one apple costs.")] = PRICES["apple"],
    apple_num: Annotated[float, typer.Option(help="How many apples.")] = PRICES["apple_num"],
    orange: Annotated[float, typer.Option(help="What one orange costs.")] = PRICES["orange"],
    orange_num: Annotated[float, typer.Option(help="How many oranges.")] = PRICES["orange_num"],
    tax: Annotated[float, typer.Option(help="The tax as a factor: 1.1 adds 10 %.")] = PRICES["tax"],
    out: Annotated[
        Path, typer.Option(help="Where the picture goes: a folder, or a .svg, .png, .pdf file.")
    ] = Path("out"),
) -> None:
    """The price of apples and oranges, forward, and its derivatives, backward."""
    from rich.console import Console
    from rich.table import Table

    graph = shop_graph()
    graph.forward(apple=apple, apple_num=apple_num, orange=orange, orange_num=orange_num, tax=tax)
    graph.backward()

    table = Table(title="The price of apples and oranges", title_justify="left")
    table.add_column("node")
    table.add_column("is")
    table.add_column("value", justify="right")
    table.add_column("gradient of the price", justify="right", style="dark_orange3")
    for seat in graph.nodes:
        formula = f" {getattr(seat.layer, 'sign', '')} ".join(one.name for one in seat.inputs)
        table.add_row(seat.name, formula, f"{seat.value:.10g}", f"{seat.grad:.10g}")
    Console().print(table)
    wrote(picture(graph, out, "shop.svg"))
