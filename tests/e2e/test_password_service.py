#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_password.py once more, through totpd."""

import sys

sys.dont_write_bytecode = True
from island import main  # noqa: E402
from service import through_service  # noqa: E402
import test_password  # noqa: E402

if __name__ == "__main__":
    main(through_service(test_password.test), test_password.needs())
