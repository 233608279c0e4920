# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix with directories and a port of its own. Whoever a message is for, it ends in one
Maildir here: nothing leaves this machine, and what should not have been sent is seen."""

import contextlib
import email
import email.header
import email.policy
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import time

from island import ENVIRONMENT, TIMEOUT, run

DOMAIN = "example.test"
TOOLS = ["postfix", "postconf", "sendmail"]
OWNER = 65534  # of the Maildir; delivery as root is refused

MAIN = """compatibility_level = 3.6
myhostname = mail.{domain}
mydomain = {domain}
myorigin = {domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
alias_maps =
alias_database =
local_recipient_maps =
local_transport = virtual
virtual_transport = virtual
relay_transport = virtual
default_transport = virtual
virtual_mailbox_base = {root}
virtual_mailbox_maps = static:post/
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
"""
MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
error unix - - n - - error
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


def until(check, what, patience=TIMEOUT):
    """What check() returns, once that is something."""
    deadline = time.monotonic() + patience
    while not (found := check()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.01)
    return found


def running(name):
    """Whether a program of this name runs; within a process name space, here."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        comm, _, state = text.partition("(")[2].rpartition(") ")
        if comm == name[:15] and state[0] not in "ZX":
            return True
    return False


class Message:
    """One that was delivered."""

    def __init__(self, raw):
        self.raw = raw
        self.parsed = email.message_from_bytes(raw, policy=email.policy.default)
        # What Postfix delivered it to, whatever the message says.
        self.to = str(self.parsed["Delivered-To"])
        self.subject = str(self.parsed["Subject"])

    @property
    def recipient(self):
        """Name and address, decoded by the older parser: the newer one puts blanks between the
        encoded words of a name."""
        header = email.message_from_bytes(self.raw)["To"]
        return str(email.header.make_header(email.header.decode_header(header)))

    @property
    def text(self):
        return self.parsed.get_body(("plain",)).get_content()

    @property
    def codes(self):
        """Of 8 digits, on lines of their own or not."""
        return re.findall(r"(?<![0-9-])[0-9]{4}[ -]?[0-9]{4}(?![0-9-])", self.text)

    def code(self):
        return re.sub(r"[ -]", "", self.codes[0]) if self.codes else ""

    def __str__(self):
        return self.raw.decode(errors="backslashreplace")


class Mta:
    def __init__(self, root):
        self.root, self.config, self.box = root, f"{root}/etc", f"{root}/post/new"
        self.sendmail = f"/usr/sbin/sendmail -C {self.config} -oi -t"
        self.process, self.seen, self.kept = None, set(), []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        os.mkdir(root, 0o755)
        for name in ("etc", "queue", "data", "post"):
            os.mkdir(f"{root}/{name}", 0o755)
        shutil.chown(f"{root}/data", "postfix")
        os.chown(f"{root}/post", OWNER, OWNER)
        values = {"root": root, "domain": DOMAIN, "port": self.port, "owner": OWNER}
        for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
            with open(f"{self.config}/{name}", "w", encoding="ascii") as file:
                file.write(text.format(**values))

    def __enter__(self):
        """This makes the directories of the queue, too."""
        self.process = subprocess.Popen(
            ["postfix", "-c", self.config, "start-fg"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
        try:
            until(self.listens, "Postfix", 3 * TIMEOUT)
            self.prove()
        except BaseException:
            self.__exit__()
            raise
        return self

    def prove(self):
        """That it takes what sendmail gives it, and delivers: a port may be open before the queue
        is looked at, and then it is looked at a minute later."""
        address, given = f"proof@{DOMAIN}", subprocess.DEVNULL
        for _ in range(3):
            subprocess.run([*self.sendmail.split()], input=f"To: {address}\n\n".encode(),
                           stdout=given, stderr=given, env=ENVIRONMENT, check=True)
            with contextlib.suppress(RuntimeError):
                self.take(address)
                break
        else:
            raise RuntimeError(f"Postfix delivers nothing\n{self.log()}")
        until(lambda: not self.queued(), "an empty queue", 3 * TIMEOUT)
        self.look()
        self.kept = []

    def __exit__(self, *_):
        """What was started is a script, which ends after the master."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"{self.root}/queue/pid/master.pid", encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGTERM)
        self.process.communicate(timeout=TIMEOUT)

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"postfix: {self.process.stderr.read().decode()}{self.log()}")
        with socket.socket() as probe:
            # Where nobody listens a connection may meet itself.
            return (probe.connect_ex(("127.0.0.1", self.port)) == 0
                    and probe.getsockname() != probe.getpeername())

    def log(self):
        with open(f"{self.root}/log", encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def set(self, **values):
        """What sendmail reads at its next start: the queue takes messages by it, or refuses."""
        for name, value in values.items():
            run("postconf", "-c", self.config, "-e", f"{name}={value}")

    def reset(self, *names):
        run("postconf", "-c", self.config, "-X", *names)

    def send(self, to, text):
        """A message of our own, by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=TIMEOUT) as client:
            client.sendmail(f"test@{DOMAIN}", [to], text.encode())

    def queued(self):
        """Whether messages are on their way. The directories in the order in which they pass."""
        for name in ("maildrop", "incoming", "active"):
            for _, _, files in os.walk(f"{self.root}/queue/{name}"):
                if files:
                    return True
        return False

    def look(self):
        """Keeps what has arrived."""
        names = set(os.listdir(self.box)) if os.path.isdir(self.box) else set()
        for name in sorted(names - self.seen):
            with open(f"{self.box}/{name}", "rb") as file:
                self.kept.append(Message(file.read()))
        self.seen |= names

    def take(self, to, count=1):
        """As many messages to an address, once they have arrived; they are taken away."""
        def found():
            self.look()
            return len([message for message in self.kept if message.to == to]) >= count

        try:
            until(found, f"{count} messages to {to}")
        except RuntimeError as error:
            queue = [os.path.join(top, name) for top, _, names in os.walk(f"{self.root}/queue")
                     for name in names]
            raise RuntimeError(f"{error}; there are {[(m.to, m.subject) for m in self.kept]}\n"
                               f"queue: {queue}\n" + self.log()[-2000:]) from error
        taken = [message for message in self.kept if message.to == to][:count]
        self.kept = [message for message in self.kept if message not in taken]
        return taken[0] if count == 1 else taken

    def rest(self):
        """Everything that has been sent and not been taken, once nothing is on its way."""
        until(lambda: not running("totp-mail") and not self.queued(), "the last message")
        self.look()
        rest, self.kept = self.kept, []
        return rest
