# SPDX-License-Identifier: BSD-2-Clause
"""A post office for the people of an island: a configuration with e-mail, addresses, devices that
codes are sent to, and logins over ssh with such a code."""

import contextlib
import os
import re
import time

from island import PASSWORD, Terminal, mount, ok, run
from mta import DOMAIN, Mta, until
from sshd import is_in

METHOD = "keyboard-interactive"
LABEL = "mailbox"  # of an e-mail device
PLAIN, ANY = "One-time code: ", "One-time code"
INTERVAL, LIFETIME = 60, 600  # seconds, the defaults


def address_of(person):
    return f"{person.name}@{DOMAIN}"


def masked(person):
    return f"{person.name[0]}***@{DOMAIN[0]}***.{DOMAIN.partition('.')[2]}"


def sent_to(person):
    """The prompt of whom a code was sent."""
    return f"One-time code (sent to {masked(person)}): "


class Office:
    """Of an island whose mail goes to an Mta."""

    def __init__(self, island, mta, clock=None):
        self.island, self.mta, self.clock = island, mta, clock
        self.configure()

    def configure(self, *lines, sendmail=None, devices="yes"):
        """Without another sendmail it is the default."""
        if sendmail is not None:
            lines = (f"sendmail = {sendmail}", *lines)
        self.island.configure("\n".join([f"email_devices = {devices}", *lines]))

    def later(self, seconds=2 * LIFETIME):
        """Moves the clock on: no code is good any more, of totpctl's time neither."""
        now = max(self.clock.now, int(time.time()))
        self.clock.move(now + seconds - self.clock.start)

    def later_by(self, seconds):
        """By so many exactly."""
        self.clock.move(self.clock.now + seconds - self.clock.start)

    def add(self, person, *options):
        """An account, or a new address for it."""
        self.island.totpctl("add", person.name, "--email", address_of(person), *options)

    def enroll(self, person, *options, totpctl=None):
        """An e-mail device, with the code that came. The notice of it is taken too."""
        totpctl = totpctl or self.island.totpctl
        made = totpctl("enroll", person.name, "--type", "email", "--device", LABEL, "--no-confirm")
        code = self.mta.take(address_of(person)).code()
        reply = totpctl("confirm", person.name, LABEL, *options, answer=code + "\n")
        if "--mail-backup-tokens" not in options:
            self.mta.take(address_of(person))
        return made, reply

    def events(self, person, action):
        return [event for event in self.island.totpctl("log", person.name)["events"]
                if event["action"] == action]

    def wait_for_failure(self, person, method, patience=20):
        """The event of a message that was not delivered, and what the log says of it."""
        def failures():
            return [event for event in self.events(person, "mail")
                    if event["verdict"] == "failed" and event["method"] == method]

        with contextlib.suppress(RuntimeError):
            until(failures, "the event", patience)
        lines = [line for line in self.island.log.all if "totp-mail" in line]
        return failures(), lines


class Visit:
    """A login over ssh, up to the prompt for a code."""

    def __init__(self, server, person, prompt, wait=True):
        self.person, self.prompt = person, prompt
        self.terminal = Terminal(server.client(person, METHOD))
        self.asked, self.delay = False, None
        if wait:
            self.arrive()

    def arrive(self):
        if self.terminal.expect("Password: "):
            self.terminal.send(PASSWORD)
        self.wait_for(self.prompt)
        return self

    def wait_for(self, prompt):
        start = time.monotonic()
        self.asked = self.terminal.expect(prompt) and (prompt != ANY or self.terminal.expect(": "))
        self.delay = time.monotonic() - start
        return self.asked

    def answer(self, code):
        """Whether it lets in."""
        self.terminal.send(code)
        return is_in(self.terminal.close(), self.person)

    @property
    def shown(self):
        return self.terminal.output


class Desk:
    """An admin with totpctl, who looks at everybody's mail."""

    def __init__(self, office, server):
        self.office, self.island, self.mta = office, office.island, office.mta
        self.server = server
        self.command = [self.island.program, "--config", self.island.conf]

    def root(self, *words, answer="", expected=0):
        done = run(*self.command, *words, input=answer, check=False)
        if done.returncode != expected:
            raise RuntimeError(f"{words}: {done.returncode} {done.stdout}{done.stderr}")
        return done

    def status(self, *words, answer=""):
        done = run(*self.command, *words, input=answer, check=False)
        return done.returncode, done.stderr

    def expect(self, what, person, *wanted, to=None):
        """These messages and no other. Each is its subject's beginning and words of its text."""
        to, taken = to or address_of(person), []
        for _ in wanted:
            taken.append(self.mta.take(to))
        taken.sort(key=lambda message: message.subject)
        for message, (subject, *words) in zip(taken, sorted(wanted)):
            text = " ".join(message.text.split())
            ok(message.subject.startswith(subject) and
               all(word in text for word in (person.name, *words)),
               f"{what}: \"{subject} ...\", {', '.join(words)}", message)
        rest = self.mta.rest()
        ok(not rest, f"{what}: {'no other' if wanted else 'no'} message",
           "\n".join(map(str, rest)))
        return taken

    def log_in(self, person, code):
        visit = Visit(self.server, person, PLAIN)
        return visit.answer(code), visit.shown


def check_message(message, person, what, secret=""):
    """That it is a plain one, to its person alone, of UTF-8, and that no header has what is
    secret."""
    headers, _, _ = message.raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    parsed = message.parsed
    plain = parsed.get_body(("plain",))
    ok(parsed["MIME-Version"] == "1.0" and not parsed.is_multipart() and plain is not None and
       (plain.get_content_charset() or "").lower() == "utf-8" and
       address_of(person) in str(parsed["To"]) and not parsed.defects,
       f"{what}: a message in plain text, UTF-8", message)
    ok(parsed["Subject"] and parsed["Date"] and parsed["From"] and
       len(parsed.get_all("Subject")) == len(parsed.get_all("From")) == 1 and
       parsed["Cc"] is None and parsed["Bcc"] is None, f"{what}: its headers", message)
    ok(str(parsed["Auto-Submitted"] or "").startswith("auto-"), f"{what}: no one is to answer it",
       message)
    ok(headers.isascii() and max(map(len, message.raw.splitlines())) <= 998,
       f"{what}: headers are ASCII, lines are not too long", message)
    if secret:
        ok(secret not in headers.decode(errors="replace") and
           secret not in re.sub(r"[ -]", "", message.subject), f"{what}: the code is in no header",
           message)


def read_tokens(message):
    """The backup tokens in it."""
    lines = [line.strip() for line in message.text.splitlines()]
    return sorted({line for line in lines if line.count("-") == 2 and " " not in line})


@contextlib.contextmanager
def open_office(island, clock=None):
    """With totp-mail where the module and totpd look for it, and Postfix as this host's."""
    island.put(os.path.dirname(island.find(island.tree, "totp-mail")))
    with Mta(island.path("mta")) as mta:
        mount("--bind", mta.config, "/etc/postfix")
        mta.send(f"postmaster@{DOMAIN}", "Subject: test\n\nIt works.\n")
        mta.take(f"postmaster@{DOMAIN}")
        yield Office(island, mta, clock)
