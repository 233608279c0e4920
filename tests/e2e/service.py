# SPDX-License-Identifier: BSD-2-Clause
"""totpd on an island: started by itself or by systemd-socket-activate, ended, killed; and its
clients."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

from island import ENVIRONMENT, SOCKET, TIMEOUT


@contextlib.contextmanager
def acting_as(uid):
    """What connects meanwhile is seen as this user."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


class Client:
    """One connection, of a user or already made."""

    def __init__(self, uid=0, connection=None):
        self.socket, self.rest = connection or socket.socket(socket.AF_UNIX), b""
        self.socket.settimeout(TIMEOUT)
        if connection is None:
            with acting_as(uid):
                self.socket.connect(SOCKET)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """What the other side does not want to read any more is not sent."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def answer(self):
        """The text of one, None at the end of the connection."""
        while b"\0" not in self.rest:
            try:
                got = self.socket.recv(1 << 20)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self.rest += got
        text, _, self.rest = self.rest.partition(b"\0")
        return text.decode()

    def ask(self, method, parameters, **flags):
        """One answer, or a list of them where more was asked for."""
        name = method if "." in method else f"org.pamtotp.Service.{method}"
        message = {"method": name, "parameters": parameters, **flags}
        self.send(json.dumps(message).encode() + b"\0")
        answers = [self.read()]
        while flags.get("more") and answers[-1].get("continues"):
            answers.append(self.read())
        return answers if flags.get("more") else answers[0]

    def read(self):
        text = self.answer()
        return {"error": "closed"} if text is None else json.loads(text)


class Service:
    def __init__(self, island, activated=False, environment=()):
        self.environment = {**ENVIRONMENT, **dict(environment)}
        self.log = island.path("totpd.log")
        command = [island.totpd, "--config", island.conf]
        self.command = (["systemd-socket-activate", "-l", SOCKET, *command] if activated
                        else [*command, "--listen", SOCKET])
        self.activated, self.process = activated, None
        self.sign = "Listening on" if activated else "serves on"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        os.makedirs(os.path.dirname(SOCKET), 0o755, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)
        before = self.logged().count(self.sign)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment)
        deadline = time.monotonic() + TIMEOUT
        # A connection in the place of a look would start what a socket activates.
        while self.logged().count(self.sign) == before:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"totpd does not listen: {self.logged()}")
            time.sleep(0.01)
        if self.activated:
            os.chmod(SOCKET, 0o666)  # as the unit's SocketMode= has it

    def restart(self):
        """What it remembers of who has asked how often is forgotten."""
        self.kill()
        self.start()

    def logged(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    @staticmethod
    def workers():
        """Their numbers: this island has its own processes."""
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                and Service.name_of(pid).startswith("totpd-worker")]

    @staticmethod
    def name_of(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                return file.read()
        return ""

    def kill(self):
        """All of it at once, as the kernel does when memory is short; what it left stays."""
        if self.process is None:
            return
        self.process.kill()
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(TIMEOUT)
        self.process = None


def through_service(test):
    """The test with every login judged by totpd: what would do without it is not there."""
    def run(island):
        os.unlink(island.engine)
        with Service(island):
            test(island)
    return run
