"""The list of rules, and a rule's page for reading."""

from __future__ import annotations

from freezelint.catalogue import parse_page
from freezelint.report.rules import as_markdown, as_page, as_text

PAGE = """\
# frozen-moon (FZ199)

```toml
code = "FZ199"
name = "frozen-moon"
summary = "The moon | is frozen"
sees = ["source", "graph"]
default = false
fix = "unsafe"
since = "0.1"
references = ["https://keras.io/"]

[severity]
keras3 = "error"
keras3_16 = "none"
```

## What it does

Finds the moon.
"""
MOON = parse_page(PAGE, "frozen-moon")


def test_the_index_links_pages_and_says_where_3_16_differs() -> None:
    assert as_markdown([MOON]).splitlines()[-1] == (
        "| FZ199 | [frozen-moon](frozen-moon.md) | – | **error** (3.16: –) | source, saved model | unsafe |"
        " The moon \\| is frozen (off by default) |"
    )


def test_the_table_has_what_is_needed_to_choose() -> None:
    table = as_text([MOON])
    assert "FZ199" in table
    assert "\033" not in table
    assert "\033" in as_text([MOON], colour=True)


def test_a_page_for_reading_has_sentences_instead_of_metadata() -> None:
    assert (
        as_page(MOON)
        == """\
# frozen-moon (FZ199)

The moon | is frozen.

Keras 2: **no mistake** · Keras 3 before 3.16: **error** · Keras from 3.16: **no mistake** · \
seen in: source, saved model · fix: unsafe · off by default

## What it does

Finds the moon.

## References

- <https://keras.io/>
"""
    )
