#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real sshd, real ssh: password, then the code in a second prompt."""

import os
import sys

sys.dont_write_bytecode = True
from island import PASSWORD, background, main, ok  # noqa: E402
from sshd import CODE, MARK, Server, expect  # noqa: E402


def test_second_prompt(island, alice, bob, carol):
    both = [("Password: ", PASSWORD), (CODE, "")]

    def answers(code):
        return [both[0], (CODE, code)]

    server = Server(island, "sshd")
    with background(server.argv()):
        server.wait()
        code = alice.code()
        accepted = ["accepted", f"user={alice.name}", "service=sshd", "rhost=127.0.0.1",
                    "tty=ssh", "method=totp", "device=phone"]
        expect(server, "password and code", alice, answers(code), True, accepted)
        expect(server, "the same code again", alice, answers(code), False, ["replayed"])
        code = alice.code()
        wrong = f"{(int(code) + 1) % 1000000:06d}"
        expect(server, "a wrong code", alice, answers(wrong), False,
               ["wrong", "rhost=127.0.0.1", f"user={alice.name}"])
        shown = server.login(alice, "keyboard-interactive", [("Password: ", "wrong horse")])
        ok(MARK not in shown and not island.log.take("pam_totp(sshd:auth)"),
           "a wrong password does not reach the code", shown)
        expect(server, "the code that was not used", alice, answers(code), True, accepted)
        token = alice.tokens[0]
        shown = expect(server, "a backup token", alice, answers(token), True,
                       ["accepted", "method=backup"])
        ok("9 are left" in shown, "who is told how many are left", shown)
        expect(server, "the same token again", alice, answers(token), False, ["wrong"])
        expect(server, "SHA256, 8 digits, 60 s", carol, answers(carol.code()), True,
               ["accepted", f"user={carol.name}"])
        expect(server, "nobody's device", bob, answers("123456"), False,
               ["unenrolled", f"user={bob.name}"])
        shown = server.login("nobody-here", "keyboard-interactive", answers("123456"))
        ok(MARK not in shown and "denied" in shown, "no such person", shown)
        for _ in range(5):
            island.totpctl("verify", carol.name, answer="12345678\n", check=False)
        shown = expect(server, "a locked account", carol, answers(carol.code()), False, ["locked"])
        ok("This account is locked" in shown, "who is told so", shown)
        island.totpctl("unlock", carol.name)
        expect(server, "unlocked", carol, answers(carol.code()), True, ["accepted"])
        test_other_key(island, server, alice, answers)


def test_other_key(island, server, alice, answers):
    key, spare = island.path("totp/key"), island.path("totp/spare")
    os.rename(key, spare)
    with open(key, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write("k9 " + "5a" * 32 + "\n")
    expect(server, "with another key", alice, answers(alice.code()), False, ["unavailable"])
    os.rename(spare, key)
    expect(server, "with the right key again", alice, answers(alice.code()), True, ["accepted"])


def test(island):
    alice, bob, carol = (island.person(name) for name in ("alice-e2e", "bob-e2e", "carol-e2e"))
    island.enroll(alice)
    island.enroll(carol, "--algorithm", "SHA256", "--digits", "8", "--period", "60")
    test_second_prompt(island, alice, bob, carol)


if __name__ == "__main__":
    main(test, ["sshd", "ssh", "ssh-keygen"])
