"""The flap on a servo: its pulses as the kernel's PWM core got them, and its power's line."""

import signal
from pathlib import Path

from bench import RESULTS, Bin, need, rig, shell, until
from cameras import Clip
from checks_camera import RIBBON_CAMERA

STATES = Path("/sys/kernel/debug/bunri-board/pwm")
PERIOD_US = 20_000
# Of calibration/rigs/servo-two-way.
HOME_US, CLEAR_PET_US, RAMP_US_PER_S = 1_500, 1_000, 2_500
# The emulated processor may come late to look at a line.
LATE_S = 0.1


def states():
    """[(seconds of the monotonic clock, running, period, width)] of the channel, times in microseconds."""
    rows = [[int(word) for word in line.split()] for line in STATES.read_text().splitlines()]
    return [(at / 1e9, bool(on), period / 1e3, width / 1e3) for at, channel, on, period, width in rows if channel == 0]


def power(mechanism, since):
    """[(seconds, level)] of the power's line from the trace."""
    rows = [(row[0], row[1]) for row in mechanism.trace[since:]]
    return [row for before, row in zip([(0, None), *rows], rows) if before[1] != row[1]]


def servo(table, camera, mechanism):
    """Everything that the rig of `calibration/rigs/servo-two-way` must do and must never do."""
    shell("modprobe bunri_board")
    camera.open()
    camera.queue, camera.picture = [], Clip("can").pictures[0]
    calibration = rig("servo-two-way", ('chip = "fe20c000.pwm"', 'chip = "bunri-pwm.0"'))
    new = lambda keep=False: Bin(
        "servo", RIBBON_CAMERA, 'drive = "rig"\nmove_limit_ms = 8000', calibration, keep, streams=["clear_pet", "general"]
    )
    ready = lambda bin_: until(
        lambda: (bin_.facts.get("state"), bin_.facts.get("flap", {}).get("place")) == ("empty", 0),
        f"it does not come to rest at home: {bin_.facts}",
        90,
    )

    def homes(bin_):
        ready(bin_)
        first, *rest = states()
        need(not first[1], "the channel ran before it was set up")
        started = next(row for row in rest if row[1])
        need(started[2:] == (PERIOD_US, HOME_US), f"its first pulses are {started[3]} of {started[2]} us")
        need(not states()[-1][1] and not mechanism.is_on(), "pulses or power stay on at rest")
        return f"first pulses {started[3]:.0f} us each {started[2] / 1000:.0f} ms; at rest neither pulses nor power"

    def moves(bin_):
        since, known = len(mechanism.trace) - 1, len(states())
        camera.play(Clip("pet-bottle"), hold=lambda: any(abs(row[3] - CLEAR_PET_US) < 1 for row in states()[known:]))
        ready(bin_)
        rows, lines = states()[known:], power(mechanism, since)
        need(all(period == PERIOD_US and width <= period for _, _, period, width in rows), "a pulse as long as its period")
        there = next(index for index, row in enumerate(rows) if abs(row[3] - CLEAR_PET_US) < 1)
        begun = next(row for row in rows if row[1])
        ramp = [row for row in rows[: there + 1] if row[0] >= begun[0]]
        widths = [width for *_, width in ramp]
        need(begun[3] == HOME_US and widths == sorted(widths, reverse=True), f"no ramp from home: {widths}")
        took, least = ramp[-1][0] - begun[0], (HOME_US - CLEAR_PET_US) / RAMP_US_PER_S
        need(took >= 0.9 * least and len(ramp) >= 4, f"{len(ramp)} steps in {took:.2f} s, {least:.2f} s is the ramp's")
        rests = [(a, b) for a, b in zip(rows, rows[1:]) if a[1] and not b[1]]
        need(len(rests) == 2, f"the channel stopped {len(rests)} times, there and at home is twice")
        for quiet, stop in rests:
            # The width became zero in the row before the channel stopped.
            need(quiet[3] == 0 and stop[0] - quiet[0] >= PERIOD_US / 1e6, "a pulse was cut off")
        _write(RESULTS / "servo.csv", rows, lines)
        levels = [level for _, level in lines]
        need(levels == [0, 1, 0, 1, 0], f"the power's line went {levels}")
        need(lines[1][0] >= begun[0] - LATE_S, "it had power before it had pulses")
        return f"ramp of {len(ramp)} steps in {took:.2f} s, a whole period without pulse before each stop, power only while moving"

    def killed(bin_):
        ready(bin_)
        pictures = Clip("pet-bottle").pictures[:: camera.step]
        coming = pictures[: len(pictures) // 2]
        camera.queue, camera.picture = coming, coming[-1]
        until(mechanism.is_on, "the flap does not start")
        bin_.process.send_signal(signal.SIGKILL)
        bin_.process.wait()
        until(lambda: not mechanism.is_on(), "the power stays on", 2)
        camera.queue, camera.picture = [], Clip("can").pictures[0]
        return f"power off; the channel, which belongs to no process, {'runs on' if states()[-1][1] else 'had stopped'}"

    def again(bin_, known):
        ready(bin_)
        need(not states()[known][1], "the first thing was not to stop the channel")
        return "channel stopped before all else, then home"

    with new() as bin_:
        table.check("servo homes", lambda: homes(bin_))
        table.check("servo moves by a ramp, and rests without pulses and power", lambda: moves(bin_))
        table.check("kill -9 during a servo's move takes its power", lambda: killed(bin_))
        if bin_.process.poll() is None:
            bin_.process.kill()
            bin_.process.wait()
    known = len(states())
    with new(keep=True) as bin_:
        table.check("after the kill: the channel is stopped first", lambda: again(bin_, known))
        table.check("orderly stop with a servo", bin_.stop)
    table.check("servo without power after the stop", lambda: need(not mechanism.is_on() and not states()[-1][1], "it is on"))


def _write(path, rows, lines):
    """A movement as CSV: pulse width (0: none) and the power's level, in seconds from its first row."""
    begun = min(rows[0][0], lines[0][0] if len(lines) < 2 else lines[1][0])
    with path.open("w") as file:
        file.write("seconds,what,value\n")
        for at, on, _, width in rows:
            file.write(f"{at - begun:.3f},width_us,{width if on else 0:.0f}\n")
        for at, level in lines[1:]:
            file.write(f"{at - begun:.3f},power,{level}\n")
