# SPDX-License-Identifier: BSD-2-Clause
"""What a person, and the camera of a phone, see of a Terminal, with what has scrolled off above it.
Like TERM=dumb says, it knows line ends, backspaces and its right margin, and shows anything else,
an escape sequence too, as it comes."""

import os
import sys

from island import COLUMNS, SRC

sys.path.append(os.path.join(SRC, "tests", "cli"))
import screen  # noqa: E402

DRAWN = " ▀▄█#"


class Display:
    def __init__(self, columns):
        self.columns, self.rows, self.column = columns, [[]], 0

    def write(self, letter):
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self.rows.append([])
        elif letter == "\b":
            self.column = max(0, self.column - 1)
        elif letter != "\a":
            self.put(letter)

    def put(self, letter):
        """In the next row where this one is full: what is too wide is torn apart."""
        if self.column == self.columns:
            self.rows.append([])
            self.column = 0
        row = self.rows[-1]
        row.extend(" " * (self.column + 1 - len(row)))
        row[self.column] = letter
        self.column += 1


def draw(output, columns=COLUMNS):
    """The lines of the screen."""
    display = Display(columns)
    for letter in output:
        display.write(letter)
    return ["".join(row).rstrip() for row in display.rows]


def is_drawing(line):
    return line != "" and set(line) <= set(DRAWN)


def scan(lines):
    """What the QR code says, "" where there is none."""
    return screen.scan("\n".join(lines))


def measure(lines):
    """Columns of the QR code, its rows, and the rows from its first one to the last that is
    written."""
    drawn = [i for i, line in enumerate(lines) if is_drawing(line)]
    last = max(i for i, line in enumerate(lines) if line)
    return max(len(lines[i]) for i in drawn), len(drawn), last - drawn[0] + 1
