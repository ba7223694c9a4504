"""Findings → bytes: one module per output format, each a pure function."""
