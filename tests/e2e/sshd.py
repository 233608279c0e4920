# SPDX-License-Identifier: BSD-2-Clause
"""A real sshd on an island, and one login through a real ssh."""

import os
import shutil
import socket
import time

from island import dialogue, ok, run

CODE = "One-time code: "
MARK = "this-is-the-inside-of"


class Server:
    """sshd with an example's stack and the sshd_config its comment asks for."""

    def __init__(self, island, example):
        self.island = island
        text = island.service("sshd", example)
        wanted = text.split("# sshd_config:\n", 1)[1].split("\n#\n", 1)[0]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        for name in ("host", "user"):
            if not os.path.exists(island.path(name)):
                run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", island.path(name))
        self.conf = island.path("sshd_config")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write("".join(line.lstrip("# ") + "\n" for line in wanted.splitlines()))
            file.write(f"Port {self.port}\nListenAddress 127.0.0.1\n"
                       f"HostKey {island.path('host')}\nPidFile none\nUseDNS no\n"
                       "PrintMotd no\nPrintLastLog no\nLogLevel ERROR\n"
                       "AuthorizedKeysFile .ssh/authorized_keys\n")

    def argv(self):
        return [shutil.which("sshd", path="/usr/sbin:/usr/bin"), "-D", "-f", self.conf]

    def wait(self):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("sshd does not listen")

    def client(self, person, methods, *options, host="127.0.0.1"):
        """The command a person types."""
        name = getattr(person, "name", person)
        return ["ssh", "-F", "/dev/null", "-p", str(self.port), "-o", "StrictHostKeyChecking=no",
                "-o", f"UserKnownHostsFile={self.island.path('known_hosts')}",
                "-o", "NumberOfPasswordPrompts=1", "-o", f"PreferredAuthentications={methods}",
                "-o", "IdentitiesOnly=yes", "-i", self.island.path("user"), *options, "-tt",
                f"{name}@{host}", f"echo {MARK}-$(id -un)"]

    def login(self, person, methods, answers):
        """What the client shows."""
        return dialogue(self.client(person, methods), answers)


def is_in(shown, person):
    return f"{MARK}-{person.name}" in shown


def expect(server, what, person, answers, accepted, words, methods="keyboard-interactive"):
    """One login: is it accepted, is there one line in the log with all these words, is nothing
    echoed?"""
    shown = server.login(person, methods, answers)
    lines = server.island.log.take("pam_totp(sshd:auth)")
    fine = (is_in(shown, person) if accepted else MARK not in shown and "denied" in shown)
    ok(fine, what, shown)
    ok(len(lines) == 1 and all(word in lines[0] for word in words), f"{what}: one line in the log",
       "\n".join(lines))
    ok(not any(answer in shown or answer in "".join(lines) for _, answer in answers),
       f"{what}: no answer is shown or logged", shown)
    return shown
