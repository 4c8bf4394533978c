"""The main job: items before the MJPG camera are sorted, and the city hears of exactly these."""

import re
import time

from bench import Bin, need, until
from cameras import Clip
from checks_camera import RIBBON_CAMERA

# The stream each must go to; ANY: it must be counted, but another bundle may see it otherwise.
ANY = "any"
CLIPS = {"can": "can", "pet-bottle": "clear_pet", "hand": None, "plastic-tub": ANY}


def sorting(table, camera, hub):
    """Plays clips before the camera of a bin with the simulated drive."""
    camera.open()
    with Bin("sorting", RIBBON_CAMERA) as bin_:

        def sort():
            camera.picture = Clip("can").pictures[0]
            until(lambda: bin_.facts.get("state") == "empty", "the chamber is not seen empty")
            wanted = []
            for name, stream in CLIPS.items():
                # A drop is on disk, and the flap has turned for it, while the chamber is waited for.
                camera.play(Clip(name), hold=lambda: not stream or bin_.facts.get("state") == "clearing")
                until(lambda: bin_.facts.get("state") == "empty", f"the chamber is not empty after '{name}'")
                wanted += [stream] if stream else []
                until(lambda: len(bin_.drops()) >= len(wanted), f"'{name}' was not counted", 10)
            rows = bin_.drops()
            need([row["state"] for row in rows] == ["confirmed"] * len(wanted), f"ledger: {[row['state'] for row in rows]}")
            went = [row["stream"] for row in rows]
            right = len(went) == len(wanted) and all(want in (ANY, got) for want, got in zip(wanted, went))
            need(right, f"went to {went} instead of {wanted}")
            return f"{', '.join(went)}; a hand alone counted nothing"

        def told():
            rows = [row for row in bin_.drops() if row["state"] == "confirmed"]
            until(lambda: len(hub.drops("sorting")) >= len(rows), "the hub has not every drop")
            time.sleep(1)
            keys = ["seq", "stream", "seen", "label", "accepted", "reason", "compartment"]
            ledger = {row["id"]: [row[key] for key in keys] for row in rows}
            heard = {id_: [data[key] for key in keys] for id_, data in hub.drops("sorting").items()}
            need(ledger, "there is nothing to compare")
            need(heard == ledger, f"hub {heard}, ledger {ledger}")
            return f"{len(heard)} drops, ids and contents equal"

        def secret():
            login = re.search(r"as (\S+) \(p5, .*u'arm-test-bin'\)", hub.log())
            need(login, f"the broker knows no bin by its certificate: {hub.log()[-300:]}")
            return f"{login[1]} came by TLS, MQTT 5, known by its certificate"

        table.check("items are sorted", sort)
        table.check("the broker is reached by TLS", secret)
        table.check("hub's topic = ledger", told)
        table.check("orderly stop after sorting", bin_.stop)

    def stranger():
        with Bin("stranger", RIBBON_CAMERA, ca="other-ca") as bin_:
            why = bin_.says(r"nobody in uplink\.tls\.ca_file vouches for the broker's certificate")[0]
            need(not hub.topics("stranger"), f"it told the stranger {hub.topics('stranger')}")
            return why

    table.check("a broker that nobody vouches for hears nothing", stranger)
