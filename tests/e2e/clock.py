# SPDX-License-Identifier: BSD-2-Clause
"""The time that a server sees which is started with this environment. It stands still until it is
moved, which needs no other start."""

import os
import struct
import time

from island import BUILD

LIBRARY = os.path.join(BUILD, ".libs", "frozen_clock.so")


class Clock:
    def __init__(self, island):
        self.path = island.path("clock")
        self.environment = {"LD_PRELOAD": LIBRARY, "TOTP_TEST_CLOCK": self.path}
        self.start = int(time.time())
        with open(self.path, "wb") as file:
            file.write(bytes(4096))
        self.move(0)

    def move(self, seconds):
        """To so many after the start, or before it."""
        self.now = self.start + seconds
        # As tests/pam/clock.h has it. In the place of what was there: it is mapped.
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q?", self.now, False))

    def code(self, person):
        """One that has not been used, within the wide window of this host."""
        person.used = max(person.used + 1, self.now // person.device["period"] - 15)
        return person.code_at(person.used)

    def wrong_code(self, person):
        return person.wrong_code(self.now)
