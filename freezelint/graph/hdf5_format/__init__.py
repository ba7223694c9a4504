"""The HDF5 file format, read in place: what Keras writes with it, and nothing about what that means to Keras.

Source: the HDF5 File Format Specification, version 3.0 (https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html). Read are
superblocks 0 to 3, object headers 1 and 2, groups as symbol tables and as links in their header, attributes, and the
whole numbers and floats of datasets that lie in one piece. Dense storage (many links or large attributes of the newest
layout), which Keras never writes, is told as such. Links out of the file are names and are never followed. The HDF5
library itself is not used: it takes ten times as long to start, and one wrong byte can make it loop for ever.
"""
