"""Works on many inputs in several processes.

Each worker is a fresh Python, as with the start method "spawn" of `multiprocessing`: this process may run threads of
others, in a notebook or an editor, whose locks a fork would keep for ever. It is started without `multiprocessing`,
which puts the working directory on the path of imports before anything else runs: the files there are what is to be
checked, and nothing of them may run. Tasks and answers are pickles that go through pipes between this process and its
own children, to which nobody else can write.

Every worker has its own index of the modules of a project. One thread here waits for each worker, so that it is known
what a worker was at when the system ended it, or libcst crashed it: that input is reported as one that was not
read, and another worker takes its place.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any

from freezelint.finding import NotRead
from freezelint.garbage import collected_between_inputs
from freezelint.inspecting import Task, inspect
from freezelint.outcome import Inspected, Outcome

AHEAD = 16
"""How many tasks for each worker are handed out before their turn in the report."""
CRASHED = "the process that read it was ended by a crash, or for want of memory"

_START = "import sys; sys.path[:] = sys.argv[1:]; del sys.argv[1:]; from freezelint.processes import main; main()"
"""Nothing is imported before the path is set: at first it holds the working directory, which may be anybody's."""
_READY = "ready"


class NoWorkerError(Exception):
    """No other process can be started here, or it cannot import freezelint."""


def inspected(tasks: Sequence[Task], jobs: int) -> Iterator[Inspected]:
    """What inspecting each task comes to, in their order, worked out by `jobs` processes.

    Where no process can be started, this one does the work. Raises only for a setting that means nothing.
    """
    done = 0
    try:
        for found in _in_workers(tasks, jobs):
            yield found
            done += 1
    except NoWorkerError:
        for task in tasks[done:]:
            yield inspect(task.item, task.settings)


def _in_workers(tasks: Sequence[Task], jobs: int) -> Iterator[Inspected]:
    workers = _Workers()
    threads = ThreadPoolExecutor(jobs)
    waiting: deque[Future[Inspected]] = deque()
    try:
        for task in tasks:
            waiting.append(threads.submit(workers.inspect, task))
            if len(waiting) >= jobs * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        workers.end()
        threads.shutdown()


class _Workers:
    """The processes that are running, and those of them that have nothing to do."""

    def __init__(self) -> None:
        self._all: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._lock = Lock()
        self._ended = False

    def inspect(self, task: Task) -> Inspected:
        """Has a worker inspect one input. Raises `NoWorkerError`, and what the worker raised."""
        worker = self._take()
        try:
            answer = worker.ask(task)
        except (EOFError, OSError, pickle.UnpicklingError):
            worker.end()
            unread = NotRead(task.item.display, CRASHED)
            return Inspected(Outcome(not_read=(unread,), checked=False), lasting=False)
        with self._lock:
            self._idle.append(worker)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Inspected)
        return answer

    def _take(self) -> _Worker:
        with self._lock:
            if self._ended:
                raise NoWorkerError
            if self._idle:
                return self._idle.pop()
            worker = _Worker()
            self._all.append(worker)
        worker.wait_until_ready()
        return worker

    def end(self) -> None:
        """Ends all of them, whatever they are doing."""
        with self._lock:
            self._ended = True
            for worker in self._all:
                worker.end()


class _Worker:
    """One process that works; raises `NoWorkerError` if there can be none."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _START, *filter(None, sys.path)]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except (OSError, ValueError) as error:
            raise NoWorkerError from error

    def wait_until_ready(self) -> None:
        """Waits until it has imported what it needs. Raises `NoWorkerError` if that fails."""
        try:
            if self._answer() == _READY:
                return
        except (EOFError, OSError, pickle.UnpicklingError):
            pass
        self.end()
        raise NoWorkerError

    def ask(self, task: Task) -> Any:
        """Its answer: an `Inspected`, or an exception. Raises `EOFError` or `OSError` if the process ended."""
        assert self._process.stdin is not None
        pickle.dump(task, self._process.stdin)
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)

    def end(self) -> None:
        """Ends the process. It holds nothing that could be lost."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    """What a worker does: answers the tasks from its standard input on its standard output, until there are no more."""
    from freezelint.source import analysis, interpreter, lower  # noqa: F401 (what every task needs)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that started this one
    tasks = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever a library may print is no answer
        pickle.dump(_READY, answers)
        answers.flush()
        with suppress(EOFError, BrokenPipeError), collected_between_inputs() as collect:
            while True:
                answers.write(_answered(pickle.load(tasks)))
                answers.flush()
                collect()


def _answered(task: Task) -> bytes:
    """The answer to one task, as it is sent."""
    try:
        return pickle.dumps(inspect(task.item, task.settings))
    except Exception as error:
        try:
            return pickle.dumps(error)
        except Exception:
            return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
