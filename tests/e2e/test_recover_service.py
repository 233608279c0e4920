#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_recover.py once more, through totpd: people do it without root."""

import os
import sys

sys.dont_write_bytecode = True
from island import main  # noqa: E402
from service import Service  # noqa: E402
import test_recover  # noqa: E402


def test(island):
    os.unlink(island.engine)
    with Service(island):
        test_recover.test(island, service=True)


if __name__ == "__main__":
    main(test, test_recover.TOOLS)
