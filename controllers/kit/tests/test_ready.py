"""Whoever waits for a job is at its bell all the time, and not for ever."""

import os
import tempfile
import threading
import unittest
from unittest import mock

from warm import ready


class AWait(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.job = os.path.join(directory.name, "job")
        self.bell = os.path.join(directory.name, "go")
        os.mkfifo(self.bell)
        self.came = []

    def wait(self):
        self.came.append(ready.wait_for(self.job, self.bell))

    def look_in(self):
        """Fails where nobody is at the bell."""
        os.close(os.open(self.bell, os.O_WRONLY | os.O_NONBLOCK))

    def begin(self):
        waits = threading.Thread(target=self.wait)
        waits.start()
        while True:
            try:
                self.look_in()
                return waits
            except OSError:
                pass

    def test_it_is_at_its_bell_however_often_somebody_looks_in(self):
        waits = self.begin()
        for _ in range(2000):
            self.look_in()
        with open(self.job, "w"):
            pass
        self.look_in()
        waits.join()
        self.assertEqual(self.came, [True])

    def test_a_job_that_was_there_first_is_found(self):
        with open(self.job, "w"):
            pass
        self.wait()
        self.assertEqual(self.came, [True])

    def test_it_ends_when_no_job_comes(self):
        with mock.patch.object(ready, "LONGEST_WAIT_S", 0):
            self.wait()
        self.assertEqual(self.came, [False])


if __name__ == "__main__":
    unittest.main()
