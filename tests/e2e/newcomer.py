# SPDX-License-Identifier: BSD-2-Clause
"""Somebody without a device, who logs in over ssh, su or sudo, and what a login that enrols shows
them: a QR code that their app scans, and backup tokens."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import display
from island import COLUMNS, PASSWORD, Terminal, ok, same
from sshd import CODE, MARK, is_in

FIRST = "First code from the app: "
KEPT = "Type yes when you have kept them: "
SECRETS = []  # that were shown
TOKEN = re.compile(r"  ([a-z0-9]{4,}(?:-[a-z0-9]{4,})+)$")


# --- what a person does ---------------------------------------------------------------------------

class Screen:
    """What a terminal has shown since the last question but one: the setting up of a device."""

    def __init__(self, output, columns):
        self.lines = display.draw(output, columns)
        self.uri = display.scan(self.lines)
        at = [i for i, line in enumerate(self.lines) if line.rstrip().endswith("account into it.")]
        self.secret, self.account = ((self.lines[at[-1] + i].strip() for i in (2, 3)) if at
                                     else ("", ""))

    def __str__(self):
        return "\n".join(self.lines)


def read_uri(uri):
    """Type, account and the parameters of a key URI."""
    parts = urlsplit(uri)
    return (parts.netloc, unquote(parts.path).rpartition(":")[2].strip(),
            {name: values[0] for name, values in parse_qs(parts.query).items()})


def set_up(person, secret):
    """An app with the usual device."""
    SECRETS.append(secret)
    person.secret, person.used = secret, 0
    person.device = {"algorithm": "SHA1", "digits": 6, "period": 30}


def scan(terminal, person, columns=COLUMNS):
    """Waits for the question for the first code, and has the app scan what is shown above it."""
    seen = terminal.seen
    if not terminal.expect(FIRST):
        return None
    shown = Screen(terminal.output[seen:], columns)
    set_up(person, read_uri(shown.uri)[2].get("secret", shown.secret.replace(" ", "")))
    return shown


def read_tokens(terminal):
    """The backup tokens above the question whether they are kept."""
    seen = terminal.seen
    if not terminal.expect(KEPT):
        return []
    lines = display.draw(terminal.output[seen:])
    tokens = [found[1] for found in map(TOKEN.match, lines) if found]
    SECRETS.extend(tokens)
    return tokens


def begin(door, person, columns=COLUMNS):
    """The password, up to the QR code."""
    terminal = door.open(person)
    if terminal.expect(door.asks):
        terminal.send(PASSWORD)
    return terminal, scan(terminal, person, columns)


def enroll(door, person, columns=COLUMNS):
    """All of it: what was scanned, the backup tokens, and what was shown."""
    terminal, shown = begin(door, person, columns)
    if shown is not None:
        terminal.send(person.code())
        person.tokens = read_tokens(terminal)
        terminal.send("yes")
    return shown, terminal.close()


def log_in(door, person, code):
    """With a password and a code. What was shown."""
    terminal = door.open(person)
    for asked, answer in ((door.asks, PASSWORD), (CODE, code)):
        if terminal.expect(asked):
            terminal.send(answer)
    return terminal.close()


class Ssh:
    asks = "Password: "
    service = "sshd"

    def __init__(self, server, methods="keyboard-interactive"):
        self.server, self.methods = server, methods

    def open(self, person):
        return Terminal(self.server.client(person, self.methods))


class Su:
    """Somebody else, who knows the password, becomes the person."""
    asks = "Password: "
    service = "su"

    def __init__(self, caller):
        self.caller = caller

    def open(self, person):
        return Terminal(["su", person.name, "-c", f"echo {MARK}-$(id -un)"], self.caller)


class Sudo:
    service = "sudo"

    def __init__(self, person):
        self.asks = f"password for {person.name}: "

    @staticmethod
    def open(person):
        return Terminal(["sudo", "-k", "sh", "-c", f"echo {MARK}-$SUDO_USER"], person)


# --- what became of it ----------------------------------------------------------------------------

def devices(island, person):
    return island.totpctl("--quiet", "show", person.name, check=False).get("devices", [])


def states(island, person):
    return [device["state"] for device in devices(island, person)]


def tokens_left(island, person):
    return island.totpctl("show", person.name)["backup_tokens"]["left"]


def check_screen(what, shown, drawn):
    """The QR code, the groups of four and the account are the same key."""
    if shown is None:
        ok(False, f"{what}: a device is offered")
        return
    grouped = shown.secret.replace(" ", "")
    ok(re.fullmatch(r"(?:[A-Z2-7]{4} )*[A-Z2-7]{1,4}", shown.secret) and len(grouped) == 32,
       f"{what}: the secret stands there in groups of four", shown)
    if not drawn:
        ok(not any(map(display.is_drawing, shown.lines)), f"{what}: there is no QR code", shown)
        return
    kind, account, parameters = read_uri(shown.uri)
    same((kind, parameters.get("secret"), account), ("totp", grouped, shown.account),
         f"{what}: a scanner reads the same from the screen")


def check_active(island, person, what):
    same(([(d["state"], d["type"]) for d in devices(island, person)], tokens_left(island, person)),
         ([("active", "totp")], 10), f"{what}: one device, active, and 10 tokens are left")


def check_token(door, person, tokens, what):
    output = log_in(door, person, tokens[0] if tokens else "none")
    ok(is_in(output, person), f"{what}: a backup token that was shown lets in", output)


def enroll_and_log_in(island, door, person, what, drawn=True, columns=COLUMNS):
    shown, output = enroll(door, person, columns)
    check_screen(what, shown, drawn)
    ok(is_in(output, person), f"{what}: password and first code let in", output)
    ok(len(set(person.tokens)) == 10, f"{what}: ten backup tokens are shown", output)
    check_active(island, person, what)
    log = [line for line in island.log.take(f"pam_totp({door.service}:") if "user=" in line]
    ok(any("accepted" in line and f"user={person.name}" in line and "enroll" in line
           for line in log), f"{what}: the log tells of it", "\n".join(log))
    output = log_in(door, person, person.code())
    ok(is_in(output, person) and CODE in output and FIRST not in output and
       not any(map(display.is_drawing, display.draw(output))),
       f"{what}: the second login asks for a code, and shows no QR code", output)
    check_token(door, person, person.tokens, what)
    return shown
