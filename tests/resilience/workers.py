"""Real forked workers, as gunicorn makes them, with pipes to talk to and threads that begin together."""

import contextlib
import os
import pickle
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

LIFETIME = 300  # seconds after which a child ends whatever happens
Task = Callable[..., Any]


class Worker:
    """A forked child that does the tasks it is asked to, one after another; `ask` and `answer` may be apart."""

    def __init__(self, **tasks: Task) -> None:
        asks, self._asks = os.pipe()
        self._answers, answers = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _be_a_child(tasks, asks, answers, (self._asks, self._answers))
        os.close(asks)
        os.close(answers)
        self.alive = True

    def ask(self, task: str, *arguments: Any) -> None:
        """Have a task done."""
        _send(self._asks, (task, arguments))

    def answer(self, seconds: float = 20.0) -> Any:
        """Return what the task returned, or fail after some seconds."""
        waiting = select.poll()  # not `select`, for which a thousand open files are too many
        waiting.register(self._answers, select.POLLIN)
        if not waiting.poll(seconds * 1000):
            raise AssertionError(f"worker {self.pid} is silent for {seconds} s")
        done, value = _receive(self._answers)
        if not done:
            raise AssertionError(value)
        return value

    def do(self, task: str, *arguments: Any) -> Any:
        """Ask, and wait for the answer."""
        self.ask(task, *arguments)
        return self.answer()

    def signal(self, number: signal.Signals) -> None:
        """Stop or continue it."""
        os.kill(self.pid, number)
        if number == signal.SIGSTOP:
            os.waitpid(self.pid, os.WUNTRACED)

    def kill(self) -> None:
        """End it as an out-of-memory killer does, and wait until it is gone."""
        if self.alive:
            self.alive = False
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self._asks)
            os.close(self._answers)


def _be_a_child(tasks: dict[str, Task], asks: int, answers: int, others: tuple[int, ...]) -> None:
    try:
        signal.alarm(LIFETIME)
        sys.setswitchinterval(1e-5)
        for end in others:
            os.close(end)
        while True:
            task, arguments = _receive(asks)
            try:
                _send(answers, (True, tasks[task](*arguments)))
            except BaseException:  # pytest fails by one
                _send(answers, (False, traceback.format_exc()))
    finally:
        os._exit(0)


def _send(end: int, value: Any) -> None:
    data = pickle.dumps(value)
    data = len(data).to_bytes(4, "big") + data
    while data:
        data = data[os.write(end, data) :]


def _receive(end: int) -> Any:
    return pickle.loads(_read(end, int.from_bytes(_read(end, 4), "big")))  # noqa: S301 - from our own child


def _read(end: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(end, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


@contextlib.contextmanager
def crew(size: int, **tasks: Task) -> Iterator[list[Worker]]:
    """Have so many workers within the block; the block may put others into their places."""
    workers = [Worker(**tasks) for _ in range(size)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def ask_all(workers: list[Worker], task: str, *arguments: Any) -> list[Any]:
    """Have all do the same at the same time; return their answers."""
    for worker in workers:
        worker.ask(task, *arguments)
    return [worker.answer() for worker in workers]


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the work in so many threads of this process that begin at a barrier; return what each returned."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait(20)
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def pause(seconds: float) -> None:
    """Let others run."""
    time.sleep(seconds)
