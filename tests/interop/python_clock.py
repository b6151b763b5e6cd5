"""Whether the machine kept time: how late a thread of this process was served, and what a machine
that others share gave to them meanwhile. What follows for a case is decided in python_harness.py.
"""

import pathlib
import threading
import time

TICK_S = 0.01
# By less than this a process that works is late because of itself.
LATE_S = 0.025
# The unit of /proc/stat (proc_stat(5), USER_HZ). One may be left over from before.
JIFFY_S = 0.01
STOLEN_JIFFIES = 2
QUIET_S = 0.5
PATIENCE_S = 5


def stolen_jiffies():
    """The time of all processors that went to other machines since this one began."""
    try:
        with pathlib.Path("/proc/stat").open() as figures:
            return int(figures.readline().split()[8])
    except (OSError, IndexError):
        return 0  # No Linux: only what this process itself was late.


class Clock:
    def __init__(self):
        self.lock = threading.Lock()
        self.ticked = time.monotonic()
        self.gaps = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            time.sleep(TICK_S)
            self._tick()

    def _tick(self):
        with self.lock:
            now = time.monotonic()
            late = now - self.ticked - TICK_S
            if late > LATE_S:
                self.gaps.append((now, late))
            self.ticked = now

    def mark(self):
        """A moment, for `since`."""
        self._tick()
        return time.monotonic(), stolen_jiffies()

    def since(self, mark):
        """In words how the machine stood still since a mark; None if it kept going."""
        # Whoever asks may have been woken before the thread.
        self._tick()
        start, stolen_before = mark
        gap = max((late for at, late in list(self.gaps) if at > start), default=0)
        stolen = stolen_jiffies() - stolen_before
        if gap == 0 and stolen < STOLEN_JIFFIES:
            return None
        return f"gap {gap * 1000:.0f} ms, stolen {stolen * JIFFY_S * 1000:.0f} ms"

    def quiet(self):
        """Waits until the machine has kept going for a while, though not for ever."""
        start = time.monotonic()
        mark = self.mark()
        while time.monotonic() - mark[0] < QUIET_S and time.monotonic() - start < PATIENCE_S:
            time.sleep(TICK_S)
            if self.since(mark):
                mark = self.mark()
