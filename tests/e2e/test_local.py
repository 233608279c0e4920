#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real sudo, su and login with the installed module and the example stacks as they stand."""

import os
import sys

sys.dont_write_bytecode = True
from island import PASSWORD, dialogue, main, ok  # noqa: E402

CODE = "One-time code: "
MARK = "this-is-the-inside-of"


def expect(island, service, what, shown, accepted, words):
    """Did it get in as it should, with one line in the log that has all these words?"""
    lines = island.log.take(f"pam_totp({service}:auth)")
    ok((MARK in shown) == accepted, f"{service}: {what}", shown)
    ok(len(lines) == 1 and all(word in lines[0] for word in (f"service={service}", *words)),
       f"{service}: {what}: one line in the log", "\n".join(lines))


def test_sudo(island, alice, bob):
    island.service("sudo")
    with open("/etc/sudoers", "w", encoding="utf-8",
              opener=lambda p, f: os.open(p, f, 0o440)) as file:
        file.write(f"Defaults !fqdn, !lecture, passwd_tries=1\n{alice.name} ALL=(ALL) ALL\n"
                   f"{bob.name} ALL=(ALL) ALL\n")

    def sudo(person, code):
        # A terminal of its own each time: no earlier answer is remembered.
        return dialogue(["sudo", "-k", "echo", f"{MARK}-root"],
                        [(f"password for {person.name}: ", PASSWORD), (CODE, code)], person)

    code = alice.code()
    expect(island, "sudo", "password and code", sudo(alice, code), True,
           ["accepted", f"user={alice.name}", "method=totp", "device=phone", "tty="])
    expect(island, "sudo", "the same code again", sudo(alice, code), False, ["replayed"])
    expect(island, "sudo", "a backup token", sudo(alice, alice.tokens[0]), True,
           ["accepted", "method=backup"])
    expect(island, "sudo", "the same token again", sudo(alice, alice.tokens[0]), False, ["wrong"])
    expect(island, "sudo", "nobody's device", sudo(bob, "123456"), False, ["unenrolled"])


def test_su(island, alice, bob):
    island.service("su")

    def su(caller, target, code):
        return dialogue(["su", target.name, "-c", f"echo {MARK}-$(id -un)"],
                        [("Password: ", PASSWORD), (CODE, code)], caller)

    code = alice.code()
    shown = su(bob, alice, code)
    expect(island, "su", "the other's password and code", shown, True,
           ["accepted", f"user={alice.name}", "tty="])
    ok(f"{MARK}-{alice.name}" in shown, "su: to the other", shown)
    expect(island, "su", "the same code again", su(bob, alice, code), False, ["replayed"])
    expect(island, "su", "nobody's device", su(alice, bob, "123456"), False, ["unenrolled"])
    shown = dialogue(["su", alice.name, "-c", f"echo {MARK}"], [])
    ok(MARK in shown and not island.log.take("pam_totp(su:auth)"), "su: root is not asked", shown)
    island.totpctl("lock", alice.name)
    shown = dialogue(["su", alice.name, "-c", f"echo {MARK}"], [])
    ok(MARK in shown, "su: a lock does not stop root's own jobs", shown)
    island.totpctl("unlock", alice.name)


def test_login(island, alice):
    island.service("login")

    def login(code):
        return dialogue(["login", alice.name],
                        [("Password: ", PASSWORD), (CODE, code),
                         ("$ ", f"echo {MARK}-$(id -un) | tr a-z A-Z"), ("$ ", "exit")])

    code = alice.code()
    shown = login(code)
    lines = island.log.take("pam_totp(login:auth)")
    ok(f"{MARK}-{alice.name}".upper() in shown, "login: password and code", shown)
    ok(len(lines) == 1 and "accepted" in lines[0] and "service=login" in lines[0],
       "login: one line in the log", "\n".join(lines))


def test(island):
    alice, bob = island.person("alice-e2e"), island.person("bob-e2e")
    island.enroll(alice)
    test_sudo(island, alice, bob)
    test_su(island, alice, bob)
    test_login(island, alice)


if __name__ == "__main__":
    main(test, ["sudo", "su", "login"])
