"""Random small models, saved in every format: what freezelint says of them, against what Keras does with them.

    python -m tests.graph.random_models 300        # builds 300 models, prints every disagreement

`build` makes a model from a seed, `behaviour` runs it, `verdicts` compares. `test_random_models.py` does so for a few.
"""
