"""Runs every check of the package on its machine and prints the table; the exit code says whether all passed."""

import sys
from pathlib import Path

import checks_package
import checks_ribbon
import checks_service
from bench import PAYLOAD, RESULTS, Table, shell


def main(only):
    """`only` names one group of checks between installing and removing; empty: all."""
    RESULTS.mkdir()
    table = Table("deb")
    uptime = Path("/proc/uptime").read_text().split()[0]
    print(f"deb: the machine is up after {uptime} s", flush=True)
    table.group("install", lambda: checks_package.install(table))
    groups = {
        "sorting": lambda: checks_service.sorting(table),
        "drive": lambda: checks_service.drive(table),
        "camera": lambda: checks_service.camera(table),
        "ribbon": lambda: checks_ribbon.ribbon(table),
    }
    for name, group in groups.items():
        if only in ("", name):
            table.group(name, group)
    log = shell("journalctl --no-pager -o short-precise -u bunri -u bunri-ribbon")
    (RESULTS / "journal.log").write_text(log)
    table.group("upgrade", lambda: checks_package.upgrade(table))
    table.group("purge", lambda: checks_package.purge(table))
    return table.print()


sys.exit(0 if main((PAYLOAD / "only").read_text().strip()) else 1)
