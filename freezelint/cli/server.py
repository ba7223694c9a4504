"""`freezelint server`: findings while somebody types."""

from __future__ import annotations

import click


@click.command(short_help="Tell an editor, while somebody types.")
def server() -> int:
    """Speak the Language Server Protocol on standard input and output, for editors; it ends when the editor does.

    Findings show while you type, with the story that leads to them; hovering shows the page of the rule, and quick
    fixes mend what can be mended. Notebooks too. The configuration of the file's folder holds.
    """
    try:
        from freezelint.server.language_server import make
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise click.UsageError(
            "the language server needs the package pygls: install freezelint with the extra `lsp`, as in"
            " `pip install 'freezelint[lsp]'`"
        ) from error
    make().start_io()
    return 0
