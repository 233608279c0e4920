#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real sshd, sudo and su with the service, without it, and beside a thousand connections that send
half a request."""

import contextlib
import os
import resource
import select
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
from island import PASSWORD, SOCKET, background, dialogue, main, ok  # noqa: E402
from service import Client, Service  # noqa: E402
from sshd import CODE, Server  # noqa: E402

MARK = "this-is-the-inside-of"
HALF = b'{"method":"org.pamtotp.Service.Check","parameters":{"user":"alice'
CROWD = 1000
WITH, WITHOUT = f"debug: the service at {SOCKET} answered", "debug: done here, without the service"


class Logins:
    """ssh, sudo and su, each by password and code. They return what was shown, from the inside or
    not."""

    def __init__(self, island, server, alice, bob):
        self.island, self.server, self.alice, self.bob = island, server, alice, bob
        for service in ("sudo", "su"):
            island.service(service)
        with open("/etc/sudoers", "w", encoding="utf-8",
                  opener=lambda p, f: os.open(p, f, 0o440)) as file:
            file.write(f"Defaults !fqdn, !lecture, passwd_tries=1\n{alice.name} ALL=(ALL) ALL\n")

    def sshd(self, code):
        return self.server.login(self.alice, "keyboard-interactive",
                                 [("Password: ", PASSWORD), (CODE, code)])

    def sudo(self, code):
        return dialogue(["sudo", "-k", "echo", f"{MARK}-{self.alice.name}"],
                        [("password for", PASSWORD), (CODE, code)], self.alice)

    def su(self, code):
        return dialogue(["su", self.alice.name, "-c", f"echo {MARK}-{self.alice.name}"],
                        [("Password: ", PASSWORD), (CODE, code)], self.bob)

    def expect(self, program, what, code, accepted, way):
        """In or not, one line of its verdict in the log, and on which way."""
        shown = getattr(self, program)(code)
        lines = self.island.log.take(f"pam_totp({program}:auth)")
        verdicts = [line for line in lines if "debug:" not in line]
        ways = {line.partition(way)[1] for line in lines if WITH in line or WITHOUT in line}
        ok((f"{MARK}-{self.alice.name}" in shown) == accepted and len(verdicts) == 1
           and ("accepted" if accepted else "replayed") in verdicts[0] and ways == {way},
           f"{program}: {what}", shown + "\n".join(lines))


def test_both_ways(island, logins):
    with Service(island) as service:
        codes = {}
        for program in ("sshd", "sudo", "su"):
            codes[program] = logins.alice.code()
            logins.expect(program, "through the service", codes[program], True, WITH)
        service.kill()
        for program in ("sshd", "sudo", "su"):
            logins.expect(program, "it is killed: not a used code", codes[program], False, WITHOUT)
            logins.expect(program, "it is killed: a fresh one", logins.alice.code(), True, WITHOUT)
        service.start()
        logins.expect("su", "it is back", logins.alice.code(), True, WITH)
        for pid in service.workers():
            os.kill(pid, signal.SIGKILL)
        logins.expect("su", "its workers are killed", logins.alice.code(), True, WITH)
        lines = service.logged()
    os.unlink(SOCKET)
    logins.expect("su", "its socket is gone", logins.alice.code(), True, WITHOUT)
    ok(PASSWORD not in lines and not any(code in lines for code in codes.values()),
       "the service says nothing secret", lines)


def crowd(uid, report):
    """Holds so many connections with half a request each, and makes new ones of those that were
    closed; for ever."""
    with contextlib.suppress(ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * CROWD + 64), hard))
    os.setgroups([])
    os.setresuid(uid, uid, uid)
    poll, open_ones, made = select.poll(), {}, 0
    while True:
        while len(open_ones) < CROWD:
            one = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError):
                one.connect(SOCKET)
                one.send(HALF)
            open_ones[one.fileno()] = one
            poll.register(one, select.POLLRDHUP)
            made += 1
        if made == CROWD:
            os.write(report, b"x")
        for fd, _ in poll.poll(100):
            poll.unregister(fd)
            open_ones.pop(fd).close()
        time.sleep(0.05)  # as fast as a person with a script, not as a processor


@contextlib.contextmanager
def crowd_of(uid):
    mine, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            crowd(uid, its)
        finally:
            os._exit(1)
    os.read(mine, 1)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(mine)
        os.close(its)


def measure(logins, program):
    """Seconds of a login that is accepted through the service."""
    code = logins.alice.code()
    begin = time.monotonic()
    shown = getattr(logins, program)(code)
    seconds = time.monotonic() - begin
    lines = logins.island.log.take(f"pam_totp({program}:auth)")
    ok(f"{MARK}-{logins.alice.name}" in shown and any(WITH in line for line in lines),
       f"{program}: {seconds:.2f} s", shown + "\n".join(lines))
    return seconds


def test_crowd(island, logins):
    with Service(island):
        alone = {program: measure(logins, program) for program in ("sshd", "su")}
        for name, uid in (("of a user", logins.bob.uid), ("of root", 0)):
            with crowd_of(uid):
                for program, before in alone.items():
                    seconds = measure(logins, program)
                    ok(seconds < before + 1, f"{program}: {before:.2f} s alone, {seconds:.2f} s "
                       f"beside {CROWD} half requests {name}")
                with Client(logins.alice.uid) as client:
                    begin = time.monotonic()
                    answer = client.ask("Show", {})
                    seconds = time.monotonic() - begin
                ok("error" not in answer and seconds < 1,
                   f"another user is answered in {seconds:.3f} s", answer)


def test(island):
    alice, bob = island.person("alice-e2e"), island.person("bob-e2e")
    island.configure("debug = yes")
    island.enroll(alice)
    server = Server(island, "sshd")
    logins = Logins(island, server, alice, bob)
    with background(server.argv()):
        server.wait()
        test_both_ways(island, logins)
        test_crowd(island, logins)


if __name__ == "__main__":
    main(test, ["sshd", "ssh", "ssh-keygen", "su", "sudo"])
