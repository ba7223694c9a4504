# Shortcuts. `make setup` first; everything else then runs in the environment that is active.
.PHONY: setup check fast test scenes docs docs-site ci

setup:  ## install for development
	python -m pip install --editable '.[dev]'
	pre-commit install

check:  ## what takes seconds: style, types, directions of imports, freezelint on itself
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	freezelint check freezelint

fast:  ## the tests that need no TensorFlow
	pytest -m 'not keras'

test:  ## all tests; trains real Keras 2 and Keras 3
	pytest

scenes:  ## real pre-commit, and the steps of the CI templates; installs freezelint several times
	FREEZELINT_SCENES=1 pytest tests/scenes

docs:  ## the indexes of the rules, and the output that the README shows
	python tools/refresh_docs.py

docs-site:  ## the documentation as a site, in build/site
	python -m mkdocs build --strict

ci:  ## everything, in an environment of its own
	.ci/run
