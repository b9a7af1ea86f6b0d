"""Pieces of Markdown from which pages are generated."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from neurofa import lookup


def prose(text: str) -> str:
    """Return plain text as Markdown that shows it letter by letter; `code` stays code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*_\[\]<>$\\~|^])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def linked(text: str, shelf: str = "") -> str:
    """Return plain text as Markdown; files of the shelf that it names link to their pages, in the folder
    `shelf`."""
    known = set(lookup.model_names())
    return re.sub(
        r"(?:models/)?([\w\\]+)\.py",
        lambda m: (
            f"[`{name}`]({shelf}{name}.md)" if (name := m[1].replace("\\", "")) in known else m[0]
        ),
        prose(text),
    )


def code(text: object) -> str:
    """Return a short text as code, or nothing if it is empty."""
    return f"`{text}`" if str(text) else ""


def block(text: str, language: str) -> str:
    """Return lines of code as a block."""
    return f"```{language}\n{text.strip(chr(10))}\n```"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already, without columns that are empty; nothing if it
    has no rows."""
    rows = [[re.sub(r"(?<!\\)\|", r"\|", " ".join(cell.split())) for cell in row] for row in rows]
    used = [k for k, _ in enumerate(heads) if any(row[k] for row in rows)]
    rows = [" | ".join(row[k] for k in used) for row in rows]
    heads = [heads[k] for k in used]
    lines = [" | ".join(heads), "|".join("---" for _ in heads), *rows]
    return "\n".join(f"| {line} |" for line in lines) if rows else ""


def section(title: str, *parts: str) -> str:
    """Return a section with what there is of its parts; nothing if there is none of them."""
    found = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *found]) if found else ""


def toctree(pages: Iterable[str], caption: str = "") -> str:
    """Return a list of pages that the side bar has, too, and the page itself not."""
    head = ":hidden:\n" + (f":caption: {caption}\n" if caption else "")
    return "```{toctree}\n" + head + "\n" + "\n".join(pages) + "\n```"


def page(folder: Path, name: str, *parts: str) -> None:
    """Write a page, if it is not there already as it is: Sphinx reads again what is newer."""
    text = "\n\n".join(part for part in parts if part) + "\n"
    path = folder / f"{name}.md"
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
