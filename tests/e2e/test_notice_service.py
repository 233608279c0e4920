#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_notice.py once more, through totpd."""

import sys

sys.dont_write_bytecode = True
from island import main  # noqa: E402
from service import through_service  # noqa: E402
import test_notice  # noqa: E402

if __name__ == "__main__":
    main(through_service(test_notice.test), test_notice.TOOLS)
