"""Excel workbooks, part by part, with any XML in their sheets."""

from __future__ import annotations

import io
import zipfile

HIDDEN = ' state="hidden"'
FORMATS = ("General", "yyyy-mm-dd", "h:mm", "[h]:mm", "00000", '0 "d"')


def cell(value: str, at: str = "", **attributes: str) -> str:
    """A cell with `value` as its XML; `s` is the place of its format in FORMATS."""
    named = "".join(f' {name}="{given}"' for name, given in {"r": at, **attributes}.items() if given)
    return f"<c{named}>{value}</c>"


def number(value: object, at: str = "", **attributes: str) -> str:
    return cell(f"<v>{value}</v>", at, **attributes)


def text(value: str, at: str = "") -> str:
    return cell(f"<is><t>{value}</t></is>", at, t="inlineStr")


def rows(*found: list[str], first: int = 1) -> str:
    return "".join(f'<row r="{first + at}">{"".join(cells)}</row>' for at, cells in enumerate(found))


def workbook(*sheets: str, hidden: tuple[int, ...] = (), book: str = "", behind: str = "", first: str = "") -> bytes:
    """`sheets`: the rows of each; `behind`: what stands below the rows of the first; `first`: XML before all."""
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = lambda found: f"<Relationships>{found}</Relationships>"  # noqa: E731
    listed = "".join(
        f'<sheet name="s{at}" sheetId="{at}" r:id="r{at}"{HIDDEN if at in hidden else ""}/>'
        for at in range(1, len(sheets) + 1)
    )
    formats = "".join(
        f'<numFmt numFmtId="{200 + at}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for at, code in enumerate(FORMATS)
    )
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(f'<Relationship Id="a" Type="{relation}/officeDocument" Target="xl/workbook.xml"/>'),
        "xl/workbook.xml": f'<workbook xmlns:r="{relation}">{book}<sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            f'<Relationship Id="s" Type="{relation}/styles" Target="styles.xml"/>'
            + "".join(
                f'<Relationship Id="r{at}" Type="{relation}/worksheet" Target="/xl/sheet{at}.xml"/>'
                for at in range(1, len(sheets) + 1)
            )
        ),
        "xl/styles.xml": f"<styleSheet><numFmts>{formats}</numFmts><cellXfs>"
        + "".join(f'<xf numFmtId="{200 + at}"/>' for at in range(len(FORMATS)))
        + "</cellXfs></styleSheet>",
    }
    for at, content in enumerate(sheets, 1):
        below = behind if at == 1 else ""
        parts[f"xl/sheet{at}.xml"] = f"{first}<worksheet><sheetData>{content}</sheetData>{below}</worksheet>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()
