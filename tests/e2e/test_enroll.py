#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who has no device sets one up at the first login, over real ssh, su and sudo. A real scanner
reads the QR code off the terminal's screen."""

import os
import re
import sys
import time

sys.dont_write_bytecode = True
import display  # noqa: E402
from island import COLUMNS, PASSWORD, Terminal, background, main, ok, run, same  # noqa: E402
from newcomer import (FIRST, KEPT, SECRETS, Ssh, Su, Sudo, begin, check_active,  # noqa: E402
                      check_token, devices, enroll_and_log_in, log_in, read_tokens, scan, set_up,
                      states)
from sshd import CODE, MARK, Server, is_in  # noqa: E402

TOOLS = ["sshd", "ssh", "ssh-keygen", "su", "sudo", "visudo", "zbarimg"]


def test_first_login(island, door):
    person = island.person("ann-e2e")
    shown = enroll_and_log_in(island, door, person, "ssh")
    if shown is None or not shown.uri:
        return
    columns, drawn, rows = display.measure(shown.lines)
    ok(columns <= COLUMNS, f"ssh: the QR code takes {columns} of {COLUMNS} columns")
    print(f"# a key URI of {len(shown.uri)} bytes, a QR code of {drawn} rows, {rows} with the text "
          "below it")


def test_broken_off(island, door):
    """By the client, at the QR code; then at the question whether the tokens are kept."""
    person = island.person("bea-e2e")
    terminal, first = begin(door, person)
    terminal.end()
    same(states(island, person), ["pending"], "broken off at the QR code: the device is pending")
    shown = enroll_and_log_in(island, door, person, "after breaking off")
    ok(first and shown and first.secret != shown.secret,
       "after breaking off: the device is another one", f"{first}\n{shown}")

    person = island.person("cleo-e2e")
    terminal, _ = begin(door, person)
    code = person.code()
    terminal.send(code)
    tokens = read_tokens(terminal)
    terminal.end()
    ok(len(tokens) == 10, "broken off at the tokens: they have been shown", terminal.output)
    check_active(island, person, "broken off at the tokens")
    output = log_in(door, person, code)
    ok(MARK not in output and FIRST not in output,
       "broken off at the tokens: the first code is used up", output)
    check_token(door, person, tokens, "broken off at the tokens")
    ok(is_in(log_in(door, person, person.code()), person),
       "broken off at the tokens: and the device lets in")


def test_wrong_codes(island, door):
    person = island.person("dora-e2e")
    terminal, shown = begin(door, person)
    for again in (True, True, False):
        terminal.send(person.wrong_code())
        ok(terminal.expect("That is not the code") and (not again or terminal.expect(FIRST)),
           "a wrong first code is asked for again, three times in all", terminal.output)
    output = terminal.close()
    ok(MARK not in output and "denied" in output, "three wrong codes do not let in", output)
    same(states(island, person), ["pending"], "after three wrong codes: no device is active")
    same(island.totpctl("show", person.name)["failures"], 0,
         "after three wrong codes: they lock nobody out")

    terminal, other = begin(door, person)
    ok(shown and other and shown.secret != other.secret,
       "after three wrong codes: the next device is another one")
    terminal.send(person.wrong_code())
    terminal.expect(FIRST)
    terminal.send(person.code())
    read_tokens(terminal)
    terminal.send("no")
    ok(terminal.expect(KEPT), "not kept: asked again", terminal.output)
    terminal.send("YES")
    ok(is_in(terminal.close(), person), "a right code after a wrong one lets in", terminal.output)
    check_active(island, person, "a right code after a wrong one")


def test_wrong_password(island, door):
    """A stack that goes on after a wrong password, as sshd's example warns not to."""
    person = island.person("eve-e2e")
    with open("/etc/pam.d/sshd", encoding="utf-8") as file:
        text = file.read()
    with open("/etc/pam.d/sshd", "w", encoding="utf-8") as file:
        file.write(text.replace("requisite  pam_unix.so", "required   pam_unix.so"))
    terminal = door.open(person)
    if terminal.expect(door.asks):
        terminal.send("wrong horse")
    shown = scan(terminal, person)
    terminal.send(person.code())
    output = terminal.close()
    ok(shown and MARK not in output and KEPT not in output,
       "a wrong password and a right first code do not let in", output)
    ok("active" not in states(island, person), "a wrong password: no device is active")
    with open("/etc/pam.d/sshd", "w", encoding="utf-8") as file:
        file.write(text)
    terminal = door.open(person)
    if terminal.expect(door.asks):
        terminal.send("wrong horse")
    output = terminal.close()
    ok("denied" in output and FIRST not in output,
       "a wrong password in the example's stack: no device is offered", output)
    enroll_and_log_in(island, door, person, "after a wrong password")


def test_password_method(island, server):
    """It answers each hidden question with the password, and has nobody to show a text to."""
    person = island.person("fay-e2e")
    with open(server.conf, encoding="utf-8") as file:
        text = file.read()
    with open(server.conf, "w", encoding="utf-8") as file:
        file.write(text.replace("PasswordAuthentication no", "PasswordAuthentication yes")
                   .replace("Methods keyboard-interactive", "Methods password"))
    with background(server.argv()):
        server.wait()
        terminal = Terminal(server.client(person, "password"))
        if terminal.expect("password: "):
            terminal.send(PASSWORD)
        output = terminal.close()
        ok(MARK not in output and "denied" in output and
           not any(map(display.is_drawing, display.draw(output))),
           "the password method: refused, and nothing is shown", output)
        ok("active" not in states(island, person), "the password method: no device is active")
    with open(server.conf, "w", encoding="utf-8") as file:
        file.write(text)


def test_together(island, door):
    """Two first logins of one person at once: the later QR code is the one that counts."""
    person = island.person("iris-e2e")
    first, shown = begin(door, person)
    codes = [person.code()]
    second, other = begin(door, person)
    ok(shown and other and shown.secret != other.secret, "at once: they are two devices")
    first.send(codes[0])
    ok(first.expect("Log in again to get another"), "at once: the earlier one counts no more",
       first.output)
    second.send(person.code())
    read_tokens(second)
    second.send("yes")
    ok(is_in(second.close(), person), "at once: the later one lets in", second.output)
    first.end()
    ok(not is_in(first.output, person), "at once: the earlier one does not", first.output)
    check_active(island, person, "at once")


def test_not_offered(island, door):
    for state in ("lock", "disable"):
        person = island.person(f"{state}-e2e")
        island.totpctl("add", person.name)
        island.totpctl(state, person.name)
        output = log_in(door, person, "123456")
        ok(MARK not in output and CODE in output and FIRST not in output,
           f"an account after totpctl {state}: asked and refused like anybody", output)
        same(devices(island, person), [], f"an account after totpctl {state}: no device is made")


def test_pending(island, door):
    """A device that an administrator has made and handed over."""
    person = island.person("gina-e2e")
    set_up(person, island.totpctl("enroll", person.name, "--no-confirm")["secret"])
    output = log_in(door, person, person.wrong_code())
    ok(MARK not in output and FIRST not in output, "an administrator's device: a wrong code",
       output)
    same(states(island, person), ["pending"], "an administrator's device: is pending after it")
    terminal = door.open(person)
    code = person.code()
    for asked, answer in ((door.asks, PASSWORD), (CODE, code)):
        if terminal.expect(asked):
            terminal.send(answer)
    tokens = read_tokens(terminal)
    terminal.send("yes")
    output = terminal.close()
    ok(is_in(output, person) and FIRST not in output,
       "an administrator's device: its first code lets in", output)
    ok(len(set(tokens)) == 10, "an administrator's device: ten backup tokens are shown", output)
    check_active(island, person, "an administrator's device")
    ok(MARK not in log_in(door, person, code), "an administrator's device: the code is used up")
    check_token(door, person, tokens, "an administrator's device")


def test_styles(island, door):
    for style, drawn, columns in (("none", False, COLUMNS), ("ascii", True, 132)):
        island.configure(f"debug = yes\nenroll_qr = {style}")
        shown = enroll_and_log_in(island, door, island.person(f"{style}-e2e"), f"enroll_qr={style}",
                                  drawn, columns)
        ok(shown and not any(block in str(shown) for block in "▀▄█"),
           f"enroll_qr={style}: without half blocks", shown)
    print(f"# ascii: {display.measure(shown.lines)[0]} columns")
    island.configure("debug = yes")


def day(offset):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + offset * 86400))


def log_in_within_a_day(island, door, person, offset):
    """Once more where a day ends meanwhile."""
    until = None
    while until != day(offset):
        until = day(offset)
        island.configure(f"debug = yes\nenroll_by = {until}")
        island.log.take("")
        terminal = door.open(person)
        if terminal.expect(door.asks):
            terminal.send(PASSWORD)
        output = terminal.close()
    return until, output


def test_enroll_by(island, door):
    """The last day and those before it let pass, with a reminder."""
    person = island.person("hana-e2e")
    for offset, left in ((9, "10 days are left"), (0, "1 day is left")):
        until, output = log_in_within_a_day(island, door, person, offset)
        ok(is_in(output, person) and FIRST not in output and CODE not in output,
           f"enroll_by, {left}: the login goes on", output)
        words = " ".join(output.split())
        ok(f"After {until} this login takes a one-time code: {left}." in words,
           f"enroll_by: {left}", output)
        lines = island.log.take("pam_totp(sshd:auth)")
        ok(any("unenrolled" in line and f"user={person.name}" in line for line in lines),
           f"enroll_by, {left}: the log tells of it", "\n".join(lines))
    same(devices(island, person), [], "enroll_by: nothing is enrolled until then")
    island.configure(f"debug = yes\nenroll_by = {day(-1)}")
    enroll_and_log_in(island, door, person, "after enroll_by")
    island.configure("debug = yes")


def add_enroll(service):
    """The example's stack with the one word more."""
    path = f"/etc/pam.d/{service}"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    changed = re.sub(r"^(auth.*pam_totp\.so.*)$", r"\1 unenrolled=enroll", text, flags=re.M)
    with open(path, "w", encoding="utf-8") as file:
        file.write(changed)


def allow_sudo(person, option=""):
    """Whether this sudo knows the option."""
    with open("/etc/sudoers", "w", encoding="utf-8",
              opener=lambda p, f: os.open(p, f, 0o440)) as file:
        file.write(f"Defaults !fqdn, !lecture, passwd_tries=1{option}\n"
                   f"{person.name} ALL=(ALL) ALL\n")
    return run("visudo", "-cf", "/etc/sudoers", check=False).returncode == 0


def test_local(island):
    """Where pam_totp is loaded into a process of another kind."""
    caller, person, other = (island.person(f"{name}-e2e") for name in ("ida", "jane", "kim"))
    island.service("su")
    island.service("sudo")
    add_enroll("su")
    add_enroll("sudo")
    enroll_and_log_in(island, Su(caller), person, "su")
    allow_sudo(other)
    terminal = Sudo.open(other)
    if terminal.expect(Sudo(other).asks):
        terminal.send(PASSWORD)
    output = terminal.close()
    ok(MARK not in output and not devices(island, other) and
       island.log.take("the person is to be told nothing"),
       "sudo, which has modules tell nothing: refused, and the log says why", output)
    if allow_sudo(other, ", !pam_silent"):
        enroll_and_log_in(island, Sudo(other), other, "sudo")
    else:
        print("# this sudo cannot let its modules speak, so nobody can enrol there")


def test(island):
    island.configure("debug = yes")
    server = Server(island, "sshd-enroll")
    door = Ssh(server)
    with background(server.argv()):
        server.wait()
        test_first_login(island, door)
        test_broken_off(island, door)
        test_wrong_codes(island, door)
        test_wrong_password(island, door)
        test_together(island, door)
        test_not_offered(island, door)
        test_pending(island, door)
        test_styles(island, door)
        test_enroll_by(island, door)
    test_password_method(island, server)
    test_local(island)
    shown = [line for line in island.log.all if any(secret in line for secret in SECRETS)]
    ok(len(SECRETS) > 100 and not shown, "no secret and no backup token is logged", shown)


def test_without_engine(island):
    """What draws is not there: the secret is typed."""
    server = Server(island, "sshd-enroll")
    with background(server.argv()):
        server.wait()
        enroll_and_log_in(island, Ssh(server), island.person("lena-e2e"), "nothing to draw with",
                          drawn=False)


if __name__ == "__main__":
    main(test, TOOLS)
