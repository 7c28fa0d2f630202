"""Checks the built documentation site: every link and anchor leads somewhere, and no page loads from another host.

    python -m scripts.check_site build/site

`make docs` runs it after the generator's own strict build, which sees the Markdown but not what is made of it. It also
names the pages of docs/ that no navigation entry leads to; that is no error, because the search finds them.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
POLICY = "default-src 'self'"
"""How the content security policy begins that scripts/site_theme/main.html puts into every page."""
_LOADED = {"src", "srcset", "poster", "data", "background", "action", "formaction"}
_LINKED = {"a", "area"}


class Page(HTMLParser):
    """`ids` can be linked to; `links` are followed by readers, `loads` by the browser; `policy` bounds the browser."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.update(given[name] for name in ("id", "name") if given.get(name))
        if tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given.get("content", "")
        if "href" in given and tag != "base":
            (self.links if tag in _LINKED else self.loads).append(given["href"])
        self.loads += [given[name] for name in sorted(_LOADED & given.keys())]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def findings(site: Path) -> list[str]:
    """A sentence for each thing that is wrong, with its page first. Raises ValueError for a site without pages."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        raise ValueError(f"{site} has no page; `make docs` builds it")
    return [f"{path.relative_to(site)}: {what}" for path in pages for what in _of_page(site, path, pages)]


def _of_page(site: Path, path: Path, pages: dict[Path, Page]) -> Iterator[str]:
    page = pages[path]
    if not page.policy.startswith(POLICY):
        yield "has no content security policy that begins with " + POLICY
    for address in page.loads:
        if _elsewhere(address):
            yield f"loads {address} from another host"
    for address in (*page.links, *page.loads):
        # the page for addresses that do not exist is served at any of them
        if _elsewhere(address) or urlsplit(address).scheme or path.name == "404.html":
            continue
        parts = urlsplit(address)
        target = _target(site, path, unquote(parts.path))
        if not target.is_file():
            yield f"links to {address}, which does not exist"
        elif parts.fragment and target in pages and not _anchor(pages[target], unquote(parts.fragment)):
            yield f"links to {address}, whose page has no such anchor"


def _elsewhere(address: str) -> bool:
    """Whether the address names a host; `mailto:` and `data:` name none."""
    return bool(urlsplit(address).netloc)


def _target(site: Path, path: Path, relative: str) -> Path:
    if not relative:
        return path
    found = (site / relative.lstrip("/") if relative.startswith("/") else path.parent / relative).resolve()
    return found / "index.html" if found.is_dir() else found


def _anchor(page: Page, name: str) -> bool:
    # the skip link and the like lead to what the page's script makes
    return name in page.ids or name.startswith("__")


def navigation() -> list[object]:
    """`nav` of zensical.toml: names of pages, and groups as {title: entries}."""
    nav: list[object] = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    return nav


def not_in_navigation() -> list[str]:
    """Pages of docs/ that zensical.toml does not name; the records of decisions are listed by docs/decisions.md."""
    named, docs = set(_strings(navigation())), ROOT / "docs"
    pages = {str(path.relative_to(docs)) for path in docs.rglob("*.md")}
    return sorted(page for page in pages - named if not page.startswith("decisions/"))


def _strings(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict | list):
        for each in entry.values() if isinstance(entry, dict) else entry:
            yield from _strings(each)


def main(arguments: list[str]) -> int:
    site = Path(arguments[0] if arguments else "build/site").resolve()
    found = findings(site)
    sys.stdout.write("".join(f"{each}\n" for each in found))
    for page in not_in_navigation():
        sys.stdout.write(f"note: docs/{page} is not in the navigation (zensical.toml)\n")
    pages = len(list(site.rglob("*.html")))
    sys.stdout.write(f"{pages} pages, {len(found)} problems\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
