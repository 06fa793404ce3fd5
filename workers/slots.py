"""Room for answers: Celery waits here while there is none, which is the back-pressure."""

from __future__ import annotations

import threading


class Slots:
    """`size` answers may be in flight; closing lets every waiting thread go without one."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._open = True
        self._changed = threading.Condition()

    def take(self) -> bool:
        """Wait for a slot; False once the process takes no more work."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or not self._open)
            if not self._open:
                return False
            self._free -= 1
            return True

    @property
    def free(self) -> bool:
        """Whether there is a slot at this moment."""
        return self._open and self._free > 0

    def give(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()
