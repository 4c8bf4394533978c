"""Runs every check on the virtual board and prints the table; the exit code says whether all passed."""

import shutil
import sys
from functools import cache
from pathlib import Path

import checks_camera
import checks_flap
import checks_sensors
import checks_servo
import checks_sorting
from bench import PAYLOAD, RESULTS, Hub, Table, shell
from cameras import Ribbon
from mechanism import Mechanism


def main(only):
    """`only` names one group of checks; empty: all."""
    rules = Path("/etc/udev/rules.d")
    rules.mkdir(parents=True, exist_ok=True)
    shutil.copy(PAYLOAD / "udev/70-bunri.rules", rules)
    shell("udevadm control --reload")
    RESULTS.mkdir()
    table, hub, camera = Table(), Hub(), Ribbon()
    rig = cache(Mechanism)
    camera.plug()
    groups = {
        "vivid": lambda: checks_camera.vivid(table),
        "two": lambda: checks_camera.two_cameras(table),
        "ribbon": lambda: checks_camera.ribbon(table, camera),
        "sorting": lambda: checks_sorting.sorting(table, camera, hub),
        "flap": lambda: checks_flap.flap(table, camera, hub, rig()),
        "sensors": lambda: checks_sensors.sensors(table, camera, hub, rig()),
        "servo": lambda: checks_servo.servo(table, camera, rig()),
    }
    for name, group in groups.items():
        if only in ("", name):
            table.group(name, group)
    return table.print()


sys.exit(0 if main(sys.argv[1] if len(sys.argv) > 1 else "") else 1)
