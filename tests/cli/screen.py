# SPDX-License-Identifier: BSD-2-Clause
"""What a phone sees of a terminal."""

import struct
import subprocess
import zlib

SCALE = 6  # picture elements a module


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def paint(rows):
    """A PNG of rows of booleans: light?"""
    lines = b"".join((b"\0" + b"".join((b"\xff" if light else b"\0") * SCALE for light in row))
                     * SCALE for row in rows)
    size = struct.pack(">IIBBBBB", len(rows[0]) * SCALE, len(rows) * SCALE, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(lines))
            + chunk(b"IEND", b""))


def read_blocks(text):
    """Half blocks as a dark terminal shows them: what is drawn is light."""
    lines = [line for line in text.splitlines() if line and set(line) <= set(" ▀▄█")]
    width = max(map(len, lines), default=0)
    return [[half in pair for half in line.ljust(width)] for line in lines
            for pair in ("▀█", "▄█")]


def read_hashes(text):
    """The same of two # each, for a screen that has no blocks."""
    rows = [[c == "#" for c in line[::2]] for line in text.splitlines()
            if line and set(line) <= set(" #")]
    return [row + [False] * (max(map(len, rows)) - len(row)) for row in rows]


def scan(text):
    """What the QR code on this screen says, "" where there is none."""
    rows = read_blocks(text) or read_hashes(text)
    return scan_picture(paint(rows)) if rows else ""


def scan_picture(data):
    return subprocess.run(["zbarimg", "-q", "--raw", "-"], input=data, check=False,
                          capture_output=True).stdout.decode().strip()
