"""HTML pages that escape by construction: text becomes HTML through `element`, and there is no other way.

A child that is a plain string is escaped; only what `element` made is not. Tags and attributes are those
of the lists below, so that neither a script nor an event handler, a link or a style attribute can be written.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import TypeAlias

from sluice.escaping import html

_TAGS = frozenset(
    "body caption circle dd div dl dt footer h1 h2 h3 head header html li line main meta p path rect span svg table "  # noqa: SIM905
    "tbody td text th thead title tr ul".split()
)
_EMPTY = frozenset({"meta"})
_ATTRIBUTES = frozenset(
    "aria-hidden aria-label charset class content cx cy d fill-opacity height http-equiv lang name r role scope "  # noqa: SIM905
    "text-anchor transform viewBox width x x1 x2 y y1 y2".split()
)

_STYLE = """
:root{color-scheme:light dark;--ink:#17212b;--quiet:#5d6b7a;--line:#e1e6ec;--paper:#f5f7f9;--card:#fff;--bar:#3f7fd6;
--base:#c2410c;--s2:#64748b;--s3:#1b7a43;--s4:#8b5cf6;--s5:#b7791f;--bad:#b3261e;--bad-soft:#fbe9e7;--good:#1b7a43;--good-soft:#e5f4ea;--warn:#8a5a00;--warn-soft:#fdf1d8}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ef;--quiet:#97a5b4;--line:#2b3643;--paper:#0f151c;--card:#171f29;
--bar:#6ea8f0;--base:#f3a26b;--s2:#94a3b8;--s3:#8fd3a8;--s4:#b9a3f7;--s5:#e8c170;--bad:#f2a19a;--bad-soft:#3b1d1b;--good:#8fd3a8;--good-soft:#16311f;--warn:#e8c170;
--warn-soft:#352a10}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;margin:0;background:var(--paper);
color:var(--ink)}
main{max-width:76rem;margin:0 auto;padding:2rem 1.25rem 3rem}
h1{font-size:1.65rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2.25rem 0 .6rem}
.sub,.quiet,footer,caption{color:var(--quiet)}.sub{margin:.3rem 0 0;overflow-wrap:anywhere}
footer{margin-top:2.5rem;font-size:.85rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.75rem;margin:1.4rem 0 0;padding:0}
.tiles>div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem .9rem}
.tiles dt{color:var(--quiet);font-size:.82rem}
.tiles dd{margin:.1rem 0 0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.note{font-size:.82rem;font-weight:400;color:var(--quiet)}.pair{display:inline-block;margin-right:.6rem}
.pair .tag{white-space:normal}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow-x:auto}
table{border-collapse:collapse;width:100%;min-width:44rem}
caption{text-align:left;padding:.7rem .9rem 0;font-size:.88rem}
th,td{text-align:left;padding:.55rem .9rem;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
thead th{border-top:0;color:var(--quiet);font-weight:600;font-size:.82rem;white-space:nowrap}
tbody th{font-weight:600;min-width:9rem;max-width:22rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.n.wrap{white-space:normal}.ends{display:inline-block;white-space:nowrap;color:var(--quiet)}
.tag{display:inline-block;border-radius:.35rem;padding:.05rem .45rem;font-size:.8rem;font-weight:600;
white-space:nowrap;background:var(--paper);color:var(--quiet)}
.tag.bad{background:var(--bad-soft);color:var(--bad)}.tag.good{background:var(--good-soft);color:var(--good)}
.tag.warn{background:var(--warn-soft);color:var(--warn)}
ul{margin:.5rem 0 0;padding-left:1.2rem}li{overflow-wrap:anywhere}
svg{display:block;max-width:100%;margin-top:.3rem}.rows svg{margin:0}
.bar{fill:var(--bar)}.over{fill:var(--bad)}.track{fill:var(--line)}
.base{fill:none;stroke:var(--base);stroke-width:1.5}.limit{stroke:var(--ink);stroke-width:1.5}
.rows div{display:grid;grid-template-columns:minmax(4rem,10rem) 3.6rem 7.5rem;gap:.6rem;align-items:center}
.key{display:inline-block;width:1.1rem;height:.55rem;border-radius:.15rem;background:var(--bar);margin-right:.35rem}
.key.line{height:0;border-top:2px solid var(--base);background:none;vertical-align:middle;border-radius:0}
h3{font-size:.95rem;margin:0 0 .3rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.75rem}
.plots>div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem .9rem;min-width:0}
.plots p{margin:.4rem 0 0;font-size:.85rem;color:var(--quiet)}
.plots>.wide{grid-column:1/-1}.plot{max-width:34rem}
.plot{width:100%;height:auto;font-size:11px;fill:var(--quiet)}
.plot .axis{font-size:11.5px}.plot .name,.plot .cell{fill:var(--ink)}.plot .cell{font-size:13px}
.plot .cell.small{font-size:11px}.plot .cell.on{fill:var(--card)}.plot .cell.on.hit{fill:#17212b}
.rule{stroke:var(--line);stroke-width:1}.guide{fill:none;stroke:var(--quiet);stroke-width:1;stroke-dasharray:4 3}
.whisker{fill:none;stroke:var(--quiet);stroke-width:1.5}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}.curve.thin{stroke-width:1.25}.curve.dashed{stroke-dasharray:5 3}
.area{fill-opacity:.35;stroke-width:1.25}.hit{fill:var(--bar)}.miss{fill:var(--bad)}
.s0{stroke:var(--bar);fill:var(--bar)}.s1{stroke:var(--base);fill:var(--base)}.s2{stroke:var(--s2);fill:var(--s2)}
.s3{stroke:var(--s3);fill:var(--s3)}.s4{stroke:var(--s4);fill:var(--s4)}.s5{stroke:var(--s5);fill:var(--s5)}
.curve.s0,.curve.s1,.curve.s2,.curve.s3,.curve.s4,.curve.s5{fill:none}.dot{stroke:none}
.key-line{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.82rem;color:var(--quiet);margin-top:.3rem}
.swatch{display:inline-block;width:1rem;height:.25rem;border-radius:.15rem;margin-right:.35rem;vertical-align:middle}
.swatch.s0{background:var(--bar)}.swatch.s1{background:var(--base)}.swatch.s2{background:var(--s2)}
.swatch.s3{background:var(--s3)}.swatch.s4{background:var(--s4)}.swatch.s5{background:var(--s5)}
.slim table{min-width:0}.slim th,.slim td{padding:.35rem .6rem}.slim{margin-bottom:.75rem}
@media(max-width:36rem){main{padding:1.2rem .8rem 2rem}.slim th,.slim td{padding:.3rem .4rem;font-size:.85rem}
.slim tbody th{min-width:5rem}.plots>div{overflow-x:auto}.plot.named{min-width:27rem}}
@media print{:root{--ink:#17212b;--quiet:#5d6b7a;--line:#e1e6ec;--paper:#fff;--card:#fff;--bar:#3f7fd6;--base:#c2410c}
body{background:#fff}.card,.tiles>div,.plots>div{break-inside:avoid}}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
"""No script, no picture, no font, no request; the one style is named by its hash."""


class Safe(str):
    """HTML that `element` made. Nothing else may make it."""

    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"


def element(tag: str, *children: Child, **attributes: str | int | float | None) -> Safe:
    """`class_="n"` is class, `aria_label` is aria-label; an attribute that is None is left out.

    Raises ValueError for a tag or an attribute that pages do not use: add it to the list if it cannot do anything.

    >>> element("td", "a < b", class_="n")
    '<td class="n">a &lt; b</td>'
    """
    if tag not in _TAGS:
        raise ValueError(f"<{tag}> is not among the tags that pages use")
    told = [tag]
    for name, value in attributes.items():
        plain = name.rstrip("_").replace("_", "-")
        if plain not in _ATTRIBUTES:
            raise ValueError(f"{plain} is not among the attributes that pages use")
        if value is not None:
            told.append(f'{plain}="{html(value)}"')
    opened = f"<{' '.join(told)}>"
    return Safe(opened if tag in _EMPTY else f"{opened}{_joined(children)}</{tag}>")


def _joined(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Safe):
        return child
    if isinstance(child, str | int):
        return html(child)
    return "".join(_joined(item) for item in child)


def page(title: str, *body: Child) -> str:
    """A whole document that needs nothing else and may do nothing."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Safe(f"<style>{_STYLE}</style>"),
    )
    return f"<!doctype html>\n{element('html', head, element('body', element('main', *body)), lang='en')}\n"


def table(
    header: Iterable[tuple[str, str | None]], rows: Iterable[Child], caption: Child = None, *, slim: bool = False
) -> Safe:
    """`header`: name and class of each column, if any; `rows`: what `row` made; `slim`: may be as narrow as a phone."""
    names = [element("th", name, scope="col", class_=kind) for name, kind in header]
    head = element("thead", element("tr", names)) if names else None
    parts = (element("caption", caption) if caption else None, head)
    return element("div", element("table", *parts, element("tbody", rows)), class_="card slim" if slim else "card")


def row(name: Child, *cells: Child | tuple[Child, str]) -> Safe:
    """A row with its heading; a cell is its content, or content and class."""
    made = [element("td", c[0], class_=c[1]) if isinstance(c, tuple) else element("td", c) for c in cells]
    return element("tr", element("th", name, scope="row"), made)


def tiles(*facts: tuple[str, Child, Child]) -> Safe:
    """Figures at a glance: name, value, note."""
    return element(
        "dl",
        [
            element("div", element("dt", name), element("dd", value, element("div", note, class_="note")))
            for name, value, note in facts
        ],
        class_="tiles",
    )


def tag(text: str, kind: str | None = None) -> Safe:
    """`kind`: good, bad or warn."""
    return element("span", text, class_=f"tag {kind}" if kind else "tag")
