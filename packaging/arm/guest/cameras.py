"""The virtual board's cameras: the kernel's vivid (YUYV), and v4l2loopback (MJPG) playing our clips."""

import fcntl
import os
import re
import struct
import threading
import time
from pathlib import Path

from bench import PAYLOAD, Failed, shell, until

VIVID = Path("/sys/bus/platform/drivers/vivid")
RIBBON = Path("/dev/v4l/by-id/bunri-ribbon")
OUTPUT, MJPG = 2, 0x47504A4D
SET_FORMAT, SET_RATE = 0xC0D05605, 0xC0CC5616  # VIDIOC_S_FMT and VIDIOC_S_PARM of a 64-bit kernel


def plug_vivid(devices=1):
    """Loads the virtual camera's driver."""
    types = ",".join(["0x1"] * devices)
    shell(f"modprobe vivid n_devs={devices} node_types={types} && udevadm settle")


def unplug_vivid():
    """Takes the driver away; it must not be in use."""
    until(lambda: os.system("rmmod vivid 2>/dev/null") == 0, "vivid stays in use")


def pull():
    """Unbinds the driver, as pulling the cable does: open files of the device answer ENODEV from now on."""
    (VIVID / "unbind").write_text("vivid.0")


def put_back():
    """Binds it again; returns when udev has named the camera."""
    (VIVID / "bind").write_text("vivid.0")
    shell("udevadm settle")
    return time.time()


def node_of(name):
    """The node that a stable name stands for now."""
    return Path(name).resolve().name


class Clip:
    """The pictures of a clip, by frame; a missing number holds the picture before it."""

    def __init__(self, name):
        folder = PAYLOAD / "clips" / name
        text = (folder / "clip.toml").read_text()
        self.frames = int(re.search(r"^frames = (\d+)", text, re.M)[1])
        self.items = text.count("[[item]]")
        self.pictures, last = [], None
        for frame in range(self.frames):
            path = folder / f"{frame:04}.jpg"
            last = path.read_bytes() if path.exists() else last
            self.pictures.append(last)


class Ribbon:
    """A camera that sends JPEGs: writes into v4l2loopback, as a CSI camera's capture tool does."""

    def __init__(self, rate_hz=5, step=3):
        self.rate_hz, self.step = rate_hz, step
        self.picture = Clip("can").pictures[0]
        self.queue, self.last_at, self.error = [], 0.0, None
        self.sending, self.file = threading.Event(), None

    def plug(self):
        """Loads the driver. There is no picture before `open`."""
        shell("modprobe v4l2loopback video_nr=20 card_label=bunri-ribbon exclusive_caps=1 max_buffers=4 && udevadm settle")

    def open(self):
        """Starts to send, unless it does already."""
        if self.file is not None:
            return
        self.file = os.open(RIBBON, os.O_RDWR)
        form = bytearray(208)
        struct.pack_into("=I4xIIIIII", form, 0, OUTPUT, 640, 480, MJPG, 1, 0, 640 * 480 * 2)
        fcntl.ioctl(self.file, SET_FORMAT, form, True)
        rate = bytearray(204)
        struct.pack_into("=IIIII", rate, 0, OUTPUT, 0x1000, 0, 1, self.rate_hz)
        fcntl.ioctl(self.file, SET_RATE, rate, True)
        self.sending.set()
        threading.Thread(target=self._send, daemon=True).start()

    def _send(self):
        due = time.monotonic()
        while True:
            self.sending.wait()
            picture = self.queue.pop(0) if self.queue else self.picture
            try:
                os.write(self.file, picture)
            except OSError as why:
                self.error = why
                return
            self.last_at = time.time()
            due = max(due + 1 / self.rate_hz, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0))

    def play(self, clip, hold=lambda: True):
        """Sends a clip, then its last picture for ever; returns when the clip is over.

        In its middle, where the item lies still, it waits for `hold`: a recorded item does not fall when a slow flap turns.
        """
        pictures = clip.pictures[:: self.step]
        middle = len(pictures) // 2
        self.queue, self.picture = pictures[:middle], pictures[middle]
        self.finish()
        until(hold, "what the clip's item was to bring about did not come", 120)
        self.queue, self.picture = pictures[middle:], pictures[-1]
        self.finish()

    def finish(self):
        """Waits until what is queued was sent."""
        if self.file is None:
            raise Failed("the camera does not send yet")
        until(lambda: not self.queue or self.error, "the clip does not end", 120)
        if self.error:
            raise Failed(f"the loopback device took no picture: {self.error}")

    def stall(self):
        """Sends nothing any more; returns when the last picture was sent."""
        self.sending.clear()
        time.sleep(0.3)
        return self.last_at

    def go_on(self):
        """Sends again."""
        self.sending.set()
