"""`freezelint cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from freezelint.cli.application import NOT_DONE
from freezelint.cli.terminal import colour, write


@click.command(short_help="Say what a training step costs, and what freezing saves.")
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--batch", type=int, default=32, show_default=True, help="Samples in a batch.")
@click.option(
    "--input-shape",
    "input_shapes",
    multiple=True,
    metavar="NAME=SIZES",
    help="The shape of an input that the file leaves open, without the batch: image=224,224,3.",
)
@click.option(
    "--what-if",
    "what_ifs",
    multiple=True,
    metavar="FREEZE",
    help="Another freeze to count: freeze:LAYER, freeze-to:LAYER, thaw:LAYER, several separated by commas.",
)
@click.option("--optimizer", metavar="NAME", help="Count with this optimizer, not with that in the file.")
@click.option(
    "--keras", default="auto", show_default=True, metavar="VERSION", help="Which Keras trains it: 2, 3 or 3.14."
)
@click.option("--all-layers", is_flag=True, help="Show every layer, not only those that take longest.")
@click.option("--measure", is_flag=True, help="Run real training steps too, with random data (needs TensorFlow).")
@click.option("--trust-code", is_flag=True, help="With --measure: run code that the file carries.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def cost(model: Path, output_format: str, all_layers: bool, **options: Any) -> int:
    """Say what a training step of a saved MODEL costs, what its frozen layers save, and what other freezes would.

    Exit code: 0 answered, 2 it could not be answered, for instance because a shape is missing.
    """
    from freezelint import asking
    from freezelint.report import cost as report

    if not model.exists():
        raise click.UsageError(f"{model} does not exist")
    try:
        costs = asking.ask(asking.Question(model, **options))
    except asking.CannotAnswer as error:
        raise click.UsageError(str(error)) from error
    if output_format == "json":
        write(report.as_json(costs))
    else:
        write(report.render(costs, colour=colour(), every_layer=all_layers))
    return 0 if asking.is_answered(costs) else NOT_DONE
