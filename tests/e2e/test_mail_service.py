#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_mail.py once more, through totpd, which sees the moved clock too."""

import os
import sys

sys.dont_write_bytecode = True
from clock import Clock  # noqa: E402
from island import main  # noqa: E402
from service import Service  # noqa: E402
import test_mail  # noqa: E402


def test(island):
    clock = Clock(island)
    os.unlink(island.engine)
    with Service(island, environment=clock.environment):
        test_mail.test(island, clock)


if __name__ == "__main__":
    main(test, test_mail.TOOLS)
