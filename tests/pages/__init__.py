"""Tests of the pages in `rules/`."""
