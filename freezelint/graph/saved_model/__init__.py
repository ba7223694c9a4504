"""SavedModel folders → ModelGraph, with nothing but the standard library."""

from freezelint.graph.saved_model.reader import read

__all__ = ["read"]
