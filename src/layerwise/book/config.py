"""The book's switch for graphics cards: there are none here, all arrays are NumPy's."""

GPU = False
