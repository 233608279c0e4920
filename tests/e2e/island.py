# SPDX-License-Identifier: BSD-2-Clause
"""A host within the host: its own /etc, /dev, /run and logs in a mount and process name space of
this test, which end with it even when it is killed. In it: throw-away people, the installed tree,
a log, terminals for ssh, sudo, su and login. Standard library only."""

import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

SRC = os.path.abspath(os.environ.get("srcdir", "."))
BUILD = os.path.abspath(os.environ.get("builddir", "."))
PASSWORD = "correct horse"
# crypt(3) of it, cheap.
HASH = ("$6$rounds=1000$totptest$"
        "nSJkNa//.W3jujRo.xmdBiwL2wozyk9j5afzbGHQjIZ7wAOW42al8ueaGVK42SC9i8lvlhTNSVOsJG8GVpYzn.")
SOCKET = "/run/totp/totpd"
TIMEOUT = 20
COLUMNS, ROWS = 80, 24  # of a terminal
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "HOME": "/"}


class Tap:
    count = failed = 0

    @classmethod
    def ok(cls, fine, name, note=""):
        cls.count += 1
        cls.failed += not fine
        print(f"{'ok' if fine else 'not ok'} {cls.count} - {name}")
        if not fine:
            for line in str(note).splitlines():
                print("# " + line)
        sys.stdout.flush()
        return fine

    @classmethod
    def done(cls):
        print(f"1..{cls.count}")
        return 1 if cls.failed else 0


ok = Tap.ok


def same(got, expected, name):
    return ok(got == expected, name, f"expected {expected!r}\ngot      {got!r}")


def skip(name, reason):
    ok(True, f"{name} # SKIP {reason}")


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def run(*argv, **options):
    options.setdefault("check", True)
    return subprocess.run(argv, text=True, capture_output=True, **options)


def mount(*arguments):
    run("mount", *arguments)


class Log:
    """The island's /dev/log."""

    END = "-- taken --"

    def __init__(self, path):
        self.path, self.lines, self.changed = path, [], threading.Condition()
        self.all = []  # taken or not
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            line = self.socket.recv(8192).decode(errors="backslashreplace")
            with self.changed:
                self.lines.append(line)
                self.all.append(line)
                self.changed.notify()

    def take(self, text):
        """The lines that hold text since the last take, up to a line of our own."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(self.END.encode(), self.path)
        with self.changed:
            self.changed.wait_for(lambda: self.END in self.lines, TIMEOUT)
            lines, self.lines = self.lines, []
        return [line for line in lines if text in line]


class Terminal:
    """A program on a terminal of its own, as a person or as root."""

    def __init__(self, argv, user=None):
        self.output, self.seen, self.status = "", 0, None
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            self.become(user)
            os.execve(shutil.which(argv[0], path=ENVIRONMENT["PATH"]), argv, ENVIRONMENT)

    @staticmethod
    def become(user):
        if user is not None:
            os.setgroups([])
            os.setgid(user.uid)
            os.setuid(user.uid)
            os.chdir(user.home)

    def read(self, deadline):
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the program has closed the terminal
            return False
        self.output += self.decoder.decode(data)
        return bool(data)

    def expect(self, text, patience=TIMEOUT):
        deadline = time.monotonic() + patience
        while text not in self.output[self.seen:]:
            if not self.read(deadline):
                return False
        self.seen = self.output.index(text, self.seen) + len(text)
        return True

    def send(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def end(self):
        """Does not wait for it."""
        os.kill(self.pid, signal.SIGKILL)
        return self.close()

    def close(self):
        deadline = time.monotonic() + TIMEOUT
        while self.read(deadline):
            pass
        os.close(self.fd)
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                deadline += TIMEOUT
            else:
                time.sleep(0.01)
        return self.output


class Person:
    def __init__(self, name, uid, home):
        self.name, self.uid, self.home = name, uid, home
        self.secret, self.device, self.tokens, self.used = None, {}, [], 0

    def run(self, *argv, answer=""):
        """A command without a terminal, and without a right of root's."""
        return run(*argv, input=answer, check=False, cwd=self.home, env=ENVIRONMENT, user=self.uid,
                   group=self.uid, extra_groups=[], timeout=TIMEOUT)

    def wrong_code(self, now=None):
        """None of the steps that could be accepted."""
        now = int(time.time() if now is None else now) // self.device["period"]
        near = {self.code_at(step) for step in range(now - 23, now + 24)}
        return next(code for code in ("000000", "111111", "222222") if code not in near)

    def code(self):
        """The code of a step that has not been used, within the wide window of this host."""
        period = self.device.get("period", 30)
        self.used = max(self.used + 1, int(time.time()) // period - 15)
        return self.code_at(self.used)

    def code_at(self, step):
        period = self.device.get("period", 30)
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(step * period))
        return run("oathtool", f"--totp={self.device['algorithm'].lower()}", "-b", self.secret,
                   "-d", str(self.device["digits"]), "-s", f"{period}s", "--now", moment
                   ).stdout.strip()


class Island:
    def __init__(self, root):
        self.root = root
        self.people = {}
        self.make_directories()
        self.log = Log("/dev/log")
        self.install()
        self.conf = f"{root}/totp/totp.conf"
        os.mkdir(f"{root}/totp", 0o755)
        self.configure("")
        self.totpctl("init")

    def path(self, name):
        return f"{self.root}/{name}"

    def make_directories(self):
        mount("-t", "tmpfs", "-o", "mode=0755", "none", self.root)
        os.mkdir(self.path("etc"), 0o755)
        run("cp", "-a", "/etc/.", self.path("etc"))
        mount("--bind", self.path("etc"), "/etc")
        for directory, modes in (("/run", {"sshd": 0o755, "sudo": 0o711, "lock": 0o777}),
                                 ("/var/log", {}), ("/var/lib/sudo", {})):
            if os.path.isdir(directory):
                mount("-t", "tmpfs", "-o", "mode=0755", "none", directory)
            for name, mode in modes.items():
                os.mkdir(f"{directory}/{name}", mode)
        for name in ("wtmp", "btmp", "lastlog"):
            open(f"/var/log/{name}", "w", encoding="ascii").close()
        open("/run/utmp", "w", encoding="ascii").close()
        os.mkdir(self.path("home"), 0o755)
        self.make_dev(self.path("dev"))

    @staticmethod
    def make_dev(dev):
        os.mkdir(dev, 0o755)
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            open(f"{dev}/{name}", "w", encoding="ascii").close()
            mount("--bind", f"/dev/{name}", f"{dev}/{name}")
        for name in ("pts", "shm"):
            os.mkdir(f"{dev}/{name}")
        mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620,gid=5", "none",
              f"{dev}/pts")
        mount("-t", "tmpfs", "-o", "mode=1777", "none", f"{dev}/shm")
        os.symlink("pts/ptmx", f"{dev}/ptmx")
        for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
            os.symlink(f"/proc/self/fd{target}", f"{dev}/{name}")
        mount("--rbind", dev, "/dev")

    def install(self):
        """make install, one test at a time; then what a PAM stack would name."""
        tree = self.tree = self.path("tree")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        with open(f"{BUILD}/config.status", encoding="utf-8", errors="replace") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = run("make", "-C", BUILD, "install", f"DESTDIR={tree}", env=environment,
                       check=False)
        if done.returncode != 0:
            sys.exit(f"Bail out! make install: {done.stderr}")
        self.module = self.find(tree, "pam_totp.so")
        self.program = self.find(tree, "totpctl")
        self.totpd = self.find(tree, "totpd")
        self.engine = self.find(tree, "engine.so")
        self.put(os.path.dirname(self.engine))

    @staticmethod
    def find(tree, name):
        for directory, _, files in os.walk(tree):
            if name in files and os.access(os.path.join(directory, name), os.X_OK):
                return os.path.join(directory, name)
        sys.exit(f"Bail out! make install has installed no {name}")

    def put(self, found):
        """A directory of the installed tree to where the module looks for it, as for its engine.
        Of a directory that lacks it we make one of our own, where everything else is a link to
        what was there."""
        wanted = found[len(self.tree):]
        above = wanted
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        if above == wanted:
            mount("--bind", found, wanted)
            return
        if os.path.commonpath([above, self.root]) == above:
            sys.exit(f"Bail out! {wanted} cannot be made without hiding {self.root}")
        behind = tempfile.mkdtemp(prefix="behind-", dir=self.root)
        os.chmod(behind, 0o755)
        mount("--rbind", above, behind)  # with what has been put there before
        mount("-t", "tmpfs", "-o", "mode=0755", "none", above)
        for name in os.listdir(behind):
            old = f"{behind}/{name}"
            os.symlink(os.readlink(old) if os.path.islink(old) else old, f"{above}/{name}")
        os.makedirs(os.path.dirname(wanted), exist_ok=True)
        os.symlink(found, wanted)

    def configure(self, lines):
        """A wide window, so that no test waits for a step; no delays."""
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(f"store = sqlite:{self.root}/totp/store/totp.db\n"
                       f"key_file = {self.root}/totp/key\nsocket = {SOCKET}\nwindow = 20\n"
                       f"max_drift = 0\nfail_delay = 0\n{lines}\n")

    def service(self, name, example=None):
        """The example as it stands; only the module's path and configuration are put in."""
        with open(f"{SRC}/examples/{example or name}", encoding="utf-8") as file:
            text = file.read()
        stack = re.sub(r"^([^#\n]*)\bpam_totp\.so", rf"\1{self.module} config={self.conf}", text,
                       flags=re.M)
        with open(f"/etc/pam.d/{name}", "w", encoding="utf-8") as file:
            file.write(stack)
        return text

    def totpctl(self, *arguments, answer="", check=True):
        done = run(self.program, "--config", self.conf, "--json", *arguments, input=answer,
                   check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"totpctl {arguments}: {done.returncode}, {done.stderr}")
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def person(self, name):
        uid = 64001 + len(self.people)
        home = self.path(f"home/{name}")
        with open("/etc/passwd", "a", encoding="utf-8") as file:
            file.write(f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n")
        with open("/etc/group", "a", encoding="utf-8") as file:
            file.write(f"{name}:x:{uid}:\n")
        with open("/etc/shadow", "a", encoding="utf-8") as file:
            file.write(f"{name}:{HASH}:19000:0:99999:7:::\n")
        os.mkdir(home, 0o755)
        os.chown(home, uid, uid)
        self.people[name] = Person(name, uid, home)
        return self.people[name]

    def enroll(self, person, *options):
        person.device = self.totpctl("enroll", person.name, "--no-confirm", *options)
        person.secret = person.device["secret"]
        reply = self.totpctl("confirm", person.name, answer=person.code() + "\n")
        person.tokens = reply["backup_tokens"]


@contextlib.contextmanager
def background(argv, environment=()):
    """A server that ends with the block."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL,
                          env={**ENVIRONMENT, **dict(environment)}) as process:
        try:
            yield process
        finally:
            process.terminate()


def dialogue(argv, answers, user=None):
    """Answers (prompt, answer) one after another and returns what was shown. A prompt that does not
    come ends it."""
    terminal = Terminal(argv, user)
    for prompt, answer in answers:
        if not terminal.expect(prompt):
            break
        terminal.send(answer)
    return terminal.close()


def main(test, tools):
    """Runs test(island) inside, or says why not."""
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        try:
            test(Island(sys.argv[2]))
        except Exception:  # pylint: disable=broad-except
            ok(False, "the test itself", traceback.format_exc())
        sys.exit(Tap.done())
    if os.geteuid() != 0:
        skip_all("needs root")
    missing = [tool for tool in ("unshare", "oathtool", *tools)
               if shutil.which(tool, path=ENVIRONMENT["PATH"]) is None]
    if missing:
        skip_all("needs " + ", ".join(missing))
    enter = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
             "--mount-proc"]
    if subprocess.run([*enter, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip_all("needs a mount name space of its own")
    root = tempfile.mkdtemp(prefix="totp-e2e-")
    os.chmod(root, 0o755)
    try:
        status = subprocess.run([*enter, sys.executable, os.path.abspath(sys.argv[0]), "--inside",
                                 root], check=False).returncode
    finally:
        os.rmdir(root)
    sys.exit(status)
