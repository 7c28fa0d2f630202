"""What `make docs` refuses: links and anchors that lead nowhere, and pages that load from another host."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import check_site

POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'; img-src data:">'


def site(folder: Path, **pages: str) -> Path:
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<head>{POLICY}</head><body>{body}</body>", encoding="utf-8")
    (folder / "picture.svg").write_text("<svg/>")
    return folder


def test_a_site_whose_links_lead_somewhere_has_no_findings(tmp_path: Path) -> None:
    start = '<h2 id="a">A</h2><a href="#a">up</a><a href="other.html#b">b</a><img src="picture.svg">'
    other = '<h2 id="b">B</h2><a href="start.html">start</a><a href="https://example.org/x">elsewhere</a>'
    assert check_site.findings(site(tmp_path, start=start, other=other)) == []


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ('<a href="gone.html">x</a>', "links to gone.html, which does not exist"),
        ('<a href="#gone">x</a>', "links to #gone, whose page has no such anchor"),
        ('<a href="other.html#gone">x</a>', "links to other.html#gone, whose page has no such anchor"),
        ('<img src="gone.png">', "links to gone.png, which does not exist"),
        ('<script src="https://example.org/x.js"></script>', "loads https://example.org/x.js from another host"),
        ('<link rel="stylesheet" href="//example.org/x.css"/>', "loads //example.org/x.css from another host"),
        ('<iframe src="http://example.org"></iframe>', "loads http://example.org from another host"),
    ],
)
def test_what_is_wrong_is_named_with_its_page(tmp_path: Path, body: str, finding: str) -> None:
    assert check_site.findings(site(tmp_path, start=body, other="")) == [f"start.html: {finding}"]


def test_a_page_without_the_policy_is_refused(tmp_path: Path) -> None:
    (site(tmp_path, start="") / "bare.html").write_text("<p>bare</p>")
    assert check_site.findings(tmp_path) == [
        "bare.html: has no content security policy that begins with default-src 'self'"
    ]


def test_an_empty_folder_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no page"):
        check_site.findings(tmp_path)


def test_every_page_of_the_navigation_exists() -> None:
    named = set(check_site._strings(check_site.navigation()))
    pages = [name for name in named if name.endswith(".md")]
    assert len(pages) >= 20
    assert [name for name in pages if not (check_site.ROOT / "docs" / name).is_file()] == []


def test_the_theme_sets_the_policy_that_the_check_demands() -> None:
    theme = (check_site.ROOT / "scripts" / "site_theme" / "main.html").read_text(encoding="utf-8")
    page = check_site.Page(theme)
    assert page.policy.startswith(check_site.POLICY)
    assert "http" not in page.policy
