# SPDX-License-Identifier: BSD-2-Clause
"""Throw-away people with event-based devices, whom root's own calls put back to where they were;
callers of every kind; a login that must go on working."""

import ctypes
import os
import shutil
import socket
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(2, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from host import hotp  # noqa: E402
from island import BUILD, ENVIRONMENT, SOCKET, ok, run  # noqa: E402
from service import Client  # noqa: E402

SECRETS = {"phone": 32 * "A", "spare": 32 * "B", "third": 32 * "C"}
PASSWORD = "hunter2 and more"
UNKNOWN, OVERFLOW = 64999, 65534  # the second is how a name space shows whom it does not know
OTHERS = ("root", "toor", "nobody", str(UNKNOWN))  # who have records, and are no people of ours
CLONE_NEWUSER, PR_SET_DUMPABLE = 0x10000000, 4


class World:
    def __init__(self, island, service, names):
        self.island, self.service, self.root = island, service, Client()
        self.people = {name: island.person(name).uid for name in names}
        self.counters = {}
        self.dirty = {*names, *OTHERS}  # who is not as reset makes them
        self.spent = set()  # codes that no log may show
        self.locker = shutil.copy(f"{BUILD}/tests/pam/pam_login", island.path("locker"))
        self.stacks = island.path("pam.d")
        os.mkdir(self.stacks, 0o755)
        for name in ("login", "other"):
            with open(f"{self.stacks}/{name}", "w", encoding="utf-8") as file:
                file.write(f"auth required {island.module} config={island.conf} debug\n")

    def restart(self):
        """Nobody has asked too much."""
        self.service.restart()
        self.root = Client()

    def ask(self, method, **parameters):
        """As root, who must succeed."""
        answer = self.root.ask(method, parameters)
        if "error" in answer:
            raise RuntimeError(f"{method} {parameters}: {answer}")
        return answer["parameters"]

    def reset(self, name, proven=True, role="user"):
        """An account as new: an active device, unless it has proved none, and a pending one."""
        self.root.ask("Remove", {"user": name})
        for device in ("phone", "spare")[not proven:]:
            self.ask("Enroll", user=name, device=device, type="hotp", secret=SECRETS[device])
            if device == "phone":
                self.ask("Confirm", user=name, device=device, code=hotp(SECRETS[device], 0))
        if role != "user":
            self.ask("Set", user=name, role=role)
        self.counters[name] = 1
        self.dirty.discard(name)

    def code(self, name):
        """The next one."""
        code = hotp(SECRETS["phone"], self.counters[name])
        self.counters[name] += 1
        self.spent.add(code)
        return code

    def record(self, name):
        return self.ask("Show", user=name)["account"]

    def check(self, name):
        """"" when a login as root's processes ask for it is accepted, else what happened."""
        answer = self.root.ask("Check", {"user": name, "code": self.code(name)})
        return "" if answer["parameters"].get("verdict") == "accepted" else f"after it: {answer}"

    def login(self, name):
        """"" when somebody logs in as ever, through the service; else what happened."""
        done = run(self.locker, "-d", self.stacks, "login", name, input=self.code(name) + "\n",
                   check=False, env=ENVIRONMENT)
        fine = (done.stdout.endswith("result: PAM_SUCCESS\n")
                and f"the service at {SOCKET} answered" in done.stdout)
        return "" if fine else f"after it, a login fails: {done.stdout}{done.stderr}"


def check_log(world, said):
    """totpd's own, and the record of events: one line each, and nothing secret."""
    hidden = [word for word in (*SECRETS.values(), PASSWORD, *world.spent) if word in said]
    ok(not hidden and "Sanitizer" not in said
       and all(line.startswith("totpd: ") for line in said.splitlines()),
       "totpd says nothing secret, in lines of its own", f"{hidden}\n{said}")


def connect_from_namespace(uid):
    """A client whom a user name space of a user's own calls root; None where there are none."""
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            become_root_of_nothing(uid)
            caller = socket.socket(socket.AF_UNIX)
            caller.connect(SOCKET)
            socket.send_fds(there, [str(os.getuid()).encode()], [caller.fileno()])
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    there.close()
    with here:
        said, fds, _, _ = socket.recv_fds(here, 16, 1)
    if said != b"0":
        return None
    return Client(connection=socket.socket(fileno=fds[0]))


def become_root_of_nothing(uid):
    libc = ctypes.CDLL(None, use_errno=True)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or /proc/self would stay root's
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {uid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
