#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who is asked for no code: grace, exemptions by user, group and network, and a rollout that only
looks on. Over real sshd and ssh, in IPv4 and IPv6, and sudo."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from clock import LIBRARY, Clock  # noqa: E402
from island import (PASSWORD, Terminal, background, dialogue, main, ok, run, same,  # noqa: E402
                    skip, skip_all)
from sshd import CODE, MARK, Server, is_in  # noqa: E402

TOOLS = ["sshd", "ssh", "ssh-keygen", "su", "sudo", "sqlite3"]
METHOD = "keyboard-interactive"
HOUR, DAY = 3600, 86400
HERE, THERE = "127.0.0.1", "127.0.0.2"


class Door:
    """ssh from an address, and what the log then says."""

    def __init__(self, island, server, clock):
        self.island, self.server, self.clock = island, server, clock

    def enter(self, person, origin=HERE, host=HERE, code=None, password=PASSWORD):
        """Was a code asked for, was the person let in, and the module's lines in the log."""
        self.island.log.take("")
        terminal = Terminal(self.server.client(person, METHOD, "-b", origin, host=host))
        if terminal.expect("Password: "):
            terminal.send(password)
        asked = terminal.expect(CODE)
        if asked:
            terminal.send(self.clock.code(person) if code is None else code)
        self.shown = terminal.close()
        self.lines = [line for line in self.island.log.take("pam_totp(sshd:") if "user=" in line]
        return asked, is_in(self.shown, person)

    def check(self, what, person, expected, words, **how):
        """(asked, in), and one line in the log with all these words."""
        got = self.enter(person, **how)
        ok(got == expected, f"{what}: {describe(expected)}",
           f"{describe(got)}\n{self.shown}\n" + "\n".join(self.lines))
        ok(len(self.lines) == 1 and all(word in self.lines[0] for word in
                                        (f"user={person.name}", *words)),
           f"{what}: one line in the log, {' '.join(words)}", "\n".join(self.lines))


def describe(result):
    return f"{'a' if result[0] else 'no'} code is asked for, {'let in' if result[1] else 'refused'}"


BY_CODE, SPARED, REFUSED = (True, True), (False, True), (True, False)


def tickets(island, statement="SELECT origin FROM ticket ORDER BY origin"):
    return run("sqlite3", island.path("totp/store/totp.db"), statement).stdout.split()


# --- grace ----------------------------------------------------------------------------------------

def sudo(island, person):
    """Whether it asks for a code, and what it shows."""
    island.service("sudo")
    with open("/etc/sudoers", "w", encoding="utf-8",
              opener=lambda p, f: os.open(p, f, 0o440)) as file:
        file.write(f"Defaults !fqdn, !lecture, passwd_tries=1\n{person.name} ALL=(ALL) ALL\n")
    shown = dialogue(["sudo", "-k", "sh", "-c", f"echo {MARK}-$SUDO_USER"],
                     [(f"password for {person.name}: ", PASSWORD), (CODE, person.code())], person)
    return CODE in shown, shown


def test_grace(island, door, alice):
    accepted = ["accepted", "method=totp", f"rhost={HERE}"]
    grace = ["grace", f"rhost={HERE}"]
    clock = door.clock
    clock.move(0)
    island.configure("")
    door.check("without the option", alice, BY_CODE, accepted)
    door.check("without the option, again", alice, BY_CODE, accepted)
    island.configure("[service sshd]\ngrace = 1h")
    same(tickets(island), [], "nothing was kept without the option")
    door.check("the first login", alice, BY_CODE, accepted)
    clock.move(60)
    door.check("the second from the same address", alice, SPARED, grace)
    got = door.enter(alice, password="wrong horse")
    ok(got == (False, False), "the second, with a wrong password: refused", door.shown)
    asked, shown = sudo(island, alice)
    ok(asked and is_in(shown, alice), "sudo still asks", shown)
    door.check("another address", alice, BY_CODE, ["accepted", f"rhost={THERE}"], origin=THERE)
    door.check("another address, again", alice, SPARED, ["grace", f"rhost={THERE}"], origin=THERE)
    island.configure(f"[service sshd]\nexempt_users = {alice.name}")
    door.check("exempt there", alice, SPARED, ["exempt"])
    asked, shown = sudo(island, alice)
    ok(asked and is_in(shown, alice), "exempt there: sudo still asks", shown)
    island.configure("[service sshd]\ngrace = 1h")
    same(tickets(island), [HERE, THERE], "one is kept for each address")

    clock.move(-DAY)
    door.check("the clock set back a day", alice, REFUSED, ["wrong"],
               code=clock.wrong_code(alice))
    clock.move(HOUR - 1)
    door.check("a second before its end: it was not begun anew, nor lost", alice, SPARED, grace)
    clock.move(HOUR)
    door.check("at its end", alice, BY_CODE, accepted)
    tickets(island, f"UPDATE ticket SET time = {clock.now + 1}")
    door.check("a stamp of the next second", alice, BY_CODE, accepted)
    door.check("which the next code replaces", alice, SPARED, grace)
    clock.move(-DAY)
    door.check("the clock set back a day, a backup token", alice, BY_CODE,
               ["accepted", "method=backup"], code=alice.tokens[0])
    clock.move(HOUR + 60)
    door.check("the clock set right", alice, BY_CODE, accepted)


def test_grace_of_terminals(island, alice, bob):
    """A local login has no remote host: it is known by its terminal."""
    island.service("su")
    island.configure("[service su]\ngrace = 1h")

    def su():
        terminal = Terminal(["su", alice.name, "-c", f"tty; echo {MARK}-$(id -un)"], bob)
        if terminal.expect("Password: "):
            terminal.send(PASSWORD)
        asked = terminal.expect(CODE)
        if asked:
            terminal.send(alice.code())
        shown = terminal.close()
        return re.findall("/dev/pts/[0-9]+", shown), (asked, is_in(shown, alice))

    first = su()
    same(first[1], BY_CODE, f"su: the first login, {describe(BY_CODE)}")
    same(su(), (first[0], SPARED), f"su: the second on the same terminal, {describe(SPARED)}")
    holding = Terminal(["su", alice.name], bob)
    holding.expect("Password: ")
    other = su()
    ok(other[0] != first[0] and other[1] == BY_CODE,
       f"su: on another terminal, {describe(BY_CODE)}", (first, other))
    holding.end()
    same([line for line in tickets(island) if not line.startswith("tty")], [],
         "su: what is kept is of terminals")
    island.totpctl("set", alice.name, "grace=clear")


def test_end_of_grace(island, door, alice):
    island.configure("[service sshd]\ngrace = 1h")
    accepted, grace = ["accepted"], ["grace"]

    def begin(what):
        door.enter(alice)
        door.check(f"before {what}", alice, SPARED, grace)

    begin("a lock")
    for i in range(5):
        door.check(f"a wrong code from another address, {i + 1}", alice, REFUSED, ["wrong"],
                   origin=THERE, code=door.clock.wrong_code(alice))
    door.check("a lock beats it", alice, REFUSED, ["locked"])
    door.clock.move(door.clock.now - door.clock.start + 61)
    ok(door.enter(alice)[1], "a lock that is over: let in", door.shown)
    begin("closing")
    island.totpctl("lock", alice.name)
    door.check("a closed account", alice, REFUSED, ["locked"])
    island.totpctl("unlock", alice.name)
    door.check("closing has ended it", alice, BY_CODE, accepted)
    begin("grace=clear")
    island.totpctl("set", alice.name, "grace=clear")
    door.check("grace=clear has ended it", alice, BY_CODE, accepted)
    begin("disabling")
    island.totpctl("disable", alice.name)
    island.totpctl("enable", alice.name)
    door.check("disabling has ended it", alice, BY_CODE, accepted)
    begin("the option is gone")
    island.configure("[service sudo]\ngrace = 1h")
    door.check("another service's option", alice, BY_CODE, accepted)


# --- exemptions -----------------------------------------------------------------------------------

def test_exempt_people(island, door, alice, bob):
    """bob has no device."""
    exempt, accepted, unenrolled = ["exempt"], ["accepted"], ["unenrolled"]
    island.configure(f"[service sshd]\nexempt_users = nobody-here, {bob.name}")
    door.check("exempt_users", bob, SPARED, [*exempt, "user"])
    door.check("exempt_users: not in it", alice, BY_CODE, accepted)
    ok(door.enter(bob, password="wrong horse") == (False, False),
       "exempt_users: not from the password", door.shown)
    with open("/etc/group", "a", encoding="utf-8") as file:
        file.write(f"night shift:x:64900:daemon,{bob.name}\n")
    island.configure("[service sshd]\nexempt_groups = no-such-group, night shift")
    door.check("exempt_groups", bob, SPARED, [*exempt, "group"])
    door.check("exempt_groups: not in it", alice, BY_CODE, accepted)
    island.configure(f"[service sshd]\nexempt_groups = {alice.name}")
    door.check("exempt_groups: the primary one", alice, SPARED, [*exempt, "group"])
    door.check("exempt_groups: another's", bob, REFUSED, unenrolled, code="123456")
    island.configure("[service sshd]\nexempt_groups = no-such-group")
    door.check("exempt_groups: no such group", bob, REFUSED, unenrolled, code="123456")


def test_exempt_networks(island, door, alice, bob):
    exempt = ["exempt", "network"]

    def allow(networks):
        island.configure(f"[service sshd]\nexempt_networks = {networks}")

    allow(f"192.0.2.0/24, {THERE}")
    door.check("exempt_networks: another address", alice, BY_CODE, ["accepted"])
    door.check("exempt_networks: an address", alice, SPARED, [*exempt, f"rhost={THERE}"],
               origin=THERE)
    door.check("exempt_networks: without a device", bob, SPARED, exempt, origin=THERE)
    ok(door.enter(alice, origin=THERE, password="wrong horse") == (False, False),
       "exempt_networks: not from the password", door.shown)
    island.totpctl("lock", alice.name)
    door.check("exempt_networks: a closed account", alice, REFUSED, ["locked"], origin=THERE)
    island.totpctl("unlock", alice.name)
    allow("127.0.0.0/31")
    door.check("exempt_networks: a network", alice, SPARED, exempt)
    door.check("exempt_networks: beside it", alice, BY_CODE, ["accepted"], origin=THERE)
    allow("::/0, localhost.example")
    ok(door.enter(alice)[1] is False, "exempt_networks: a name refuses everybody", door.shown)
    allow("::/0")
    door.check("exempt_networks: IPv4 is in no network of IPv6", alice, BY_CODE, ["accepted"])
    allow("::ffff:127.0.0.0/127")
    door.check("exempt_networks: written as IPv6", alice, SPARED, [*exempt, f"rhost={HERE}"])
    door.check("exempt_networks: written as IPv6, beside it", alice, BY_CODE, ["accepted"],
               origin=THERE)
    allow(HERE)
    with both_families(door):
        door.check("exempt_networks: IPv4 at a socket of IPv6", alice, SPARED, exempt)
        door.check("exempt_networks: IPv4 at a socket of IPv6, beside it", alice, BY_CODE,
                   ["accepted"], origin=THERE)


def have_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@contextlib.contextmanager
def both_families(door):
    """An sshd as inetd starts it, for whoever comes to one socket: IPv4 arrives as IPv6."""
    usual = door.server.port
    argv = [*door.server.argv()[:1], "-i", "-f", door.server.conf]

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                connection, address = listener.accept()
                ok(address[0].startswith("::ffff:"), "a connection as IPv6", address)
                with connection:
                    subprocess.Popen(argv, stdin=connection, stdout=connection,
                                     stderr=subprocess.DEVNULL, env=door.clock.environment)

    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        door.server.port = listener.getsockname()[1]
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        try:
            yield
        finally:
            door.server.port = usual
            listener.shutdown(socket.SHUT_RDWR)


def test_ipv6(island, door, alice):
    six = {"origin": "::1", "host": "::1"}
    for networks in ("::1", "2001:db8::/32, ::/127"):
        island.configure(f"[service sshd]\nexempt_networks = {networks}")
        door.check(f"exempt_networks: {networks}", alice, SPARED, ["exempt", "network",
                                                                   "rhost=::1"], **six)
        door.check(f"exempt_networks: {networks}, from IPv4", alice, BY_CODE, ["accepted"])
    for networks in ("127.0.0.0/8", "0.0.0.0/0", "::2/127"):
        island.configure(f"[service sshd]\nexempt_networks = {networks}")
        door.check(f"exempt_networks: ::1 is not in {networks}", alice, BY_CODE, ["accepted"],
                   **six)
    island.configure("[service sshd]\ngrace = 1h")
    door.check("grace: the first from ::1", alice, BY_CODE, ["accepted", "rhost=::1"], **six)
    door.check("grace: the second from ::1", alice, SPARED, ["grace", "rhost=::1"], **six)


def test_record(island, alice):
    """The store tells of those who were spared as often as the log does."""
    events = island.totpctl("log", alice.name)["events"]
    for verdict in ("grace", "exempt"):
        found = [event for event in events if event["verdict"] == verdict]
        lines = [line for line in island.log.all if f" {verdict} user={alice.name} " in line]
        same((len(found), all(event["rhost"] or event["tty"] for event in found)),
             (len(lines), len(lines) > 0), f"totpctl log tells of each {verdict}")


# --- looking on -----------------------------------------------------------------------------------

def test_audit(island, door, alice, bob):
    island.configure("[service sshd]\naudit_only = yes\ngrace = 1h")
    before = island.totpctl("show", alice.name)
    code = door.clock.code(alice)
    door.check("audit_only: a right code", alice, BY_CODE, ["audit", "accepted"], code=code)
    door.check("audit_only: the same again, it was not used up", alice, BY_CODE,
               ["audit", "accepted"], code=code)
    for i in range(6):
        door.check(f"audit_only: wrong code {i + 1}", alice, BY_CODE, ["audit", "wrong"],
                   code=door.clock.wrong_code(alice))
    door.check("audit_only: no device", bob, BY_CODE, ["audit", "unenrolled"], code="123456")
    ok(door.enter(alice, password="wrong horse") == (False, False),
       "audit_only: a wrong password is refused", door.shown)
    same(island.totpctl("show", alice.name), before, "audit_only: nothing was changed")
    island.totpctl("lock", alice.name)
    door.check("audit_only: a closed account", alice, BY_CODE, ["audit", "locked"])
    island.totpctl("unlock", alice.name)
    island.configure("[service sshd]\ngrace = 1h")
    door.check("after audit_only: no grace was begun, and the code is good", alice, BY_CODE,
               ["accepted"], code=code)


def test(island, clock=None):
    if not os.path.exists(LIBRARY):
        skip_all("needs frozen_clock.so, which make check builds")
    clock = clock or Clock(island)
    alice, bob = island.person("alice-e2e"), island.person("bob-e2e")
    island.enroll(alice)
    server = Server(island, "sshd")
    door = Door(island, server, clock)
    with open(server.conf, "a", encoding="utf-8") as file:
        file.write("ListenAddress ::1\n" if have_ipv6() else "")
    with background(server.argv(), clock.environment):
        server.wait()
        test_grace_of_terminals(island, alice, bob)
        test_grace(island, door, alice)
        test_end_of_grace(island, door, alice)
        test_exempt_people(island, door, alice, bob)
        test_exempt_networks(island, door, alice, bob)
        if have_ipv6():
            test_ipv6(island, door, alice)
        else:
            skip("ssh over IPv6", "there is no ::1 here")
        test_record(island, alice)
        test_audit(island, door, alice, bob)


if __name__ == "__main__":
    main(test, TOOLS)
