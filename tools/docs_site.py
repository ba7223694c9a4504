"""What the documentation site has besides `docs/`: a hook of mkdocs, which `mkdocs.yml` names.

While the site is built this adds a page for each rule (from `rules/`), their index, the table of how Keras behaves
(from `freezelint/keras/behaviour.py`), the options of the command line, and the text of each proof. None of these pages
is a file in the repository.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from freezelint import catalogue  # noqa: E402
from freezelint.catalogue import Rule  # noqa: E402
from freezelint.cli.application import cli  # noqa: E402
from freezelint.finding import Applicability  # noqa: E402
from freezelint.keras.behaviour import Answer, Row, rows  # noqa: E402
from freezelint.report.rules import as_markdown  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PROOFS = ROOT / "tests" / "proofs"
_FENCE = re.compile(r"^ *(```+|~~~+)")
_LIST = re.compile(r"^ *([-*]|\d+\.) ")
_CODE = re.compile(r"(?<!\[)`([^`\n]+)`(?!\])")
_METADATA = re.compile(r"^```toml\n.*?^```$", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r'^```toml\nkeras = "([^"]+)"\n```$', re.MULTILINE)
_FAMILY = re.compile(r"^## (FZ\d): (.*)$", re.MULTILINE)
_SEES = {"source": "Python files and notebooks", "graph": "saved models", "live": "loaded models"}
_FIXES = {
    None: "none",
    Applicability.SAFE: "`freezelint check --fix`",
    Applicability.UNSAFE: "`freezelint check --fix --unsafe-fixes`; the model trains differently afterwards",
}
_UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"


# --- what mkdocs calls ------------------------------------------------------------------------------------------


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the rules into the navigation, by family."""
    families = dict(_FAMILY.findall(as_markdown(list(catalogue.rules().values()))))
    section: list[Any] = ["rules/index.md"]
    for family, group in groupby(catalogue.rules().values(), key=lambda rule: rule.code[:3]):
        title = f"{family}: {families[family]}".replace("`", "")
        section.append({title: [{rule.name: f"rules/{rule.name}.md"} for rule in group]})
    config.nav = [{"Rules": section} if "Rules" in entry else entry for entry in config.nav or ()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Makes links of the names of rules and proofs, and Markdown that Python-Markdown understands."""
    return prepared(markdown, page.file.src_uri)


# --- the pages --------------------------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """Every generated page: its Markdown by its path in the site."""
    rules = catalogue.rules()
    made = {f"rules/{rule.name}.md": rule_page(rule) for rule in rules.values()}
    made["rules/index.md"] = index_page(list(rules.values()))
    made["behaviour.md"] = behaviour_page()
    made["command-line.md"] = command_line_page()
    for proof in sorted(PROOFS.glob("test_*.py")):
        made[f"proofs/{proof.stem}.md"] = proof_page(proof)
    return made


def rule_page(rule: Rule) -> str:
    """The page of a rule for the site, with its metadata as a table."""
    return _METADATA.sub(lambda _: metadata(rule), rule.page, count=1)


def metadata(rule: Rule) -> str:
    """The metadata of a rule as a summary and a small table."""
    lines = [f"{rule.summary}.", "", "| | |", "|---|---|"]
    lines += [f"| {words} | {_how_bad(rule, generation)} |" for generation, words in _generations(rule)]
    lines.append(f"| Seen in | {', '.join(words for word, words in _SEES.items() if word in rule.sees)} |")
    lines.append(f"| Fix | {_FIXES[rule.fix]} |")
    lines.append(f"| On by default | {'yes' if rule.default else f'no: `--extend-select {rule.name}`'} |")
    lines += [f"| Option `{option.name}` | {option.words} (default: {option.default:g}) |" for option in rule.options]
    lines.append(f"| Since | {rule.since} |")
    if rule.proof:
        lines.append(f"| Measured by | `{rule.proof}` |")
    if rule.references:
        lines.append(f"| References | {'<br>'.join(f'<{address}>' for address in rule.references)} |")
    return "\n".join(lines)


def _generations(rule: Rule) -> list[tuple[str, str]]:
    if rule.severity("keras3_16") is rule.severity("keras3"):
        return [("keras2", "Keras 2"), ("keras3", "Keras 3")]
    return [("keras2", "Keras 2"), ("keras3", "Keras 3.0 to 3.15"), ("keras3_16", "Keras 3.16 and later")]


def _how_bad(rule: Rule, generation: str) -> str:
    severity = rule.severity(generation)
    if severity is None:
        return "no mistake"
    stops = "; the program stops with an error" if generation in rule.stops else ""
    return f"**{severity.value}**{{ .{severity.value} }}{stops}"


def index_page(rules: list[Rule]) -> str:
    """The index of the rules, by family."""
    kept = [line for line in as_markdown(rules).splitlines() if line != "This index is generated by `make docs`."]
    return "\n".join(["---", "hide: [toc]  # the navigation says the same", "---", "", *kept]) + "\n"


def behaviour_page() -> str:
    """How Keras behaves: an overview of all statements, and each with what happens where, and its proof."""
    lines = [
        "---",
        "hide: [toc]  # as long as the page",
        "---",
        "",
        "# How Keras behaves",
        "",
        "freezelint judges a program by what Keras does in the version and on the backend that the program is for.",
        "Each statement here was measured with real Keras, by the proof that stands under it. The overview says",
        "whether a statement holds; its line leads to what happens.",
        "",
        "Keras 2 is Keras 2.15 and tf_keras 2.21, Keras 3 is 3.0 to 3.15.1, Keras 3.16 is a nightly build, all on",
        "TensorFlow; JAX is Keras 3.15.1 on JAX. (yes) and (no) were not measured in 3.16 and are taken to be as in",
        "3.15; – was not measured on JAX and is taken to be as on TensorFlow. The torch backend was not measured at",
        "all. Where nothing was measured on a backend, findings are only *possible*.",
        "",
        "## Overview",
        "",
        "| Statement | Keras 2 | Keras 3.0–3.15 | Keras 3.16 | JAX |",
        "|---|---|---|---|---|",
    ]
    for row in rows():
        inherited = f"({_holds(row.keras3).replace('*', '')})"
        cells = [
            _holds(row.keras2) + (" [1]" if row.keras2_minors else ""),
            _holds(row.keras3) + (" [1]" if row.minors else ""),
            _holds(row.keras3_16) if row.keras3_16 else inherited,
            _holds(row.jax) if row.jax else "–",
        ]
        lines.append(f"| [{_statement(row)}](#{_anchor(row)}) | {' | '.join(cells)} |")
    lines += ["", "[1] except in some releases, which the statement names.", "", "## Statements", ""]
    for row in rows():
        lines += _row_section(row)
    return "\n".join(lines) + "\n"


def _row_section(row: Row) -> Iterator[str]:
    """One statement: where it holds and what happens there, and what measured it."""
    yield f"### {_statement(row)} {{ #{_anchor(row)} }}"
    yield ""
    yield "| Keras | Backend | Holds | What happens |"
    yield "|---|---|---|---|"
    yield from _answers("2", "2", row.keras2, row.keras2_minors)
    yield from _answers("3.0–3.15", "3", row.keras3, row.minors)
    if row.keras3_16:
        yield _answer("3.16", "TensorFlow", row.keras3_16)
    if row.jax:
        yield _answer("3.15", "JAX", row.jax)
    yield ""
    proof = f"Measured by [`{row.proof}`](proofs/{Path(row.proof).stem}.md)"
    yield f"{proof}. See also <{row.reference}>." if row.reference else f"{proof}."
    yield ""


def _statement(row: Row) -> str:
    return (row.statement[:1].upper() + row.statement[1:]).replace("|", "\\|")


def _anchor(row: Row) -> str:
    return row.name.replace("_", "-")


def _holds(answer: Answer) -> str:
    return "yes" if answer.holds else "**no**"


def _answers(versions: str, major: str, answer: Answer, minors: dict[range, Answer]) -> Iterator[str]:
    """The lines for one generation on TensorFlow: its answer, and those of the releases that differ."""
    exceptions = f", except {', '.join(_minors(major, range_) for range_ in minors)}" if minors else ""
    yield _answer(f"{versions}{exceptions}", "TensorFlow", answer)
    for range_, other in minors.items():
        yield _answer(_minors(major, range_), "TensorFlow", other)


def _minors(major: str, minors: range) -> str:
    first = f"{major}.{minors[0]}"
    return first if len(minors) == 1 else f"{first}–{major}.{minors[-1]}"


def _answer(versions: str, backend: str, answer: Answer) -> str:
    words = answer.words.replace("|", "\\|")
    return f"| {versions} | {backend} | {_holds(answer)} | {words[:1].upper()}{words[1:]} |"


def command_line_page() -> str:
    """The commands with their options, from the command line itself."""
    lines = ["# Command line", "", "`freezelint COMMAND --help` says the same on a terminal.", ""]
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        context = click.Context(command, info_name=f"freezelint {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"## freezelint {name}", "", f"```console\n$ freezelint {name} {usage}\n```", ""]
        lines += [inspect.cleandoc(command.help or "").replace("\b\n", ""), ""]
        lines += ["| Option | |", "|---|---|"]
        records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
        lines += [f"| `{record[0]}` | {_cell(record[1])} |" for record in records if record and record[1]]
        lines.append("")
    return "\n".join(lines)


def _cell(words: str) -> str:
    return re.sub(r"\s+", " ", words).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def proof_page(proof: Path) -> str:
    """The text of a proof."""
    name = proof.relative_to(ROOT).as_posix()
    rule = catalogue.rules().get(proof.stem.removeprefix("test_").replace("_", "-"))
    about = f"The proof of [`{rule.name}`](../rules/{rule.name}.md)" if rule else "A proof"
    text = proof.read_text("utf-8")
    return (
        f"{_UNSEARCHED}# {proof.name}\n\n{about}: it makes the mistake with real Keras and measures what happens. "
        f'`pytest {name} --measure` prints the numbers.\n\n````python title="{name}"\n{text.rstrip()}\n````\n'
    )


# --- Markdown ---------------------------------------------------------------------------------------------------


def prepared(text: str, path: str) -> str:
    """The text of the page at `path` as mkdocs is to read it: names of rules and proofs are links."""
    here, up = Path(path).with_suffix("").as_posix(), "../" * path.count("/")

    def link(code: str) -> str:
        proof = re.fullmatch(r"tests/proofs/(test_\w+)\.py", code)
        target = f"rules/{code}" if code in catalogue.rules() else f"proofs/{proof[1]}" if proof else here
        if target == here or (proof and not (ROOT / code).is_file()):
            return f"`{code}`"
        return f"[`{code}`]({up}{target}.md)"

    text = _SETTING.sub(lambda found: f"Checked for Keras {found[1]}:", text)
    return python_markdown(_in_prose(text, lambda line: _CODE.sub(lambda found: link(found[1]), line)))


def _in_prose(text: str, change: Callable[[str], str]) -> str:
    """`text` with `change` made to every line that is neither a heading nor inside a fence."""
    fence, lines = "", []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
            lines.append(line)
        else:
            lines.append(line if fence or line.startswith("#") else change(line))
    return "\n".join(lines) + "\n"


def python_markdown(text: str) -> str:
    """CommonMark as Python-Markdown reads it: an empty line before a list, and four spaces for what is inside."""
    fence, previous, lines = False, "", []
    for line in text.splitlines():
        if _FENCE.match(line):
            fence = not fence
        elif not fence and _LIST.match(line) and previous.strip() and not _in_list(previous):
            lines.append("")
        lines.append(line)
        previous = line
    return "\n".join(lines) + "\n"


def _in_list(line: str) -> bool:
    return bool(_LIST.match(line)) or line.startswith("  ")
