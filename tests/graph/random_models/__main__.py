"""python -m tests.graph.random_models [COUNT] [FIRST SEED]: half of the models with Keras 2, half with Keras 3."""

from __future__ import annotations

import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import tf_keras

from tests.graph.random_models.verdicts import Outcome, judge


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    warnings.simplefilter("ignore")
    outcome = Outcome()
    for number in range(count):
        before = len(outcome.disagreements)
        judge((tf_keras, keras)[number % 2], first + number // 2, outcome)
        for line in outcome.disagreements[before:]:
            print(line, flush=True)
    print(f"\n{outcome.built} models built")
    for what, times in sorted(outcome.compared.items()):
        print(f"{times:6}  {what}")
    print(f"{sum(outcome.compared.values()):6}  compared; {len(outcome.disagreements)} disagreements")
    return int(bool(outcome.disagreements))


if __name__ == "__main__":
    sys.exit(main())
