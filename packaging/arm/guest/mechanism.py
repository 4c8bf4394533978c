"""A small model of a flap on a DC motor, behind the kernel's simulated GPIO chip.

It reads the lines that the program drives, turns an angle by them, and closes the switches that the angle reaches. The
program sees nothing but GPIO character devices, as on a board.
"""

import os
import threading
import time
from pathlib import Path

from bench import shell

ENABLE, FORWARD, REVERSE = 17, 27, 22
# Places of calibration/rigs/dc-motor-four-way/rig.toml: the line of their switch, and the angle.
HOME = "home"
PLACES = {"clear_pet": (6, -80.0), "can": (13, -40.0), HOME: (5, 0.0), "paper": (19, 40.0), "general": (26, 80.0)}
SERVICE_DOOR, BEAM = 16, 20
LAMP, BUZZER, BUTTON = 23, 24, 21
BARRIER = 12  # of the general waste's compartment: closed while it sees its light
STOP_DEG = 88.0  # the chute's own end
REACH_DEG = 4.0  # how far from a place its switch is still closed
SPEED_DEG_PER_S = 25.0  # slow, because the processor that must stop it is emulated
STEP_S = 0.004
# The rig's pause before the other direction, here so long that the model cannot miss it when the emulation stutters.
DEAD_TIME = ("dead_time_ms = 50", "dead_time_ms = 400")
CONFIG = Path("/sys/kernel/config/gpio-sim/flap")


class Mechanism:
    """The lines and what hangs on them. `trace` holds what changed: (time, levels of outputs and switches, angle).

    `front` is the same of the lamp and the buzzer: (time, lamp, buzzer).
    """

    def __init__(self):
        shell("modprobe gpio-sim")
        bank = CONFIG / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text("32")
        (bank / "label").write_text("bunri-rig")
        for line in [ENABLE, FORWARD, REVERSE, SERVICE_DOOR, BEAM, LAMP, BUZZER, BUTTON, BARRIER, *(line for line, _ in PLACES.values())]:
            (bank / f"line{line}").mkdir()
            (bank / f"line{line}/name").write_text(f"GPIO{line}")
        (CONFIG / "live").write_text("1")
        device, chip = (CONFIG / "dev_name").read_text().strip(), (bank / "chip_name").read_text().strip()
        shell("udevadm settle")
        self.lines = Path(f"/sys/devices/platform/{device}/{chip}")
        self.files = {}
        self.angle_deg, self.stuck, self.trace, self.front = 0.0, False, [], []
        # A closed contact pulls its line low: all but the button's are closed while all is well.
        self.inputs = {SERVICE_DOOR: 0, BEAM: 0, BARRIER: 0, BUTTON: 1}
        threading.Thread(target=self._run, daemon=True).start()

    def level(self, line):
        """What the line carries now."""
        if line not in self.files:
            self.files[line] = os.open(self.lines / f"sim_gpio{line}/value", os.O_RDONLY)
        return int(os.pread(self.files[line], 2, 0))

    def _outputs(self):
        """Levels that stood together: the program changes several lines at once, which single reads could mix."""
        read = lambda: [self.level(line) for line in (ENABLE, FORWARD, REVERSE)]
        levels = read()
        while (again := read()) != levels:
            levels = again
        return levels

    def _pull(self, line, level):
        # Asking for a bias sets the pull too, so what is there is looked at each time.
        if self.level(line) != level:
            (self.lines / f"sim_gpio{line}/pull").write_text("pull-up" if level else "pull-down")

    def at(self):
        """The places whose switches are closed."""
        return [place for place, (_, angle) in PLACES.items() if abs(self.angle_deg - angle) <= REACH_DEG]

    def _run(self):
        last, before = None, time.monotonic()
        while True:
            enable, forward, reverse = self._outputs()
            now = time.monotonic()
            if enable and forward != reverse and not self.stuck:
                self.angle_deg += (forward - reverse) * SPEED_DEG_PER_S * (now - before)
                self.angle_deg = max(-STOP_DEG, min(STOP_DEG, self.angle_deg))
            before = now
            closed = self.at()
            for place, (line, _) in PLACES.items():
                self._pull(line, 0 if place in closed else 1)
            for line, level in self.inputs.items():
                self._pull(line, level)
            levels = (enable, forward, reverse, tuple(closed), self.inputs[BEAM], self.inputs[SERVICE_DOOR])
            if levels != last:
                self.trace.append((now, *levels, self.angle_deg))
                last = levels
            front = (self.level(LAMP), self.level(BUZZER))
            if not self.front or self.front[-1][1:] != front:
                self.front.append((now, *front))
            time.sleep(STEP_S)

    def is_on(self):
        """Whether the motor is driven."""
        return self.level(ENABLE) == 1

    def wrongs(self, since=0):
        """What must never be on the lines, in words."""
        found, before = [], None
        for at, enable, forward, reverse, *_ in self.trace[since:]:
            if forward and reverse:
                found.append(f"both directions at {at:.3f}")
            if before and enable and before[0] and (forward, reverse) != before[1:]:
                found.append(f"another direction while enabled at {at:.3f}")
            before = (enable, forward, reverse)
        return found

    def write_trace(self, path, since):
        """The trace as CSV, in seconds from its first line."""
        rows = self.trace[since:]
        with path.open("w") as file:
            file.write("seconds,enable,forward,reverse,switches,beam,angle_deg\n")
            for at, enable, forward, reverse, closed, beam, _, angle in rows:
                file.write(f"{at - rows[0][0]:.3f},{enable},{forward},{reverse},{' '.join(closed)},{beam},{angle:.1f}\n")
