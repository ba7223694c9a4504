"""freezelint: is it frozen, is BatchNorm in the mode you think, and does the freeze buy anything?

Importing this package imports neither libcst nor TensorFlow nor Keras.
"""

from __future__ import annotations

__version__ = "0.1.0"
