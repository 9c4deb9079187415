"""The price of apples and oranges: forward, backward, and the picture with both."""

import layerwise as lw

apple, apple_num = lw.Input("apple"), lw.Input("apple_num")
orange, orange_num = lw.Input("orange"), lw.Input("orange_num")
tax = lw.Input("tax")
price = ((apple * apple_num + orange * orange_num) * tax).named("price")

shop = lw.Graph(price)
print(f"price: {shop.forward(apple=100, apple_num=2, orange=150, orange_num=3, tax=1.1):g}")
shop.backward()
for one in shop.inputs:
    print(f"d price / d {one.name}: {one.grad:g}")
shop.draw("shop.svg")
