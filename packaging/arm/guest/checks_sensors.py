"""How full the compartments are, what an item weighs, and the button: IIO and lines of the kernel."""

import threading
import time
from pathlib import Path

from bench import Bin, need, rig, shell, until
from cameras import Clip
from checks_camera import RIBBON_CAMERA
from mechanism import BARRIER, BUTTON, DEAD_TIME

BOARD = Path("/sys/kernel/debug/bunri-board")
EMPTY_MM, FULL_MM = 620, 120  # of calibration/rigs/dc-motor-four-way
CLEAR_PET, CAN, PAPER, GENERAL = range(4)
# The converter's counts under the empty chamber, and for each gram.
ZERO, COUNTS_PER_G = 50_000, 400
MV_PER_COUNT = 1_537e-9
ITEM_G = 18


def sensors(table, camera, hub, mechanism):
    """The sensors of `calibration/rigs/dc-motor-four-way`, with a measured load cell."""
    shell("modprobe bunri_board")
    for sensor in (CLEAR_PET, CAN, PAPER):
        _set(f"distance{sensor}", EMPTY_MM)
    _set("load", ZERO)
    mechanism.angle_deg = 0.0
    camera.open()
    camera.queue, camera.picture = [], Clip("can").pictures[0]
    cell = 'voltage = { name = "hx711" }'
    measured = f"{cell}\nzero_mv = {ZERO * MV_PER_COUNT}\ngrams_per_mv = {1 / (COUNTS_PER_G * MV_PER_COUNT)}"
    calibration = rig("dc-motor-four-way", DEAD_TIME, (cell, measured))
    with Bin("sensors", RIBBON_CAMERA, 'drive = "rig"\nmove_limit_ms = 8000', calibration) as bin_:
        _levels(table, hub, mechanism)
        _weight(table, camera, hub, mechanism, bin_)
        _button(table, hub, mechanism, bin_)
        table.check("orderly stop with sensors", bin_.stop)


def _set(what, value):
    (BOARD / what).write_text(str(value))


def _compartment(hub, position):
    """What the hub was told last of a compartment."""
    told = hub.events("sensors", "fill")
    return told[-1]["compartments"][position] if told else {}


def _levels(table, hub, mechanism):
    def told(position, wanted, otherwise):
        until(lambda: wanted(_compartment(hub, position)), otherwise, 120)

    def measured():
        told(CLEAR_PET, lambda now: now.get("level") == 0 and now.get("basis") == "measured", "it is not known to be empty")
        _set(f"distance{CLEAR_PET}", (EMPTY_MM + FULL_MM) // 2)
        told(CLEAR_PET, lambda now: abs((now.get("level") or 0) - 0.5) < 0.03, "it is not told as half full")
        return "620 mm is empty, 370 mm half full, as the hub was told"

    def full():
        _set(f"distance{CAN}", FULL_MM)
        mechanism.inputs[BARRIER] = 1
        told(CAN, lambda now: now.get("full"), "it is not full")
        told(GENERAL, lambda now: now.get("full"), "it is not full")
        _set(f"distance{CAN}", EMPTY_MM)
        mechanism.inputs[BARRIER] = 0
        told(CAN, lambda now: not now.get("full"), "it stays full")
        told(GENERAL, lambda now: not now.get("full"), "it stays full")
        return "by distance and by light barrier: full, and open again when emptied"

    def unknown():
        _set(f"distance{PAPER}", 0)
        told(PAPER, lambda now: "level" in now and now["level"] is None, "a sensor without echo is not told as unknown")
        _set(f"distance{PAPER}", EMPTY_MM)
        told(PAPER, lambda now: now.get("level") == 0, "it does not come back")
        return "ETIMEDOUT of the driver: unknown; with its echo again: known"

    table.check("fill levels from the kernel's IIO", measured)
    table.check("full compartments by distance and switch", full)
    table.check("a sensor without echo is unknown, not empty", unknown)


def _weight(table, camera, hub, mechanism, bin_):
    def arrives():
        until(lambda: bin_.facts.get("state") != "empty", "no item is seen to arrive")
        _set("load", ZERO + ITEM_G * COUNTS_PER_G)

    def body():
        until(lambda: bin_.facts.get("state") == "empty", "the chamber is not empty")
        time.sleep(8)  # some readings of the empty chamber
        threading.Thread(target=arrives).start()
        camera.play(Clip("can"), hold=lambda: "can" in mechanism.at())
        _set("load", ZERO)
        until(lambda: hub.drops("sensors"), "the hub was not told")
        (drop,) = hub.drops("sensors").values()
        weight = drop.get("weight_g")
        need(weight is not None and abs(weight - ITEM_G) < 0.5, f"it weighed {weight} g")
        return f"a can of {ITEM_G} g told as {weight} g"

    table.check("the item is weighed", body)


def _button(table, hub, mechanism, bin_):
    def body():
        until(lambda: bin_.facts.get("state") == "empty", "the chamber is not empty")
        mechanism.inputs[BUTTON] = 0
        time.sleep(0.5)
        mechanism.inputs[BUTTON] = 1
        until(lambda: "crew_called" in bin_.facts.get("alarms", []), f"the page shows {bin_.facts.get('alarms')}")
        calls = lambda: [alarm for alarm in hub.events("sensors", "alarm") if alarm["alarm"] == "crew_called"]
        until(calls, "the hub was not told")
        need(bin_.facts.get("state") == "empty" and not mechanism.is_on(), "the button moved something")
        return "one press: an alarm on the page and at the hub, nothing moved"

    table.check("the button calls the crew", body)
