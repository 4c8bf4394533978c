"""The service in its sandbox: it sorts, drives the lines of its rig, is watched, and reaches the devices that are configured."""

import os
import re
import shutil
import signal
import time
from pathlib import Path

from bench import PAYLOAD, RESULTS, need, shell, until
from checks_package import ledger
from machine import START_LIMIT_S, UNIT, Hung, allowed, answers, configure, facts, journal, run, runs, show
from mechanism import Mechanism

RIG = "/usr/share/bunri/rigs/dc-motor-four-way"
RIG_STREAMS = ["clear_pet", "can", "paper", "general"]
DEMO_STREAMS = ["clear_pet", "plastic", "can", "glass", "paper", "carton", "film", "foam", "general"]
CLIP_RATE_HZ = 4
# A stage may be silent for 5 s, then the unit's WatchdogSec passes; the machine may be an emulated one.
HUNG_LIMIT_S = 5 + 10 + 10


def clips(*names):
    """Recorded clips in place of a camera, named by the configuration; slow, as an emulated processor looks for seconds."""
    for name in names:
        file = PAYLOAD / "clips" / name / "clip.toml"
        file.write_text(re.sub(r"(?m)^fps = .*", f"fps = {CLIP_RATE_HZ}", file.read_text()))
    paths = ", ".join(f'"{PAYLOAD}/clips/{name}"' for name in names)
    return f'source = "replay"\n[camera.replay]\nclips = [{paths}]'


def still():
    """A clip of the empty chamber in which nothing moves: nothing keeps the flap from going home."""
    folder = PAYLOAD / "clips/still"
    folder.mkdir(exist_ok=True)
    shutil.copy(PAYLOAD / "clips/can/0000.jpg", folder)
    (folder / "clip.toml").write_text("fps = 5\nframes = 3000\n")
    return clips("still")


def sorting(table):
    """Recorded items and a simulated flap, both named by the configuration: the network and the ledger in the sandbox."""

    def sorts():
        since = time.time()
        configure(clips("can", "pet-bottle"), 'drive = "simulated"', PAYLOAD / "demo", DEMO_STREAMS)
        need(allowed() == "", f"clips and a simulated flap may reach {allowed()}")
        done = lambda: [row for row in ledger() if row["state"] == "confirmed"]
        try:
            rows = until(done, "nothing is sorted", 240)
        finally:
            (RESULTS / "sorting.log").write_text(journal(since))
        return f"{rows[0]['label']} to {rows[0]['stream']}, in the ledger; no device is open to it"

    table.check("sorts in its sandbox", sorts)

    def stops():
        since = time.time()
        shell(f"systemctl stop {UNIT}")
        need(show("Result") == "success", f"it ended with {show('Result')}")
        need("ledger closed" in journal(since), "it did not stop in order")
        return f"in order, after {time.time() - since:.1f} s"

    table.check("stops in order", stops)


def drive(table):
    """A rig's lines on the kernel's simulated chip: the motor is on in the middle of a move, and nothing may leave it on."""
    mechanism = Mechanism()
    # It turns and never gets anywhere, so that every check finds it on its way.
    mechanism.angle_deg, mechanism.stuck = 20.0, True
    # With resistors of its own: asking the simulated chip for a bias would move its lines, as no resistor does, for a moment.
    rig = Path("/etc/bunri/rig")
    rig.mkdir()
    text = Path(RIG, "rig.toml").read_text()
    (rig / "rig.toml").write_text(text.replace(', bias = "pull_up"', ""))

    def moves():
        pid = configure(still(), 'drive = "rig"\nmove_limit_ms = 20000\nretries = 20', rig, RIG_STREAMS)
        need("gpiochip" in allowed() and "video" not in allowed(), f"it may reach {allowed()}")
        until(mechanism.is_on, "the motor is never on", START_LIMIT_S)
        return pid

    def is_let_go():
        held = run("cat /sys/kernel/debug/gpio").stdout
        return "|bunri-drive" not in held

    def stop():
        moves()
        since = time.time()
        shell(f"systemctl stop {UNIT}")
        need(not mechanism.is_on(), "the motor is on")
        need(is_let_go(), "the lines are still held")
        said = journal(since)
        need("the dc_motor drive is off" in said, f"ExecStopPost did not say that the drive is off: {said[-300:]}")
        return f"off and its lines let go after {time.time() - since:.1f} s; ExecStopPost took the force off once more"

    table.check("stop in a move leaves the drive off", stop)

    def watchdog():
        pid, restarts, since = moves(), int(show("NRestarts")), time.time()
        hung_at = time.monotonic()
        with Hung(pid, "mechanism") as hung:
            need(mechanism.is_on(), "the motor was not on when its thread hung")
            until(hung.is_gone, "the hung thread is not killed", HUNG_LIMIT_S)
        until(lambda: not mechanism.is_on(), "the motor stays on", 2)
        lag = time.monotonic() - hung_at
        again = until(lambda: int(show("NRestarts")) > restarts and runs(), "it is not started anew", START_LIMIT_S)
        need(again != pid, "the same program runs on")
        said = journal(since)
        need(re.search(r"stage=\"?mechanism", said), f"the log does not name the stage: {said[-300:]}")
        need("watchdog" in said.lower(), "it was not the watchdog")
        (RESULTS / "watchdog.log").write_text(said)
        answers()
        return f"the flap's thread hung in a move: motor off {lag:.1f} s later, started anew, the log names the stage"

    table.check("a hung stage: watchdog, drive off, restart", watchdog)

    def kill():
        until(mechanism.is_on, "the motor is never on", START_LIMIT_S)
        pid, killed = int(show("MainPID")), time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: not mechanism.is_on(), "the motor stays on", 2)
        lag = time.monotonic() - killed
        until(lambda: show("MainPID") not in ("0", str(pid)) and runs(), "it is not started anew", START_LIMIT_S)
        return f"motor off {lag * 1000:.0f} ms after it, and the service is back"

    table.check("kill -9 in a move: drive off, restart", kill)
    shell(f"systemctl stop {UNIT}")


def camera(table):
    """A camera that is plugged in after the service has started: the sandbox lets it in, by class, and nothing else."""

    def sees():
        need(not Path("/dev/video0").exists(), "there is a camera already")
        name = "platform-vivid.0-video-index0"
        size = 'source = "v4l2"\nformat = "yuyv"\nrate_hz = 5\n' + f'device = "/dev/v4l/by-path/{name}"'
        # `bunri check` wants the camera; the crew's order is to plug it in first.
        shell("modprobe vivid n_devs=1 node_types=0x1 && udevadm settle")
        configure(size, 'drive = "none"', PAYLOAD / "demo", DEMO_STREAMS)
        shell("systemctl stop bunri && rmmod vivid && systemctl start bunri")
        pid = runs()
        need("video4linux" in allowed() and "gpio" not in allowed(), f"it may reach {allowed()}")
        shell("modprobe vivid n_devs=1 node_types=0x1 && udevadm settle")
        rate = until(lambda: facts()["camera"]["frames_per_s"], "no pictures arrive", 60)
        need(int(show("MainPID")) == pid, "it was started anew")
        return f"{rate} pictures/s of a camera that came after the service"

    table.check("sees the configured camera", sees)
    shell(f"systemctl stop {UNIT}")
    run("rmmod vivid")
