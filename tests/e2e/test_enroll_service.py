#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_enroll.py once more, through totpd; then without the engine, which draws the QR code."""

import os
import sys

sys.dont_write_bytecode = True
from island import main, ok  # noqa: E402
from service import Service  # noqa: E402
import test_enroll  # noqa: E402


def test(island):
    with Service(island):
        test_enroll.test(island)
        alone = [line for line in island.log.all if "debug: done here" in line]
        ok(any("debug: the service at" in line for line in island.log.all) and not alone,
           "the service was asked each time", "\n".join(alone))
        os.unlink(island.engine)
        test_enroll.test_without_engine(island)


if __name__ == "__main__":
    main(test, test_enroll.TOOLS)
