"""Chapter 5 of the book: two apples, three oranges, ten per cent tax, with the layers by hand.

Forward goes through the layers from (1) to (4), backward from (4) to (1).
"""

from layerwise.book import AddLayer, MulLayer

apple, apple_num = 100, 2
orange, orange_num = 150, 3
tax = 1.1

apples, oranges, fruit, taxed = MulLayer(), MulLayer(), AddLayer(), MulLayer()

# forward
apple_price = apples.forward(apple, apple_num)  # (1)
orange_price = oranges.forward(orange, orange_num)  # (2)
all_price = fruit.forward(apple_price, orange_price)  # (3)
price = taxed.forward(all_price, tax)  # (4)

# backward
dall_price, dtax = taxed.backward(1)  # (4)
dapple_price, dorange_price = fruit.backward(dall_price)  # (3)
dorange, dorange_num = oranges.backward(dorange_price)  # (2)
dapple, dapple_num = apples.backward(dapple_price)  # (1)

print("price:", int(price))
print("dApple:", dapple)
print("dApple_num:", int(dapple_num))
print("dOrange:", dorange)
print("dOrange_num:", int(dorange_num))
print("dTax:", dtax)
