#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The module in processes that are not root's, as screen lockers are: through the service or not
at all. And services that are not root's."""

import contextlib
import os
import shutil
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from island import BUILD, ENVIRONMENT, PASSWORD, Terminal, main, ok, run, same, skip  # noqa: E402
from service import Service, acting_as  # noqa: E402

CODE = "prompt-echo-off: One-time code: "
NOT_PERMITTED = "unavailable: not permitted: this is another's record"
YES = b'{"parameters":{"verdict":"accepted","admit":"yes","method":"totp","device":"phone"}}\0'


class Lock:
    """A locker: a PAM application that its user has started."""

    def __init__(self, island):
        self.island, self.program = island, island.path("locker")
        self.stacks = island.path("pam.d")
        shutil.copy(f"{BUILD}/tests/pam/pam_login", self.program)
        os.mkdir(self.stacks, 0o755)
        self.put("other", "")

    def put(self, name, options):
        with open(f"{self.stacks}/{name}", "w", encoding="utf-8") as file:
            for kind in ("auth", "account"):
                file.write(f"{kind} required {self.island.module} config={self.island.conf} debug "
                           f"{options}\n")

    def command(self, name, user):
        return [self.program, "-d", self.stacks, "--account", name, user.name]

    def unlock(self, name, person, *answers, user=None):
        """What it prints: prompts, the log, the result. person None is root."""
        command, answer = self.command(name, user or person), "".join(a + "\n" for a in answers)
        if person is None:
            return run(*command, input=answer, check=False, env=ENVIRONMENT).stdout
        return person.run(*command, answer=answer).stdout

    def expect(self, what, said, result, *words):
        lines = said.splitlines()
        ok(lines[-1] == f"result: {result}" and all(word in said for word in words), what,
           f"wanted {result} and {words}\n{said}")


def test_codes(lock, alice, bob):
    asked = ("debug: the service at /run/totp/totpd answered", CODE)
    code = alice.code()
    lock.expect("the right code", lock.unlock("prompt", alice, code), "PAM_SUCCESS", *asked,
                f"login accepted user={alice.name} service=prompt method=totp device=phone")
    lock.expect("the same code again", lock.unlock("prompt", alice, code), "PAM_AUTH_ERR", *asked,
                "login replayed")
    lock.expect("a wrong code", lock.unlock("prompt", alice, alice.wrong_code()), "PAM_AUTH_ERR",
                *asked, "login wrong", "failures 1")
    lock.expect("no code", lock.unlock("prompt", alice, ""), "PAM_AUTH_ERR", "malformed")
    token = alice.tokens[0]
    lock.expect("a backup token", lock.unlock("prompt", alice, token), "PAM_SUCCESS",
                "method=backup", "info: You have used a backup token. 9 are left.")
    lock.expect("the same token again", lock.unlock("prompt", alice, token), "PAM_AUTH_ERR")
    code = bob.code()
    lock.expect("another's code, right as it is", lock.unlock("prompt", alice, code, user=bob),
                "PAM_AUTHINFO_UNAVAIL", NOT_PERMITTED)
    lock.expect("it is not used up", lock.unlock("prompt", bob, code), "PAM_SUCCESS")
    nobody = type(bob)("nobody-here", 0, "/")
    lock.expect("who does not exist", lock.unlock("prompt", alice, "123456", user=nobody),
                "PAM_AUTHINFO_UNAVAIL", NOT_PERMITTED)
    for _ in range(5):
        lock.unlock("prompt", bob, bob.wrong_code())
    lock.expect("after five wrong codes", lock.unlock("prompt", bob, bob.code()), "PAM_MAXTRIES",
                "error: This account is locked after too many wrong codes.")


def test_modes(lock, alice):
    one = "prompt-echo-off: Password and one-time code: "
    code = alice.code()
    lock.expect("combined: a wrong password", lock.unlock("combined", alice, "wrong" + code),
                "PAM_AUTH_ERR", one)
    lock.expect("combined: has not used up the code",
                lock.unlock("combined", alice, PASSWORD + code), "PAM_SUCCESS", one, "accepted")
    lock.expect("combined: again", lock.unlock("combined", alice, PASSWORD + code), "PAM_AUTH_ERR",
                "replayed")
    lock.expect("combined: a password alone", lock.unlock("combined", alice, PASSWORD),
                "PAM_AUTH_ERR", "malformed")
    lock.expect("auto: both in one answer", lock.unlock("auto", alice, PASSWORD + alice.code()),
                "PAM_SUCCESS", one)
    lock.expect("auto: a password, then a code", lock.unlock("auto", alice, PASSWORD, alice.code()),
                "PAM_SUCCESS", one, CODE)
    lock.expect("auto: a wrong password, then a code",
                lock.unlock("auto", alice, "wrong horse", alice.code()), "PAM_AUTH_ERR")


def insist(vlock, line, text, patience=2):
    """Types a line until text is seen: what comes before it listens, vlock throws away."""
    for _ in range(5):
        vlock.send(line)
        if vlock.expect(text, patience):
            return True
    return False


def test_program(lock, alice):
    """A real locker: vlock, as the user's own process, which it is with physical rights alone."""
    installed = shutil.which("vlock-main", path=ENVIRONMENT["PATH"])
    if installed is None:
        skip("vlock", "vlock is needed")
        return
    program = shutil.copyfile(installed, lock.island.path("vlock"))
    os.chmod(program, 0o755)
    shutil.copy(f"{lock.stacks}/prompt", "/etc/pam.d/vlock")
    code = alice.code()
    vlock = Terminal([program], alice)
    ok(insist(vlock, "", f"{alice.name}'s One-time code: ", 5) and insist(vlock, code, "\n"),
       "vlock asks", vlock.output)
    vlock.close()
    same(vlock.status, 0, "vlock: the right code unlocks")
    vlock = Terminal([program], alice)
    ok(insist(vlock, "", f"{alice.name}'s One-time code: ", 5) and insist(vlock, code, "\n")
       and vlock.expect("root's One-time code: ") and insist(vlock, "123456", "\n")
       and vlock.expect("cannot retrieve authentication info"),
       "vlock: a used code does not, nor what is said to be root's", vlock.output)
    vlock.end()
    lines = "\n".join(lock.island.log.take("pam_totp(vlock:auth)"))
    ok("login accepted" in lines and "login replayed" in lines and NOT_PERMITTED in lines,
       "vlock: the log says so", lines)


def test_nobody_there(lock, alice):
    for what in ("a socket nobody listens on", "no socket"):
        said = lock.unlock("prompt", alice, alice.code())
        lock.expect(f"{what}: denied", said, "PAM_AUTHINFO_UNAVAIL",
                    "log: err pam_totp(prompt:auth): denied, this process is not root's and has no "
                    "service: /run/totp/totpd: the service totpd is not there")
        lock.expect(f"{what}: root's process does it itself",
                    lock.unlock("prompt", None, alice.code(), user=alice), "PAM_SUCCESS",
                    "debug: done here, without the service: /run/totp/totpd")
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/run/totp/totpd")


class Impostor:
    """Says yes to everything, as long as anybody asks it."""

    def __init__(self, path, owner, listener):
        self.asked, self.socket = 0, socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        os.chown(path, owner, owner)
        with acting_as(listener):  # this is who is seen as the peer
            self.socket.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            with connection, contextlib.suppress(OSError):
                if connection.recv(65536):
                    self.asked += 1
                    connection.sendall(YES)


def test_impostors(lock, alice):
    hall = "/run/hall"
    os.mkdir(hall, 0o755)
    public = "/run/public"
    os.mkdir(public)
    os.chmod(public, 0o1777)
    for name, place, owner, listener in (
            ("in the user's own directory", alice.home, 0, 0),
            ("in a directory open to all", public, 0, 0),
            ("on a socket that is another's", hall, alice.uid, 0),
            ("of a process that is another's", hall, 0, alice.uid)):
        path = f"{place}/{owner}-{listener}"
        impostor = Impostor(path, owner, listener)
        lock.put("impostor", f"socket={path}")
        lock.expect(f"a service {name} is not believed", lock.unlock("impostor", alice, "123456"),
                    "PAM_AUTHINFO_UNAVAIL", "log: err pam_totp(impostor:auth): denied, this "
                    "process is not root's and has no service", "it is not believed")
        lock.expect(f"a service {name}: root's process does it itself",
                    lock.unlock("impostor", None, "123456", user=alice), "PAM_AUTH_ERR",
                    "log: err pam_totp(impostor:auth): the service is not asked",
                    "it is not believed")
        same(impostor.asked, 0, f"a service {name} is told nothing")
    # Not for want of a voice: where root alone may have put it, it is heard.
    impostor = Impostor(f"{hall}/believed", 0, 0)
    lock.put("impostor", f"socket={hall}/believed")
    lock.expect("what is root's is believed", lock.unlock("impostor", alice, "123456"),
                "PAM_SUCCESS", f"the service at {hall}/believed answered")


def test(island):
    alice, bob = island.person("alice-e2e"), island.person("bob-e2e")
    island.configure("[service combined]\nmode = combined\npassword = store\n"
                     "[service auto]\nmode = auto\npassword = store\n")
    for person in alice, bob:
        island.enroll(person)
    island.totpctl("passwd", alice.name, answer=PASSWORD + "\n")
    lock = Lock(island)
    for name in ("prompt", "combined", "auto"):
        lock.put(name, "")
    with Service(island) as service:
        test_codes(lock, alice, bob)
        service.restart()
        test_modes(lock, alice)
        test_program(lock, alice)
        said = service.logged().replace(service.sign, "")
    same(said, 2 * "totpd:  /run/totp/totpd\n", "the service has nothing to say of it")
    test_nobody_there(lock, alice)
    test_impostors(lock, alice)


if __name__ == "__main__":
    main(test, [])
