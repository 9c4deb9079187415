"""The parts of `layerwise.check`, each resting on those above it.

trial.py      copies of a layer run under control: one dtype, one mode, random draws frozen
inputs.py     what was given, made fit for a check
report.py     the table and the sentences
slopes.py     numerical slopes; kinks told from bends, mistakes from rounding
causes.py     what is likely to have gone wrong with a gradient
compare.py    one gradient against its slopes
contract.py   what a layer promises besides right numbers
checkup.py    one layer looked at from all sides, in both modes, and the layers inside it
"""
