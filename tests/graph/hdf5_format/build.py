"""Parts of HDF5 files, as the HDF5 library writes them."""

import io

import h5py


def encoded(dtype) -> bytes:
    """The body of the message that describes a type."""
    return h5py.h5t.py_create(dtype, logical=True).encode()[2:]


def written(fill, **settings) -> io.BytesIO:
    """A file with what `fill` puts into it."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **settings) as file:
        fill(file)
    return buffer
