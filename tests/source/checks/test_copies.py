"""Copies of models, as people make them."""

from __future__ import annotations

import pytest

from tests.source.programs import check, variants

BOTH = pytest.mark.parametrize("keras", ["2", "3", "any"])
CLONE = """
import keras
original = keras.applications.InceptionV3()
copy = keras.models.clone_model(original){mark}
{used}
"""


# clone-drops-weights

USES = variants("""
# asked itself
copy.predict(x)

# called
keras.Sequential([copy, keras.layers.Dense(2)]).predict(x)

# its layers taken over
model = keras.Model(copy.input, keras.layers.Dense(2)(copy.layers[-2].output))
model.predict(x)

# its layers taken over and trained
model = keras.Model(copy.input, keras.layers.Dense(2)(copy.output))
model.compile("adam", "mse")
model.fit(x)
""")


@BOTH
@pytest.mark.parametrize("used", USES)
def test_a_clone_that_never_got_the_weights_is_told(used: str, keras: str) -> None:
    check(CLONE.format(used=used, mark="  # error: clone-drops-weights"), keras, "clone-drops-weights")


@BOTH
@pytest.mark.parametrize("used", USES)
@pytest.mark.parametrize("given", ["copy.set_weights(original.get_weights())", "copy.load_weights('own.h5')"])
def test_a_clone_that_got_weights_is_not(given: str, used: str, keras: str) -> None:
    check(CLONE.format(used=f"{given}\n{used}", mark=""), keras, "clone-drops-weights")
