#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real sshd, real ssh: password and code in one answer; key and code."""

import os
import shutil
import sys

sys.dont_write_bytecode = True
from island import PASSWORD, background, main, ok  # noqa: E402
from sshd import CODE, MARK, Server, expect  # noqa: E402


def test_one_answer(island, alice):
    server = Server(island, "sshd-one-answer")
    with background(server.argv()):
        server.wait()
        for methods, prompt in (("password", "password: "),
                                ("keyboard-interactive", "Password and one-time code: ")):
            code = alice.code()
            expect(server, f"{methods}: one answer", alice, [(prompt, PASSWORD + code)], True,
                   ["accepted", f"user={alice.name}"], methods)
            expect(server, f"{methods}: again", alice, [(prompt, PASSWORD + code)], False,
                   ["replayed"], methods)
            expect(server, f"{methods}: a wrong password", alice,
                   [(prompt, "wrong horse" + alice.code())], False, ["accepted"], methods)
            expect(server, f"{methods}: a password alone", alice, [(prompt, PASSWORD)], False,
                   ["malformed"], methods)


def test_key(island, alice):
    server = Server(island, "sshd-key")
    with background(server.argv()):
        server.wait()
        shown = server.login(alice, "publickey,keyboard-interactive", [(CODE, alice.code())])
        ok(MARK not in shown and not island.log.take("pam_totp(sshd:auth)"),
           "without a key there is no question", shown)
        os.mkdir(f"{alice.home}/.ssh")
        shutil.copy(island.path("user.pub"), f"{alice.home}/.ssh/authorized_keys")
        code = alice.code()
        methods = "publickey,keyboard-interactive"
        expect(server, "key and code", alice, [(CODE, code)], True, ["accepted"], methods)
        expect(server, "key and used code", alice, [(CODE, code)], False, ["replayed"], methods)
        island.totpctl("lock", alice.name)
        expect(server, "key and code, account closed", alice, [(CODE, alice.code())], False,
               ["locked"], methods)
        island.totpctl("unlock", alice.name)


def test(island):
    alice = island.person("alice-e2e")
    island.enroll(alice)
    test_one_answer(island, alice)
    test_key(island, alice)


if __name__ == "__main__":
    main(test, ["sshd", "ssh", "ssh-keygen"])
