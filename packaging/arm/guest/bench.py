"""The table of checks, and the `bunri` program under test, on the virtual board."""

import json
import re
import shutil
import subprocess
import threading
import time
import traceback
import urllib.request
from pathlib import Path

PAYLOAD = Path("/payload")
BUNRI = PAYLOAD / "bunri"
RESULTS = Path("/results")
# Everything is some twenty times slower here; a check that waits longer than this has failed.
PATIENCE_S = 60
# In the order of calibration/rigs/dc-motor-four-way.
FOUR_WAY = ["clear_pet", "can", "paper", "general"]


class Failed(Exception):
    """A check that does not hold, in words."""


def need(condition, otherwise):
    """Fails the check unless `condition` holds."""
    if not condition:
        raise Failed(otherwise)


def until(question, otherwise, limit_s=PATIENCE_S):
    """Asks again and again until the answer is true, and returns it."""
    end = time.monotonic() + limit_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{otherwise} within {limit_s} s")
        time.sleep(0.02)


def shell(command):
    """Output of a shell command that must succeed."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    need(done.returncode == 0, f"`{command}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def rig(name, *changes):
    """The calibration of a rig that ships, as the board's bin has it; `changes`: what stands there, and what is to."""
    text = (PAYLOAD / f"calibration/rigs/{name}/rig.toml").read_text()
    for shipped, here in [(f'rig = "{name}"', 'rig = "demo"'), *changes]:
        need(shipped in text, f"the rig has no {shipped}")
        text = text.replace(shipped, here)
    return text


class Table:
    """Runs checks one after the other; one that fails does not keep the next from running. `who` begins each line."""

    def __init__(self, who="arm"):
        self.rows, self.who = [], who

    def check(self, name, body):
        """Runs `body`, which returns what was seen, or fails."""
        begun = time.monotonic()
        try:
            passed, seen = True, body() or ""
        except Failed as why:
            passed, seen = False, str(why)
        except Exception:
            passed, seen = False, traceback.format_exc().strip()[-400:]
        took = time.monotonic() - begun
        seen = " | ".join(seen.split("\n"))
        self.rows.append((passed, name, seen))
        print(f"{self.who}: {'pass' if passed else 'FAIL'}  {name}: {seen} [{took:.0f} s]", flush=True)
        return passed

    def group(self, name, body):
        """Runs a group of checks; a row of its own only if it breaks off."""
        try:
            body()
        except Exception:
            why = traceback.format_exc().strip().replace("\n", " | ")[-400:]
            self.check(f"group '{name}'", lambda: need(False, f"it broke off: {why}"))

    def print(self):
        """The table, for people; returns whether every check passed."""
        width = max((len(name) for _, name, _ in self.rows), default=0)
        print(f"\n{self.who}: table")
        for passed, name, seen in self.rows:
            print(f"  {'pass' if passed else 'FAIL'}  {name:<{width}}  {seen}")
        failed = sum(not passed for passed, _, _ in self.rows)
        print(f"{self.who}: {len(self.rows)} checks, {failed} failed", flush=True)
        return failed == 0 and bool(self.rows)


class Bin:
    """One run of `bunri run`. `streams`: its compartments; `ca`: whose signature it wants on the broker's certificate."""

    def __init__(
        self, name, camera, mechanism='drive = "simulated"', calibration=None, keep=False, streams=FOUR_WAY, ca="ca"
    ):
        self.name = name
        self.folder = Path("/tmp") / f"bin-{name}"
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        text = (PAYLOAD / "guest/bin.toml").read_text()
        compartments = "\n".join(f'[[compartment]]\nstream = "{stream}"' for stream in streams)
        values = {
            "@ID@": name,
            "@STATE@": str(self.folder),
            "@CAMERA@": camera,
            "@MECHANISM@": mechanism,
            "@COMPARTMENTS@": compartments,
            "@CA@": ca,
        }
        for key, value in values.items():
            text = text.replace(key, value)
        (self.folder / "bunri.toml").write_text(text)
        rig = calibration or (PAYLOAD / "calibration/demo/rig.toml").read_text()
        # The demo's picture of its empty chamber is none of what these cameras show.
        (self.folder / "rig.toml").write_text(re.sub(r"(?m)^empty_chamber = .*\n", "", rig))
        self.facts, self.facts_at = {}, 0.0
        self.process = None

    def __enter__(self):
        return self.start()

    def start(self):
        """Starts the program, and listens to its page."""
        log = (self.folder / "log").open("ab")
        arguments = [BUNRI, "run", "--config", self.folder / "bunri.toml"]
        self.process = subprocess.Popen(arguments, stderr=log, stdout=log, env={"RUST_LOG": "debug,ort=warn", "PATH": "/usr/bin"})
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        shutil.copy(self.folder / "log", RESULTS / f"{self.name}.log")

    def stop(self):
        """Ends it in order; it must end with 0."""
        self.process.terminate()
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed("SIGTERM did not end it") from None
        need(code == 0, f"it ended with {code}: {self.log().strip().splitlines()[-1:]}")

    def _listen(self, process):
        while process.poll() is None:
            try:
                with urllib.request.urlopen("http://127.0.0.1:8480/events", timeout=20) as events:
                    for line in events:
                        if line.startswith(b'data: {"facts"'):
                            self.facts = json.loads(line[6:])["facts"]
                            self.facts_at = time.monotonic()
            except (OSError, ValueError):
                time.sleep(0.1)

    def log(self):
        """Everything it has said, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self.folder / "log").read_text(errors="replace"))

    def says(self, pattern, after=0, limit_s=PATIENCE_S):
        """Waits for a line of the log, after the first `after` characters; returns the match."""

        def look():
            need(self.process.poll() is None, f"bunri ended with {self.process.poll()}: {self.log()[-300:]}")
            return re.search(pattern, self.log()[after:], re.M)

        return until(look, f"the log does not say /{pattern}/", limit_s)

    def streams(self, **limit):
        """Waits until pictures arrive and are looked at."""
        until(
            lambda: self.process.poll() is not None
            or (self.facts.get("camera", {}).get("signal") and self.facts["camera"]["frames_per_s"] > 0),
            "no pictures arrive",
            **limit,
        )
        need(self.process.poll() is None, f"bunri ended: {self.log()[-300:]}")
        return self.facts["camera"]["frames_per_s"]

    def node(self):
        """The camera's node that the program has open."""
        links = [link.readlink() for link in Path(f"/proc/{self.process.pid}/fd").iterdir() if link.is_symlink()]
        nodes = sorted({link.name for link in links if link.name.startswith("video")})
        return " ".join(nodes)

    def drops(self):
        """The ledger's rows."""
        export = [BUNRI, "tally", "export", "--json", "--ledger", self.folder / "tally.db"]
        done = subprocess.run(export, capture_output=True, text=True)
        need(done.returncode == 0, f"the ledger cannot be exported: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]


BROKER = """
user root
per_listener_settings true
listener 1883 127.0.0.1
allow_anonymous true
listener 8883 127.0.0.1
cafile /payload/tls/ca.pem
certfile /payload/tls/broker.pem
keyfile /payload/tls/broker.key
require_certificate true
use_identity_as_username true
log_dest file /results/mosquitto.log
"""


class Hub:
    """mosquitto, and everything that was published on it. Bins come by TLS with a certificate, the listener does not."""

    def __init__(self):
        Path("/run/mosquitto.conf").write_text(BROKER)
        self.broker = subprocess.Popen(["mosquitto", "-c", "/run/mosquitto.conf"], stderr=subprocess.DEVNULL)
        time.sleep(2)
        listener = ["mosquitto_sub", "-h", "127.0.0.1", "-q", "1", "-v", "-t", "#"]
        self.listener = subprocess.Popen(listener, stdout=subprocess.PIPE, text=True)
        self.messages = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.listener.stdout:
            topic, _, payload = line.partition(" ")
            self.messages.append((topic, json.loads(payload)))

    def events(self, bin_name, kind):
        """What one bin has said of one kind."""
        topic = f"dt/recycle/yangcheon/{bin_name}/{kind}"
        return [event["data"] for at, event in list(self.messages) if at == topic]

    def log(self):
        """What the broker has said."""
        return (RESULTS / "mosquitto.log").read_text(errors="replace")

    def topics(self, bin_name):
        """Where one bin has published anything."""
        return {at for at, _ in list(self.messages) if f"/{bin_name}/" in at}

    def drops(self, bin_name):
        """The drops of one bin as the city received them, repetitions left out."""
        topic = f"dt/recycle/yangcheon/{bin_name}/drop"
        return {event["id"]: event["data"] for at, event in list(self.messages) if at == topic}
