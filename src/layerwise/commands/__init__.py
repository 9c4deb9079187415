"""The commands, a file for each; `layerwise.cli` puts them together.

Each file begins with the command and its options. What it needs to do its work is imported when it
runs, so that `layerwise --help` is quick.
"""
