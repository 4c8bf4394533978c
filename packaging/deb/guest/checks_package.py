"""The package: what it installs, what an upgrade keeps, what is left after removing and after purging."""

import hashlib
import json
import re
import subprocess
import time
from pathlib import Path

from bench import PAYLOAD, RESULTS, need, shell
from machine import CONFIG, STATE, UNIT, allowed, answers, get, log_in, run, runs, said, show

DPKG = "DEBIAN_FRONTEND=noninteractive dpkg"
EXPOSURE_LIMIT = 2.0
PASSWORD = "sorts by itself"


def dpkg(words):
    """Runs dpkg, which must succeed."""
    done = run(f"{DPKG} {words}")
    need(done.returncode == 0, f"dpkg {words}: {said(done)}")
    return done.stdout


def install(table):
    """The package on a machine that has never seen it."""

    def installs():
        begun = time.monotonic()
        dpkg(f"--install {PAYLOAD}/bunri.deb")
        took = time.monotonic() - begun
        return shell("dpkg-query -W -f '${Version}, ${Installed-Size} KiB' bunri") + f", {took:.0f} s"

    def is_up():
        pid = runs()
        need(show("Type") == "notify" and show("WatchdogUSec") not in ("0", "infinity"), "it is not watched")
        need(run(f"systemctl is-enabled {UNIT}").stdout.strip() == "enabled", "it does not start at boot")
        owner = shell(f"ps -o user= -p {pid}").strip()
        need(owner == "bunri", f"it runs as {owner}")
        answers()
        return f"ready and watched ({show('WatchdogUSec')}), as user {owner}, its page answers"

    def chooses_nothing():
        done = run("bunri check")
        need(done.returncode == 0, said(done))
        need("no rig is chosen" in done.stdout and "no camera is chosen" in done.stdout, said(done))
        need(allowed() == "", f"it may reach {allowed()}")
        done = run("bunri doctor")
        need(done.returncode == 1 and "no rig is chosen" in done.stdout, f"doctor: {said(done)}")
        return "check passes, doctor does not, the service may reach no device"

    def page_says_so():
        set_password = ["bunri", "passwd", "kim", "--role", "act"]
        done = subprocess.run(set_password, input=PASSWORD + "\n", capture_output=True, text=True)
        need(done.returncode == 0, said(done))
        _, page = get("/", log_in("kim", PASSWORD))
        need("No rig is chosen yet" in page and "No camera is chosen yet" in page, "the page does not say so")
        return "after `bunri passwd` and a login: no rig, no camera is chosen yet"

    def is_confined():
        report = shell(f"systemd-analyze security --no-pager {UNIT}")
        (RESULTS / "security.txt").write_text(report)
        exposure = float(re.search(r"Overall exposure level for \S+ ([0-9.]+)", report)[1])
        need(exposure <= EXPOSURE_LIMIT, f"exposure {exposure}: {RESULTS}/security.txt")
        return f"systemd-analyze security: exposure {exposure}"

    table.check("installs", installs)
    table.check("starts by itself", is_up)
    table.check("drives nothing before a rig is chosen", chooses_nothing)
    table.check("page says so", page_says_so)
    table.check("confined", is_confined)
    table.check("brings its papers", papers)


def papers():
    """Manual, completions, licences and SBOM."""
    files = shell("dpkg -L bunri").split()
    for file in ["/usr/share/doc/bunri/copyright", "/usr/share/doc/bunri/INSTALL.md", "/usr/share/zsh/vendor-completions/_bunri"]:
        need(file in files, f"{file} is missing")
    pages = [file for file in files if file.startswith("/usr/share/man/man1/") and file.endswith(".gz")]
    main = shell("zcat /usr/share/man/man1/bunri.1.gz")
    for command in ("run", "check", "flap"):
        need(f"/usr/share/man/man1/bunri-{command}.1.gz" in pages and f"bunri\\-{command}" in main, f"no manual of `bunri {command}`")
    completes = "source /usr/share/bash-completion/completions/bunri; COMP_WORDS=(bunri ch); COMP_CWORD=1; _bunri bunri ch bunri"
    found = shell(f"bash -c '{completes}; echo \"${{COMPREPLY[*]}}\"'").split()
    need("check" in found, f"the shell completes `bunri ch` to {found}")
    bom = json.loads(Path("/usr/share/doc/bunri/bunri.cdx.json").read_text())
    inside = {part["name"]: part for part in bom["components"]}
    for name, file in [("onnxruntime", "/usr/lib/bunri/libonnxruntime.so"), (bundle_name(), "/usr/share/bunri/bundle/model.onnx")]:
        told = inside[name]["hashes"][0]["content"]
        need(told == hashlib.sha256(Path(file).read_bytes()).hexdigest(), f"the SBOM's {name} is another file than {file}")
    licences = shell("zcat /usr/share/doc/bunri/licences.txt.gz")
    bare = [name for name, part in inside.items() if "cargo/" in part.get("purl", "") and f"\n{name} {part['version']} " not in licences]
    need(not bare, f"no licence of {bare[:5]}")
    return f"{len(pages)} manual pages, completions, SBOM of {len(inside)} components, each with its licence"


def bundle_name():
    """What the factory's bundle calls itself."""
    return re.search(r'(?m)^name = "(.*)"', Path("/usr/share/bunri/bundle/manifest.toml").read_text())[1]


def ledger():
    """The rows of the ledger, as the crew exports them."""
    done = run("runuser -u bunri -- bunri tally export --json")
    need(done.returncode == 0, said(done))
    return [json.loads(line) for line in done.stdout.splitlines()]


def upgrade(table):
    """The next version over the running one, and then no version at all."""
    before = {}

    def keeps():
        shell(f"systemctl start {UNIT}")
        runs()
        before.update(rows=ledger(), config=CONFIG.read_text(), users=(STATE / "web/users.toml").read_text(), pid=show("MainPID"))
        dpkg(f"--install {PAYLOAD}/next.deb")
        pid = runs()
        need(str(pid) != before["pid"], "the old program still runs")
        answers()
        need(shell("dpkg-query -W -f '${Version}' bunri").endswith("+next"), "it is not the next version")
        need(CONFIG.read_text() == before["config"], "the configuration was changed")
        need("of the next version" in Path("/etc/default/bunri-ribbon").read_text(), "a default that nobody touched was not renewed")
        need((STATE / "web/users.toml").read_text() == before["users"], "the logins were changed")
        rows = ledger()
        need(rows[: len(before["rows"])] == before["rows"], "the ledger was changed")
        done = run("runuser -u bunri -- bunri tally verify")
        need(done.returncode == 0, said(done))
        return f"configuration, logins and {len(before['rows'])} rows of the ledger kept; runs anew"

    table.check("upgrade keeps state", keeps)

    def removes():
        dpkg("--remove bunri")
        need(show("ActiveState") == "inactive", f"the service is {show('ActiveState')}")
        need(not run("pgrep -x bunri").stdout, "the program still runs")
        need(not Path("/usr/bin/bunri").exists(), "the program is still there")
        need(CONFIG.read_text() == before["config"] and (STATE / "tally.db").is_file(), "configuration or ledger are gone")
        return "program and service are gone, configuration and ledger are not"

    table.check("removing keeps state", removes)


def purge(table):
    """Nothing of it is left but the account."""

    def purges():
        dpkg("--purge bunri")
        left = run("find / -xdev -path /payload -prune -o -path /results -prune -o -path /var/log -prune -o -name '*bunri*' -print").stdout.split()
        left = [file for file in left if file not in ("/etc/systemd/system/bunri-test.service",) and "bunri-test" not in file]
        need(not left, f"left behind: {left[:8]}")
        need(not STATE.exists() and not CONFIG.parent.exists(), "state or configuration are left")
        units = run("systemctl list-unit-files --no-legend 'bunri*'").stdout.split("\n")
        units = [unit for unit in units if unit and not unit.startswith("bunri-test")]
        need(not units, f"units are left: {units}")
        return "no file, no unit; the account stays, as Debian's own do"

    table.check("purging removes everything", purges)
