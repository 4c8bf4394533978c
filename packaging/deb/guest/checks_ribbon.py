"""The ribbon camera's unit, with stand-ins for its capture tool and for ffmpeg: it comes back by itself.

There is no v4l2loopback for this machine's kernel, and no such camera: the loopback side is tested on the virtual ARM board, the
real tools are not tested anywhere.
"""

import shutil
import time
from pathlib import Path

from bench import PAYLOAD, need, shell, until
from machine import journal, run, runs, show

UNIT = "bunri-ribbon.service"
HANGS = Path("/run/ribbon-hangs")


def ribbon(table):
    """Switched off until somebody wants it; then never away for long."""

    def is_off():
        need(run(f"systemctl is-enabled {UNIT}").stdout.strip() == "disabled", "it is enabled by the package")
        need(show("ActiveState", UNIT) == "inactive", "it runs")
        return "disabled, and no loopback device was made"

    table.check("ribbon unit: off until wanted", is_off)
    for tool in ("rpicam-vid", "ffmpeg"):
        shutil.copy(PAYLOAD / "stand-ins" / tool, f"/usr/local/bin/{tool}")
    # Only the module is taken out: this kernel has none.
    extra = Path(f"/etc/systemd/system/{UNIT}.d")
    extra.mkdir(parents=True)
    (extra / "test.conf").write_text("[Service]\nExecStartPre=\n")
    shell("systemctl daemon-reload")

    def comes_back(why, harm, limit_s):
        shell(f"systemctl enable --now {UNIT}")
        before, since = runs(UNIT), time.time()
        time.sleep(3)
        need(show("MainPID", UNIT) == str(before), f"it does not stay: {journal(since, UNIT)[-300:]}")
        harm()
        until(lambda: show("MainPID", UNIT) not in ("0", str(before)), f"it is not started anew after {why}", limit_s)
        took = time.time() - since - 3
        HANGS.unlink(missing_ok=True)
        return f"{took:.1f} s after {why}"

    def dies():
        return comes_back("its capture tool was killed", lambda: shell("pkill -9 -x rpicam-vid"), 20)

    def hangs():
        seen = comes_back("its capture tool hung", HANGS.touch, 60)
        need("watchdog" in journal(time.time() - 90, UNIT).lower(), "it was not the watchdog")
        return seen

    table.check("ribbon unit: back after a crash (stand-in tools)", dies)
    table.check("ribbon unit: back after a hang (stand-in tools)", hangs)
    shell(f"systemctl disable --now {UNIT}")
    shutil.rmtree(extra)
    for tool in ("rpicam-vid", "ffmpeg"):
        Path(f"/usr/local/bin/{tool}").unlink()
    shell("systemctl daemon-reload")
