"""Freezelint where people work: real pre-commit, the steps of the CI templates. Slow, and they need a package index.

They run with `make scenes`.
"""
