"""The installed package on its machine: the service, its page, its configuration, and a thread that is made to hang."""

import ctypes
import http.cookiejar
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from bench import Failed, need, shell, until

UNIT = "bunri.service"
PAGE = "http://127.0.0.1:8480"
CONFIG = Path("/etc/bunri/bunri.toml")
STATE = Path("/var/lib/bunri")
# The machine may be an emulated one, some twenty times slower than a board.
START_LIMIT_S = 120

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def run(command):
    """Ends as the command does; what it said is in `.stdout`."""
    return subprocess.run(command, shell=True, capture_output=True, text=True)


def said(done):
    """The end of what a command said, for a complaint."""
    return (done.stdout + done.stderr).strip()[-400:]


def show(name, unit=UNIT):
    """A property of a unit."""
    return shell(f"systemctl show -p {name} --value {unit}").strip()


def allowed():
    """The devices that the service may reach; systemd's own `ProtectClock` adds reading the clock."""
    return " ".join(show("DeviceAllow").replace("char-rtc r", "").split())


def journal(since, unit=UNIT):
    """What a unit has logged since a moment of the wall clock."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shell(f"journalctl -o cat --no-pager -u {unit} --since=@{since:.3f}"))


def runs(unit=UNIT):
    """Waits until the service says that it is ready; returns its process id."""

    def look():
        state = show("ActiveState", unit)
        return state == "active" and int(show("MainPID", unit))

    return until(look, f"{unit} is {show('ActiveState', unit)}, not active: {journal(time.time() - 60, unit)[-300:]}", START_LIMIT_S)


def get(path, opener=None):
    """Status and text of a page."""
    request = urllib.request.Request(PAGE + path, headers={"Accept-Language": "en"})
    try:
        with (opener.open if opener else urllib.request.urlopen)(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def answers():
    """Waits until the page says that the sorting loop is alive."""

    def look():
        try:
            return get("/healthz")[0] == 200
        except OSError:
            return False

    until(look, "the page does not answer", START_LIMIT_S)


def log_in(name, password):
    """A browser that has logged in."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    _, form = get("/login", opener)
    token = re.search(r'name="token" value="([^"]+)"', form)
    need(token, "the login page has no form")
    fields = urllib.parse.urlencode({"token": token[1], "next": "/", "name": name, "password": password})
    with opener.open(PAGE + "/login", fields.encode(), timeout=60) as answer:
        need(answer.status == 200 and "/login" not in answer.url, f"the login ended at {answer.url}")
    return opener


def facts(limit_s=30):
    """What the page's events say now; the page must be open on this machine."""
    end = time.monotonic() + limit_s
    with urllib.request.urlopen(PAGE + "/events", timeout=limit_s) as events:
        for line in events:
            if line.startswith(b'data: {"facts"'):
                return json.loads(line[6:])["facts"]
            need(time.monotonic() < end, "the page's events say nothing")
    raise Failed("the page's events ended")


def configure(camera, drive, folder, compartments, more=""):
    """Writes the crew's configuration, as docs/INSTALL.md says, and starts the service by it. Returns its process id."""
    streams = "".join(f'[[compartment]]\nstream = "{stream}"\n' for stream in compartments)
    name = re.search(r'(?m)^rig = "(.*)"', (Path(folder) / "rig.toml").read_text())[1]
    CONFIG.write_text(
        f'[bin]\ndistrict = "yangcheon"\nid = "deb-test"\n[camera]\n{camera}\n[rig]\nname = "{name}"\n'
        f'calibration = "{folder}/rig.toml"\n[model]\nbundle = "/usr/share/bunri/bundle"\n{streams}[mechanism]\n{drive}\n'
        f'[judge]\nvote_limit_ms = 10000\nvotes_least = 2\nvotes_most = 4\nclear_limit_ms = 30000\n{more}\n'
        '[web]\nlisten = "127.0.0.1:8480"\nopen_on_loopback = true\n'
    )
    done = run("bunri check")
    need(done.returncode == 0, f"bunri check: {said(done)}")
    shell(f"systemctl daemon-reload && systemctl restart {UNIT}")
    return runs()


class Hung:
    """One thread of a process, stopped where it is as a debugger stops it; the others run on, and the program is not told."""

    def __init__(self, pid, name):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        found = [int(task.name) for task in tasks if (task / "comm").read_text().strip() == name]
        need(len(found) == 1, f"{len(found)} threads are called '{name}'")
        self.thread = found[0]
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if self.libc.ptrace(request, self.thread, None, None) != 0:
                raise Failed(f"the thread cannot be stopped: {os.strerror(ctypes.get_errno())}")
        os.waitpid(self.thread, WALL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Nothing, where it is gone; a check that failed must not keep it for ever.
        self.libc.ptrace(PTRACE_DETACH, self.thread, None, None)

    def is_gone(self):
        """Whether the thread was killed. Asking lets it end: its tracer is told first."""
        try:
            pid, status = os.waitpid(self.thread, WALL | os.WNOHANG)
        except ChildProcessError:
            return True
        return pid != 0 and (os.WIFSIGNALED(status) or os.WIFEXITED(status))
