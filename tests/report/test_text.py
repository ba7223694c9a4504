"""The report for people: every finding with its picture, and a last line that says what was done."""

from __future__ import annotations

import pytest

from freezelint.finding import Finding, Position, Related, Span
from freezelint.report import Report, text
from tests.report.diagnostics import IN_MODEL, IN_NOTEBOOK, INFO, REPORT, STORY, TYPO, UNREAD, lines, span


def shown(*findings: Finding) -> str:
    """The findings as text, without the summary."""
    return text.render(Report(findings, files=1), lines).rsplit("\n\n", 1)[0]


def test_a_story_is_one_picture_in_reading_order() -> None:
    assert (
        shown(STORY)
        == """\
error[FZ101] unfrozen-batchnorm
  Thawing `base` thaws its BatchNormalization layers too.
  --> train.py:9:1
   |
 3 | base.trainable = False
   | ---------------------- frozen here
 4 | model = keras.Sequential([base, keras.layers.Dense(2)])
 5 | model.compile('adam', 'mse')
   | ---------------------------- compiled here
...
 9 | base.trainable = True
   | ^^^^^^^^^^^^^^^^^^^^^
10 | model.fit(x, y)
   | --------------- trained here"""
    )


def test_steps_in_other_files_are_numbered() -> None:
    assert (
        shown(IN_NOTEBOOK)
        == """\
warning[FZ224] fine-tuning-still-frozen
  Keras 3: nothing was thawed before this second phase.
 --> a.ipynb:cell 3:2:1
  |
2 | model.fit(x, y)
  | ^^^^^^^^^^^^^^^ 2. trained here
  |
 ::: build.py:2:5
  |
2 |     base.trainable = False
  |     ---------------------- 1. frozen here
  |
  = confidence: likely"""
    )


def test_the_cells_of_a_notebook_are_one_picture() -> None:
    story = IN_NOTEBOOK._replace(related=(Related(span("a.ipynb", 1, 1, 6, cell=2), "frozen here"),))
    texts = {2: ["base.trainable = False"], 3: ["x = 1", "model.fit(x, y)"]}
    report = text.render(Report((story,), files=1), lambda path, cell=None: texts.get(cell or 0, ()))
    assert report.rsplit("\n\n", 1)[0].splitlines()[2:-2] == [
        " --> a.ipynb:cell 3:2:1",
        "  |",
        " ::: cell 2",
        "  |",
        "1 | base.trainable = False",
        "  | ----- frozen here",
        "  |",
        " ::: cell 3",
        "  |",
        "2 | model.fit(x, y)",
        "  | ^^^^^^^^^^^^^^^",
    ]


def test_two_steps_at_one_place_share_an_underline() -> None:
    twice = STORY._replace(related=(*STORY.related, Related(span("train.py", 10, 1, 16), "and again")))
    assert shown(twice).splitlines()[-1] == "   | --------------- trained here, and again"


def test_a_tab_counts_as_it_is_shown_and_a_fix_is_named() -> None:
    assert shown(TYPO).splitlines()[3:] == [
        "   |",
        "12 |     model.trainble = False",
        "   |     ^^^^^^^^^^^^^^^^^^^^^^",
        "   |",
        "   = fix (safe): Write `trainable`",
    ]


def test_carets_stand_under_wide_characters() -> None:
    assert shown(INFO).splitlines()[-2:] == [
        "1 | 名前 = '日本語'; model.trainble = False",
        "  |                  ^^^^^^^^^^^^^^^^^^^^^^",
    ]


def test_a_model_is_shown_by_layer_and_signature() -> None:
    assert shown(IN_MODEL).splitlines()[2:] == [
        " --> models/cat.keras",
        "  = layer: mobilenetv2/Conv1_bn",
        "  = signature: serving_default",
    ]


def test_an_unread_input_is_shown_with_its_reason() -> None:
    assert shown(UNREAD) == "warning[FZ001] unreadable-input\n  not checked: not a zip archive\n --> broken.keras"


def test_a_long_line_is_cut_around_what_is_underlined() -> None:
    code = f"x = [{'1, ' * 500}]; model.trainble = False; y = [{'1, ' * 500}]"
    start = code.index("model") + 1
    finding = TYPO._replace(span=span("train.py", 1, start, start + 22), fix=None)
    picture = text.render(Report((finding,), files=1), lambda path, cell=None: [code]).splitlines()
    source, underline = picture[4], picture[5]
    assert len(source) < 140
    assert source[underline.index("^") :].startswith("model.trainble = False")
    assert underline.count("^") == len("model.trainble = False")


@pytest.mark.parametrize(
    "place",
    [
        Span("train.py", Position(1, 1), Position(1, 1)),
        Span("train.py", Position(3, 200), Position(3, 300)),
        Span("train.py", Position(99, 1), Position(120, 7)),
        Span("train.py", Position(9, 6), Position(10, 3)),
        Span("gone.py", Position(4, 2), Position(4, 5)),
        Span("a.ipynb", Position(1, 1), Position(1, 2), cell=77),
    ],
)
def test_a_span_that_fits_no_text_is_still_reported(place: Span) -> None:
    assert f"{place.path}:" in shown(STORY._replace(span=place, path=place.path))


def test_text_from_a_file_cannot_steer_the_terminal() -> None:
    hostile = "x\x1b[2J = 1  # \u202e\x07"
    finding = TYPO._replace(path="a\x1b[2J.py", span=span("a\x1b[2J.py", 1, 1, 2), message="see \x1b]0;title\x07")
    output = text.render(Report((finding,), files=1), lambda path, cell=None: [hostile])
    assert not set(output) & {"\x1b", "\x07", "\u202e"}


def test_colour_changes_nothing_but_the_colour() -> None:
    import re

    coloured = text.render(REPORT, lines, colour=True)
    assert "\033[" in coloured
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == text.render(REPORT, lines)


def test_the_last_line_is_for_people() -> None:
    assert text.render(REPORT, lines).splitlines()[-1] == (
        "2 errors, 3 warnings, 1 info in 12 files and 2 models; Keras: unknown (checked for 2 and 3); "
        "1 input not or only partly read, 1 suppressed by comments; 1 can be fixed with --fix"
    )
    assert text.render(Report(files=1, keras="3.14"), lines) == "No findings in 1 file; Keras: 3.14\n"
    assert text.render(Report(files=2, hidden=3), lines) == (
        "No findings in 2 files; 3 less sure not shown (--pedantic shows them)\n"
    )
