"""A child process ends in order when its supervisor is gone, however that died.

The child holds the reading end of a pipe whose writing end lives in the supervisor alone. Modules that know nothing of
this are started as `python -m bot.tether MODULE ARGUMENTS`.
"""

import os
import runpy
import signal
import sys
import threading

NAME = "SWITCHBOARD_TETHER"  # the number of the pipe's descriptor, in the child's environment


def tie() -> None:
    """From now on the end of the supervisor is a SIGTERM to this process; nothing where there is no supervisor."""
    number = os.environ.pop(NAME, "")
    if number.isdecimal():
        threading.Thread(target=_wait, args=(int(number),), name="tether", daemon=True).start()


def _wait(descriptor: int) -> None:
    os.set_inheritable(descriptor, False)
    os.read(descriptor, 1)  # nothing is ever written: it returns when the supervisor is gone
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    tie()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
