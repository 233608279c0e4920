#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""E-mail that nobody takes, or that is taken late: who logs in meanwhile does not wait for it, no
process stays behind, and what happens to a worker is seen all the same."""

import contextlib
import json
import os
import signal
import socket
import stat
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from island import SOCKET, TIMEOUT, main, ok, same  # noqa: E402
from service import Client, Service  # noqa: E402
from world import World, check_log  # noqa: E402

PLACE = os.path.join(os.path.dirname(SOCKET), "mail")
READERS = [f"reader-{i}" for i in range(6)]
PATIENT = 1  # seconds: what is less is no delay
SENDMAIL = """#!/bin/sh
set -e
new=$(mktemp "{0}/.new.XXXXXX")
cat >"$new"
mv "$new" "{0}/${{new##*.}}"
"""


def until(condition):
    """Nothing tells of it: it is looked at often."""
    deadline = time.monotonic() + TIMEOUT
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def state_of(pid):
    """Name, state and parent; () when there is none."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            head, _, rest = file.read().rpartition(")")
        state, parent = rest.split()[:2]
        return head.partition("(")[2], state, int(parent)
    return ()


def processes():
    found = {int(pid): state_of(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    return {pid: state for pid, state in found.items() if state}


def workers_of(service):
    return [pid for pid, (_, state, parent) in processes().items()
            if parent == service.process.pid and state != "Z"]


def left_behind(service):
    """What is called a worker and is not totpd's child. What is orphaned in an island is reaped by
    nobody."""
    return [pid for pid, (name, state, parent) in processes().items()
            if name.startswith("totpd-worker") and parent != service.process.pid
            and (state, parent) != ("Z", 1)]


def left_over(service):
    """Those that hand mail over: workers' own children, or nobody's any more."""
    return [pid for pid, (name, state, parent) in processes().items()
            if name.startswith("totpd-worker") and parent != service.process.pid and state != "Z"]


class Listener:
    """In the place of what systemd starts totp-mail for."""

    def __init__(self, room):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(PLACE)
        os.chmod(PLACE, stat.S_IRUSR | stat.S_IWUSR)
        self.socket.listen(room)
        self.socket.settimeout(TIMEOUT)
        self.waiting = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        os.unlink(PLACE)
        for client in self.waiting:
            client.close()

    def fill(self):
        """Nobody else can connect."""
        with contextlib.suppress(BlockingIOError):
            while True:
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                self.waiting.append(client)
                client.connect(PLACE)

    def take(self):
        """One message."""
        connection, _ = self.socket.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            text = b""
            while not text.endswith(b"\n"):
                text += connection.recv(65536)
        return json.loads(text)


class Mail:
    """People whose codes are sent, beside one whose is not."""

    def __init__(self, world):
        self.world, self.box = world, world.island.path("box")
        script = world.island.path("sendmail")
        os.mkdir(self.box, 0o700)
        with open(script, "w", encoding="ascii") as file:
            file.write(SENDMAIL.format(self.box))
        os.chmod(script, 0o755)
        world.island.configure(f"email_devices = yes\nemail_interval = 1s\nnotify =\n"
                               f"sendmail = {script}")
        world.restart()
        with Listener(16) as listener:
            for name in READERS:
                self.add(listener, name)
        world.reset("dan")
        self.last, self.took = time.monotonic(), 0

    def add(self, listener, name):
        self.world.ask("Add", user=name, email=f"{name}@example.org")
        self.world.ask("Enroll", user=name, type="email")
        self.world.ask("Confirm", user=name, code=listener.take()["text"])

    def send_all(self):
        """A code to each, for as many logins at once: what it says of where it went, and how long
        that took."""
        time.sleep(max(0, self.last + 1.1 - time.monotonic()))  # email_interval
        begin = time.monotonic()
        clients = [Client() for _ in READERS]
        for name, client in zip(READERS, clients):
            message = {"method": "org.pamtotp.Service.SendCode", "parameters": {"user": name}}
            client.send(json.dumps(message).encode() + b"\0")
        said = [client.read() for client in clients]
        self.took, self.last = time.monotonic() - begin, time.monotonic()
        return [answer.get("parameters", {}).get("address") for answer in said]

    def taken(self):
        """How many messages sendmail has had; they are thrown away."""
        names = [name for name in os.listdir(self.box) if not name.startswith(".")]
        for name in names:
            os.unlink(f"{self.box}/{name}")
        return len(names)


def check(world, client, name="dan"):
    """A login: what came of it, and how long it took."""
    begin = time.monotonic()
    answer = client.ask("Check", {"user": name, "code": world.code(name)})
    return answer.get("parameters", {}).get("verdict"), time.monotonic() - begin


def test_hanging(world, mail, name, make):
    """Others' logins through the same worker."""
    with make() as listener, Client() as client:
        verdict, took = check(world, client)
        same(verdict, "accepted", f"{name}: a login before it, {1000 * took:.0f} ms")
        workers = workers_of(world.service)
        sent = mail.send_all()
        same(sent, len(READERS) * ["r***@e***.org"], f"{name}: codes are sent")
        ok(mail.took < PATIENT, f"{name}: who asks for one does not wait: {1000 * mail.took:.0f} ms")
        times = []
        for _ in range(20):
            verdict, took = check(world, client)
            times.append(took if verdict == "accepted" else TIMEOUT)
        ok(max(times) < PATIENT, f"{name}: nor does who logs in: {1000 * max(times):.0f} ms at most",
           times)
        ok(set(workers) <= set(workers_of(world.service)), f"{name}: the worker is the same")
        yield listener
    ok(until(lambda: not left_behind(world.service)), f"{name}: nobody stays behind", processes())


def test_full(world, mail):
    """What cannot be handed over there is sent by totp-mail all the same."""
    def make():
        listener = Listener(0)
        listener.fill()
        return listener
    for _ in test_hanging(world, mail, "a full socket", make):
        counted = 0

        def all_taken():
            nonlocal counted
            counted += mail.taken()
            return counted >= len(READERS)
        ok(until(all_taken), "a full socket: the messages come", counted)


def test_silent(world, mail):
    """It takes connections, and nothing out of them."""
    for listener in test_hanging(world, mail, "one that never answers", lambda: Listener(16)):
        names = sorted(listener.take()["user"] for _ in READERS)
        same(names, READERS, "one that never answers: it has been given each message once")


def test_zombies(world, mail):
    """Of processes that have handed over, and that nobody waits for."""
    with Listener(64):
        for _ in range(3):
            mail.send_all()
    ok(until(lambda: not left_behind(world.service)), "whoever has handed over is gone, and no zombie",
       processes())


def test_death(world, mail):
    """A worker dies while its messages are on their way."""
    with Listener(0) as listener, Client() as client:
        listener.fill()
        check(world, client)
        mail.send_all()
        before = set(workers_of(world.service))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        verdict, took = check(world, client)
        again = "" if verdict == "accepted" else check(world, client)[0]
        ok("accepted" in (verdict, again) and took < PATIENT,
           "a worker that dies while messages hang is replaced at once", f"{verdict} {took:.2f} s")
        ok(not before & set(workers_of(world.service)), "by another", processes())
    # And one with a login in work.
    with Listener(0) as listener, Client() as client:
        listener.fill()
        check(world, client)
        mail.send_all()
        fast = workers_of(world.service)
        for pid in fast:
            os.kill(pid, signal.SIGSTOP)
        name = "org.pamtotp.Service.Check"
        message = {"method": name, "parameters": {"user": "dan", "code": world.code("dan")}}
        client.send(json.dumps(message).encode() + b"\0")
        begin = time.monotonic()
        for pid in fast:
            os.kill(pid, signal.SIGKILL)
        answer = client.read()
        took = time.monotonic() - begin
        ok(took < PATIENT and (answer.get("error", "").endswith(".Failed")
                               or "verdict" in answer["parameters"]),
           f"whoever was to be answered by it is answered after {1000 * took:.0f} ms", answer)
    ok(until(lambda: not left_behind(world.service)), "nobody stays behind", processes())


def test_leaving(world, mail):
    """Totpd is stopped with messages on their way: systemd kills whoever is there when it has gone."""
    mail.taken()
    with Listener(16):
        mail.send_all()
        handing = left_over(world.service)
        world.service.process.terminate()
        same(world.service.process.wait(TIMEOUT), 0, "totpd is stopped while messages hang")
        same(left_over(world.service), [], "it has waited for those that hand them over")
    ok(handing, "which there were")
    counted = 0

    def all_taken():
        nonlocal counted
        counted += mail.taken()
        return counted >= len(READERS)
    ok(until(all_taken), "and the messages come", counted)
    world.restart()


def test(island):
    island.put(os.path.dirname(island.find(island.tree, "totp-mail")))
    with Service(island) as service:
        world = World(island, service, [])
        mail = Mail(world)
        test_full(world, mail)
        test_silent(world, mail)
        test_zombies(world, mail)
        test_death(world, mail)
        test_leaving(world, mail)
        said = service.logged()
        world.root = Client()  # one that is idle is closed
        same(world.check("dan"), "", "logins go on")
    check_log(world, "".join(line for line in said.splitlines(True) if "worker" not in line))


if __name__ == "__main__":
    main(test, [])
