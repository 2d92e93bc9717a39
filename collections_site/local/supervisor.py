"""Several programs run as one: when one of them ends, or we are told to stop, all end and nothing is left."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import psutil

PATIENCE_SECONDS = 6  # for a job or request under way; what is cut off is done again by the next start


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, being told to stop raises KeyboardInterrupt: by Ctrl-C, by SIGTERM or by the terminal's end."""

    def interrupt(number: int, frame: object) -> None:
        for each in signals:  # once is enough: stopping takes a moment and is not to be stopped itself
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent is killed and cannot do so (prctl(2))."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Supervisor:
    """The programs that run, by name. Leaving its `with` block ends all of them and whatever they started."""

    def __init__(self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> None:
        self.commands = commands
        self.environment = environment
        self.programs: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Supervisor":
        for name, command in self.commands.items():
            program = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for us to pass on
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
            self.programs[name] = program
        for name, program in self.programs.items():
            assert program.stdout is not None
            threading.Thread(target=self._relay, args=(name, program.stdout), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        family = [psutil.Process(program.pid) for program in self.programs.values() if program.poll() is None]
        for member in list(family):
            with contextlib.suppress(psutil.Error):
                family += member.children(recursive=True)
        for program in self.programs.values():
            if program.poll() is None:
                program.terminate()
        _, stubborn = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
        for member in stubborn:
            with contextlib.suppress(psutil.Error):
                member.kill()
        psutil.wait_procs(stubborn, timeout=PATIENCE_SECONDS)
        for program in self.programs.values():
            program.wait()

    def ended(self) -> str | None:
        """The name of a program that ended by itself."""
        return next((name for name, program in self.programs.items() if program.poll() is not None), None)

    def wait(self) -> str:
        """Until a program ends by itself; its name."""
        while (name := self.ended()) is None:
            time.sleep(0.2)
        return name

    def _relay(self, name: str, output: BinaryIO) -> None:
        width = max(map(len, self.commands))
        with output, contextlib.suppress(OSError, ValueError):  # our own output may be closed by now
            for line in output:
                sys.stdout.write(f"{name:<{width}} | {line.decode(errors='replace').rstrip()}{os.linesep}")
                sys.stdout.flush()
