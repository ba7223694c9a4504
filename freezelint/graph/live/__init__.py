"""A loaded `keras.Model` (Keras 3 on TensorFlow, Keras 2) → ModelGraph.

The objects are the user's own, of a Keras that is imported already: they are asked for their attributes, and nothing
of Keras is imported here. What is asked for are names that both generations share.
"""

from freezelint.graph.live.reader import read

__all__ = ["read"]
