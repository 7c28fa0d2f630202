"""Takes the pictures of docs/console.md from the recording: `python -m tests.console.pictures docs/images [dark]`.

Look at each of them afterwards. With Pillow they are stored with 128 colours, a third of the size.
"""

from __future__ import annotations

import base64
import io
import sys
import time
from pathlib import Path

from console.source import Source
from tests.browser import chromium
from tests.console import recorded
from tests.console.pages import LIVE, Page, addresses, served

SHOWN = {
    "annotate": ("annotate", 1180, 720, 0),
    "compare": ("compare", 1180, 820, 0),
    "decisions": ("decisions", 1180, 1180, 0),
    "drop": ("drop", 1180, 460, 0),
    "evaluation": ("evaluation", 1280, 900, 1500),
    "lineage": ("lineage", 1180, 760, 0),
    "live": (f"/projects/shop/runs/{LIVE}", 1280, 860, 0),
    "monitor": ("monitor", 1180, 820, 0),
    "next": ("rejected run", 1180, 800, 0),
    "profile": ("profile", 1180, 900, 0),
    "project": ("project", 1180, 620, 0),
    "projects": ("projects", 1180, 430, 0),
    "release": ("aborted release", 1280, 860, 0),
    "run": ("run", 1280, 1010, 0),
    "trials": ("trials", 1180, 800, 0),
}
"""Picture → page or path, width and height of the window, and where on the page it begins."""


THEN = """(() => {
  const late = Date.now() - Date.parse("@NOW@"), Today = Date;
  window.Date = class extends Today {
    constructor(...given) { given.length ? super(...given) : super(Today.now() - late); }
    static now() { return Today.now() - late; }
  };
})()"""
"""The browser's clock goes on from the moment of the recording, so that what runs there has not run for days."""


def main(folder: Path, theme: str = "light", *names: str) -> None:
    with chromium.browser() as browser, served(Source(recorded.stack(runs=60))) as console:
        browser.call("Emulation.setScrollbarsHidden", hidden=True)
        now = recorded.recording()["now"]
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=THEN.replace("@NOW@", now))
        page = Page(browser, console)
        for name in names or SHOWN:
            place, width, height, top = SHOWN[name]
            page.theme(theme)
            size = {"width": width, "height": height + top, "deviceScaleFactor": 1, "mobile": False}
            browser.call("Emulation.setDeviceMetricsOverride", **size)
            page.open(addresses().get(place, place))
            time.sleep(1.0)
            clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
            taken = base64.b64decode(browser.call("Page.captureScreenshot", clip=clip)["data"])
            (folder / f"console-{name}.png").write_bytes(_small(taken))
            print(name, flush=True)


def _small(picture: bytes) -> bytes:
    try:
        from PIL import Image
    except ImportError:
        return picture
    out = io.BytesIO()
    read = Image.open(io.BytesIO(picture)).convert("RGB")
    read.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
