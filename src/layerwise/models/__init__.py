"""Ready networks: each is a function that returns a `Graph`, to be trained, looked at and changed.

They give scores and leave the loss to whoever trains them; classes are on axis 1, as the losses
have them.

>>> import layerwise as lw
>>> net = lw.models.lenet5(seed=0)
>>> len(net.parameters()), sum(p.value.size for p in net.parameters().values())
(10, 61706)
"""

from .book import (
    deep_conv_net,
    multi_layer_net,
    multi_layer_net_extend,
    simple_conv_net,
    two_layer_net,
)
from .tables import tabular_mlp
from .text import char_lstm, gpt
from .vision import lenet5, resnet

__all__ = [
    "char_lstm",
    "deep_conv_net",
    "gpt",
    "lenet5",
    "multi_layer_net",
    "multi_layer_net_extend",
    "resnet",
    "simple_conv_net",
    "tabular_mlp",
    "two_layer_net",
]
