"""`python -m layerwise`: the same as the command `layerwise`."""

from .cli import main

main()
