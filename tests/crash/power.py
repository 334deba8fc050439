# SPDX-License-Identifier: Apache-2.0
"""The disk of power cuts (disk.c), mounted under a whole node: database, log, cache, stores."""
import atexit
import mmap
import os
import signal
import subprocess
import sys
import time

from node import daemon_path


def program():
    build = os.environ.get("ISTHMUS_BUILD") or os.path.dirname(os.path.dirname(os.path.abspath(daemon_path())))
    return os.path.join(build, "tests/crash/crash_disk")


def why_not():
    """The reason why there can be no such disk here, or None."""
    if not os.path.exists(program()):
        return "built without libfuse3"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    if os.geteuid() != 0:
        return "mounting with allow_other needs root"
    return None


class Disk:
    """seed 0: each cut drops all that was not synced; else every second one keeps some of it by dice.
    page_us: what an fsync takes for each page."""

    def __init__(self, seed, page_us=0):
        self.seed, self.page_us, self.process, self.top, self.cuts = seed, page_us, None, None, 0

    def start(self, top):
        self.top = f"{top}/disk"
        os.makedirs(self.top)
        self.log = open(f"{top}/disk.log", "wb")
        self.process = subprocess.Popen([program(), self.top, str(self.seed), str(self.page_us)], stdout=self.log, stderr=self.log)
        atexit.register(self.stop)
        self.cuts = 0
        self.mounted(1)
        return self.top

    def mounted(self, times):
        """Waits until it was mounted so many times; returns what it said."""
        end = time.monotonic() + 20
        while True:
            with open(self.log.name) as f:
                said = f.read().splitlines()
            if said.count("mounted") >= times:
                return said
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the disk cannot be mounted ({self.process.poll()}): {said[-5:]}")
            time.sleep(0.01)

    def sync(self):
        os.path.exists(f"{self.top}/.sync-all")

    def cut(self):
        """Whoever wrote is dead. Returns what the disk says it dropped."""
        self.cuts += 1
        self.process.send_signal(signal.SIGUSR1)
        return [line for line in self.mounted(self.cuts + 1) if line.startswith("cut")][-1]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def write(path, data, is_synced=True):
    with open(path, "wb") as f:
        f.write(data)
        f.flush()
        if is_synced:
            os.fsync(f.fileno())


def read(path):
    with open(path, "rb") as f:
        return f.read()


def self_check(top):
    """Does the disk lose what it must lose and keep what it must keep? Returns what is wrong."""
    disk = Disk(0, page_us=200)
    at, wrong = disk.start(top), []

    def expect(is_right, text):
        if not is_right:
            wrong.append(text)

    try:
        write(f"{at}/file", b"k" * 10000)
        disk.cut()
        expect(os.listdir(at) == [], "a name survived without fsync of its folder")
        write(f"{at}/file", b"k" * 10000)
        write(f"{at}/loose", b"n" * 10000, is_synced=False)
        sync(at)
        disk.cut()
        expect(read(f"{at}/file") == b"k" * 10000, "synced bytes are gone")
        expect(read(f"{at}/loose") == b"", "bytes survived without fsync")
        fd = os.open(f"{at}/file", os.O_RDWR)
        with mmap.mmap(fd, 10000) as m:
            m[0:3] = b"abc"
            m.flush()
            os.fsync(fd)
            m[3:6] = b"xyz"
        os.close(fd)
        disk.cut()
        expect(read(f"{at}/file")[:6] == b"abckkk", "bytes of a mapping are wrong")
        fd = os.open(f"{at}/file", os.O_RDWR)
        os.pwritev(fd, [b"DSYNC"], 5000, os.RWF_DSYNC)
        os.pwrite(fd, b"lost", 9000)
        os.close(fd)
        disk.cut()
        data = read(f"{at}/file")
        expect(data[5000:5005] == b"DSYNC", "a write with RWF_DSYNC is gone")
        expect(data[9000:9004] == b"kkkk", "a write survived without fsync")
        write(f"{at}/long", b"l" * (1000 * 4096), is_synced=False)
        writer = os.fork()
        if not writer:
            sync(f"{at}/long")
            os._exit(0)
        write(f"{at}/meanwhile", b"m")
        sync(at)
        expect(os.waitpid(writer, os.WNOHANG)[0] == 0, "a long fsync was not slow, or held others up")
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        disk.cut()
        expect((read(f"{at}/meanwhile"), read(f"{at}/long")) == (b"m", b""), "an fsync whose caller was killed has happened, or another has not")
        write(f"{at}/long", b"l" * (1000 * 4096))
        disk.cut()
        expect(read(f"{at}/long") == b"l" * (1000 * 4096), "the bytes of a long fsync are gone")
        os.makedirs(f"{at}/a")
        os.makedirs(f"{at}/b")
        write(f"{at}/a/f", b"1")
        sync(f"{at}/a")
        sync(at)
        os.rename(f"{at}/a/f", f"{at}/b/f")
        disk.cut()
        expect((os.listdir(f"{at}/a"), os.listdir(f"{at}/b")) == (["f"], []), "a rename survived without fsync")
        os.rename(f"{at}/a/f", f"{at}/b/f")
        sync(f"{at}/b")
        disk.cut()
        expect((os.listdir(f"{at}/a"), os.listdir(f"{at}/b")) == ([], ["f"]), "a synced rename is not whole")
    finally:
        disk.stop()
    return wrong


if __name__ == "__main__":
    sys.exit(why_not())
