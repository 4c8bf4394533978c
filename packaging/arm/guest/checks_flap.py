"""The flap: a DC motor's lines, moved by the items that the camera sees."""

import signal
import subprocess
import time

from bench import BUNRI, RESULTS, Bin, need, rig, until
from cameras import Clip
from checks_camera import RIBBON_CAMERA
from mechanism import BEAM, BUZZER, DEAD_TIME, HOME, LAMP, SERVICE_DOOR, SPEED_DEG_PER_S

RIG = 'drive = "rig"\nmove_limit_ms = 8000\nretries = 1'
# From a closed switch, or a broken beam, to a motor that is off. On a board this is one poll of the flap, 5 ms; here
# the processor is emulated and the model looks every 4 ms.
OFF_LIMIT_S = 0.5


def off_after(mechanism, since, begun):
    """Seconds from `begun` to the first line of the trace that has the motor off."""
    off = until(lambda: next((row for row in mechanism.trace[since:] if row[0] >= begun and not row[1]), None), "it stays on")
    return off[0] - begun


def flap(table, camera, hub, mechanism):
    """Everything that the rig of `calibration/rigs/dc-motor-four-way` must do and must never do."""
    camera.open()
    camera.picture = Clip("can").pictures[0]
    mechanism.angle_deg = 20.0
    calibration = rig("dc-motor-four-way", DEAD_TIME)
    state = lambda bin_: (bin_.facts.get("state"), bin_.facts.get("flap", {}).get("place"))
    ready = lambda bin_: until(lambda: state(bin_) == ("empty", 0), f"it does not come to rest at home: {bin_.facts}", 90)
    new = lambda keep=False: Bin("flap", RIBBON_CAMERA, RIG, calibration, keep)
    with new() as bin_:
        _moves(table, camera, mechanism, bin_, ready)
        _beam(table, camera, mechanism, bin_, ready)
        _jam(table, camera, mechanism, bin_, ready)
        _kill(table, camera, mechanism, bin_, ready)
    with new(keep=True) as bin_:
        _after(table, camera, mechanism, bin_, ready, hub)


def _moves(table, camera, mechanism, bin_, ready):
    def homes():
        need(not mechanism.is_on(), "the motor is on before anybody asked")
        ready(bin_)
        need(mechanism.at() == [HOME] and not mechanism.is_on(), f"it stands at {mechanism.angle_deg:.0f} degrees")
        need(not mechanism.wrongs(), "; ".join(mechanism.wrongs()))
        return f"from 20 degrees to home, motor off at {mechanism.angle_deg:+.1f}"

    def moves():
        since = len(mechanism.trace) - 1
        camera.play(Clip("can"), hold=lambda: "can" in mechanism.at())
        ready(bin_)
        need(not mechanism.wrongs(since), "; ".join(mechanism.wrongs(since)))
        rows = mechanism.trace[since:]
        starts = [row for before, row in zip(rows, rows[1:]) if row[1] and not before[1]]
        ways = ["forward" if row[2] else "reverse" for row in starts]
        need(ways == ["reverse", "forward"], f"it ran {ways}")
        there = next(row for row in rows if row[4] == ("can",))
        lag = off_after(mechanism, since, there[0])
        took = there[0] - starts[0][0]
        need(lag <= OFF_LIMIT_S, f"the motor ran on for {lag:.2f} s after the switch")
        least = 36 / SPEED_DEG_PER_S  # 40 degrees less the switch's reach, give or take where home was
        need(least - 0.4 <= took <= least + 1.0, f"it took {took:.2f} s to the switch")
        mechanism.write_trace(RESULTS / "move.csv", since)
        return f"reverse to 'can' in {took:.2f} s, off {lag * 1000:.0f} ms after its switch, then forward to home"

    def front():
        seen = mechanism.front[front_since:]
        beeps = sum(not before[2] and row[2] for before, row in zip(seen, seen[1:]))
        blinks = sum(before[1] and not row[1] for before, row in zip(seen, seen[1:]))
        need(beeps == 1, f"{beeps} beeps for an item that was accepted")
        need(blinks >= 2, f"the lamp went dark {blinks} times while the item was looked at and moved")
        until(lambda: mechanism.level(LAMP), "the lamp is not lit")
        steady = len(mechanism.front)
        time.sleep(2)
        need(mechanism.front[steady:] == [], "the lamp is not steady while the next item may come")
        return f"one beep, {blinks} blinks, then lit"

    def hand():
        since = len(mechanism.trace)
        camera.play(Clip("hand"))
        need(not [row for row in mechanism.trace[since:] if row[1]], "the motor ran though only a hand came")
        return "not one line moved"

    table.check("flap homes by its switch", homes)
    front_since = len(mechanism.front) - 1
    table.check("an item moves the right lines in the right order", moves)
    table.check("lamp and buzzer say so", front)
    table.check("a hand before the camera moves nothing", hand)


def _start_move(camera, mechanism, clip):
    """Plays a clip up to where its item lies, and returns while the flap is under way for it."""
    pictures = Clip(clip).pictures[:: camera.step]
    coming = pictures[: len(pictures) // 2]
    camera.queue, camera.picture = coming, coming[-1]
    until(mechanism.is_on, "the flap does not start", 60)
    until(lambda: abs(mechanism.angle_deg) > 12, "the flap does not turn")


def _beam(table, camera, mechanism, bin_, ready):
    def body():
        ready(bin_)
        counted, since = len(_confirmed(bin_)), len(mechanism.trace) - 1
        _start_move(camera, mechanism, "pet-bottle")
        broken = time.monotonic()
        mechanism.inputs[BEAM] = 1
        lag = off_after(mechanism, since, broken)
        until(lambda: HOME in mechanism.at() and not mechanism.is_on(), "it does not turn back")
        quiet = len(mechanism.trace)
        time.sleep(3)
        need(not [row for row in mechanism.trace[quiet:] if row[1]], "it moved while the beam was broken")
        need(lag <= OFF_LIMIT_S, f"the motor ran on for {lag:.2f} s")
        need(len(_confirmed(bin_)) == counted, "it was counted without having fallen")
        mechanism.inputs[BEAM] = 0
        mechanism.write_trace(RESULTS / "beam.csv", since)
        camera.queue, camera.picture = [], Clip("can").pictures[0]  # the resident takes the bottle back
        ready(bin_)
        need(not mechanism.wrongs(since), "; ".join(mechanism.wrongs(since)))
        return f"motor off {lag * 1000:.0f} ms after the beam, flap back home, nothing counted"

    table.check("a hand in the beam turns the flap back", body)
    mechanism.inputs[BEAM] = 0


def _jam(table, camera, mechanism, bin_, ready):
    def body():
        ready(bin_)
        counted, log = len(_confirmed(bin_)), len(bin_.log())
        _start_move(camera, mechanism, "can")
        mechanism.stuck = True
        bin_.says("alarm raised alarm=Mechanism", log)
        bin_.says("alarm raised alarm=Jam", log, limit_s=90)
        until(lambda: not mechanism.is_on(), "the motor is on in a jam", 1)
        quiet = len(mechanism.trace)
        time.sleep(3)
        need(not [row for row in mechanism.trace[quiet:] if row[1]], "it goes on trying in a jam")
        need(not mechanism.level(LAMP) and not mechanism.level(BUZZER), "the lamp invites residents to a jammed bin")
        mechanism.stuck = False
        camera.queue, camera.picture = [], Clip("can").pictures[0]  # the crew takes the can out
        mechanism.inputs[SERVICE_DOOR] = 1
        time.sleep(2)
        need(not mechanism.is_on(), "the motor is on while the door is open")
        mechanism.inputs[SERVICE_DOOR] = 0
        ready(bin_)
        need(len(_confirmed(bin_)) == counted, "it was counted without having fallen")
        return "time limit, one more try, then a jam with the motor off; door opened and closed: works again"

    table.check("a switch that never comes is a jam", body)
    mechanism.stuck, mechanism.inputs[SERVICE_DOOR] = False, 0


def _kill(table, camera, mechanism, bin_, ready):
    def body():
        ready(bin_)
        _start_move(camera, mechanism, "can")
        killed = time.monotonic()
        bin_.process.send_signal(signal.SIGKILL)
        until(lambda: not mechanism.is_on(), "the enable line stays on", 2)
        lag = time.monotonic() - killed
        bin_.process.wait()
        need(not mechanism.level(LAMP), "the lamp of a program that is gone is lit")
        return f"enable line off {lag * 1000:.0f} ms after it, flap left at {mechanism.angle_deg:+.0f} degrees"

    table.check("kill -9 during a move leaves the motor off", body)
    if bin_.process.poll() is None:
        bin_.process.kill()
        bin_.process.wait()


def _after(table, camera, mechanism, bin_, ready, hub):
    def restarts():
        camera.queue, camera.picture = [], Clip("can").pictures[0]
        ready(bin_)
        need(mechanism.at() == [HOME], f"it stands at {mechanism.angle_deg:.0f} degrees")
        verify = subprocess.run([BUNRI, "tally", "verify", "--ledger", bin_.folder / "tally.db"], capture_output=True, text=True)
        need(verify.returncode == 0, f"the ledger is not sound: {verify.stdout[-200:]}")
        states = [row["state"] for row in bin_.drops()]
        need("intent" not in states, f"an intent is still open: {states}")
        return f"homed again, ledger sound: {', '.join(states)}"

    def told():
        confirmed = {row["id"] for row in _confirmed(bin_)}
        need(confirmed, "there is nothing to compare")
        until(lambda: set(hub.drops("flap")) == confirmed, f"hub {set(hub.drops('flap'))}, ledger {confirmed}", 20)
        return f"{len(confirmed)} confirmed, {len(confirmed)} at the hub"

    table.check("after the kill: homes, settles the open drop", restarts)
    table.check("hub's topic = ledger, with the flap", told)
    table.check("orderly stop with the flap", bin_.stop)
    table.check("motor off after the stop", lambda: need(not mechanism.is_on(), "it is on"))


def _confirmed(bin_):
    return [row for row in bin_.drops() if row["state"] == "confirmed"]
