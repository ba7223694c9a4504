"""Ask every external link in `rules/`, `docs/` and the README whether it is there. Needs the network; not run in CI.

    python tools/check_links.py         # every link with its status; exit code 1 if one is dead
    python tools/check_links.py --list  # only lists them, with the files that they stand in

A link is dead if the server says so (404, 410 and the like) or cannot be reached. A server that answers but does not
want to be asked by a program (401, 403, 429) is told and does not count. If no server at all answers, there is no
network, and the exit code is 2.
"""

from __future__ import annotations

import http.client
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"https?://(?:[^\s<>\"'`(){}\[\]|]|\([^\s<>\"'`()]*\))+")
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_REFUSED = {401, 403, 405, 429}
_SECONDS = 20
_AT_ONCE = 4


def files() -> Iterator[Path]:
    """The texts whose links are asked for."""
    yield ROOT / "README.md"
    for folder in ("rules", "docs"):
        yield from sorted((ROOT / folder).rglob("*.md"))


def links_in(text: str) -> set[str]:
    """The external links in Markdown, without the punctuation of the sentence around them and what is `code`."""
    return {link.rstrip(".,;:!?") for link in _LINK.findall(_CODE.sub("", text))}


def found() -> dict[str, list[Path]]:
    """Every external link, and the files that it stands in."""
    places: dict[str, list[Path]] = {}
    for file in files():
        for link in links_in(file.read_text("utf-8")):
            places.setdefault(link, []).append(file.relative_to(ROOT))
    return dict(sorted(places.items()))


def status(link: str) -> tuple[bool, str]:
    """Whether the link is alive, and what the server said."""
    answer: tuple[bool, str] = (False, "")
    for method in ("HEAD", "GET"):  # some servers know no HEAD
        request = urllib.request.Request(link, method=method, headers={"User-Agent": "freezelint-check-links/1"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                return True, str(response.status)
        except urllib.error.HTTPError as error:
            answer = (error.code in _REFUSED, str(error.code))
        except (OSError, ValueError, http.client.HTTPException) as error:
            answer = (False, str(getattr(error, "reason", error)) or type(error).__name__)
    return answer


def main() -> int:
    """The command."""
    places = found()
    if "--list" in sys.argv[1:]:
        for link, where in places.items():
            print(f"{link}  {', '.join(path.as_posix() for path in where)}")
        return 0
    dead = answered = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for (link, where), (alive, words) in zip(places.items(), pool.map(status, places), strict=True):
            dead += not alive
            answered += words.isdecimal()
            print(f"{'ok  ' if alive else 'DEAD'} {words:4} {link}  {', '.join(path.as_posix() for path in where)}")
    if places and not answered:
        print("no server answered: there is no network here")
        return 2
    print(f"{len(places)} links, {dead} dead")
    return int(dead > 0)


if __name__ == "__main__":
    sys.exit(main())
