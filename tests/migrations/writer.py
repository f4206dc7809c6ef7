"""Somebody who works while a migration runs."""

import threading
import time

import psycopg


class Writer:
    """Executes a statement over and over and notes the longest wait, in seconds, and the first error."""

    def __init__(self, url: str, statement: str = "INSERT INTO shelf (id) VALUES (1)") -> None:
        self.longest, self.count = 0.0, 0
        self.error: psycopg.Error | None = None
        self._url, self._statement, self._stop = url, statement, threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(0.01):
                started = time.monotonic()
                try:
                    connection.execute(self._statement.encode())
                except psycopg.Error as error:
                    self.error = error
                    return
                self.longest = max(self.longest, time.monotonic() - started)
                self.count += 1

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.error:
            raise self.error
