#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real passwd, sshd and su with the installed module and pam_pwquality: the store's password is
changed by its owner, by root, and at a login that must not go on with the old one."""

import glob
import sys

sys.dont_write_bytecode = True
from island import PASSWORD, background, dialogue, main, ok, skip_all  # noqa: E402
from sshd import MARK, Server, is_in  # noqa: E402

BOTH = "Password and one-time code: "
CURRENT, CODE = "Current password: ", "One-time code: "
NEW, AGAIN = "New password: ", "Retype new password: "
REQUIRED = "You are required to choose a new password now."
OLD, WEAK = "open sesame please", "weak"
LOGIN = "auth required {module} mode=combined password=store\naccount required {module}\n"
PLAIN = ("password requisite pam_pwquality.so retry=1 minlen=12 dictcheck=0\n"
         "password required {module} use_authtok\n")


def write_stack(island, service, text):
    with open(f"/etc/pam.d/{service}", "w", encoding="utf-8") as file:
        file.write(text.format(module=f"{island.module} config={island.conf}"))


def has(island, person, password):
    """Whether a login by this password is accepted: one in the way of the store's own check."""
    shown = dialogue(["su", person.name, "-c", f"echo {MARK}-$(id -un)"],
                     [(BOTH, password + person.code())], island.people["bob-e2e"])
    island.log.take("pam_totp")
    return is_in(shown, person)


def expect(island, what, shown, person, password, words, secrets):
    """Is that the password now, is the change in the log as it should be, and no secret anywhere?"""
    lines = island.log.take("pam_totp(")
    text = "\n".join(lines)
    ok(all(word in text for word in words) and ("passwd user=" in text) == ("passwd user=" in words),
       f"{what}: the log", text)
    ok(not any(secret in shown + text for secret in secrets), f"{what}: nothing is shown or logged",
       shown + text)
    ok(has(island, person, password), f"{what}: the password", shown)


def passwd(person, *answers):
    prompts = (CURRENT, CODE, NEW, AGAIN)
    return dialogue(["passwd"], list(zip(prompts, answers)), person)


def test_passwd(island, alice, stack):
    """By its owner, in a program that is set-uid root."""
    code, good = alice.code(), f"battery staple {stack}"
    shown = passwd(alice, OLD, code, WEAK, WEAK)
    ok("BAD PASSWORD" in shown, f"{stack}: a weak one is refused by pam_pwquality", shown)
    expect(island, f"{stack}: a weak one", shown, alice, OLD, ["login accepted", "service=passwd"],
           [OLD, code])
    shown = passwd(alice, OLD, code)
    expect(island, f"{stack}: the code a second time", shown, alice, OLD, ["login replayed"], [OLD])
    shown = passwd(alice, "open barley please", alice.code())
    ok(NEW not in shown, f"{stack}: a wrong old one ends it", shown)
    expect(island, f"{stack}: a wrong old one", shown, alice, OLD, ["login wrong"], ["barley"])
    shown = passwd(alice, OLD, alice.wrong_code())
    expect(island, f"{stack}: a wrong code", shown, alice, OLD, ["login wrong"], [OLD])
    shown = passwd(alice, OLD, alice.code(), good, good)
    expect(island, f"{stack}: a good one", shown, alice, good,
           ["login accepted", "passwd user="], [OLD, good])
    ok(not has(island, alice, OLD), f"{stack}: the old one is refused")
    shown = dialogue(["passwd", alice.name], [(NEW, OLD), (AGAIN, OLD)])
    ok(CURRENT not in shown and CODE not in shown, f"{stack}: root is asked for neither", shown)
    expect(island, f"{stack}: by root", shown, alice, OLD, ["passwd user="], [OLD])


def test_system_password(island, bob):
    """The example leaves who has none in the store to pam_unix."""
    with open("/etc/shadow", encoding="utf-8") as file:
        before = file.read()
    good = "a new one for the system"
    shown = dialogue(["passwd"], [(CURRENT, PASSWORD), (NEW, good), (AGAIN, good)], bob)
    with open("/etc/shadow", encoding="utf-8") as file:
        after = file.read()
    differ = [line for line in after.splitlines() if line not in before.splitlines()]
    ok(len(differ) == 1 and differ[0].startswith(bob.name + ":$y$"), "the system's password", shown)
    ok(not island.log.take("passwd user="), "which is not the store's")


def test_plain_stack_without_password(island, bob):
    """There is nothing of ours to change, whoever asks; the example says what else could be."""
    shown = dialogue(["passwd", bob.name], [(NEW, "x" * 14), (AGAIN, "x" * 14)])
    ok(not island.log.take("passwd user="), "no password in the store, and none is made", shown)


def log_in_anew(island, what, alice, log_in, old, new):
    """With an expired password: a login that asks for a new one, and goes on."""
    island.totpctl("passwd", alice.name, "--expire")
    island.log.take("")
    shown = log_in([(BOTH, old + alice.code()), (NEW, WEAK),
                    (AGAIN, WEAK)])
    ok(MARK not in shown and "BAD PASSWORD" in shown, f"{what}: not with a weak one", shown)
    shown = log_in([(BOTH, old + alice.code()), (NEW, old), (AGAIN, old)])
    ok(MARK not in shown, f"{what}: not with the old one again", shown)
    shown = log_in([(BOTH, old + alice.code()), (NEW, new), (AGAIN, new)])
    lines = "\n".join(island.log.take("pam_totp("))
    ok(is_in(shown, alice) and REQUIRED in shown, f"{what}: it goes on with a new one", shown)
    ok(lines.count("passwd user=") == 1 and new not in lines + shown and old not in lines + shown,
       f"{what}: the log", lines)
    shown = log_in([(BOTH, old + alice.code())])
    ok(MARK not in shown, f"{what}: the old one is refused", shown)
    shown = log_in([(BOTH, new + alice.code())])
    ok(is_in(shown, alice) and NEW not in shown, f"{what}: the next login takes the new one", shown)


def test_expired(island, alice, bob):
    def su(answers):
        return dialogue(["su", alice.name, "-c", f"echo {MARK}-$(id -un)"], answers, bob)

    log_in_anew(island, "su", alice, su, OLD, "the second one of all")
    server = Server(island, "sshd-one-answer")
    write_stack(island, "sshd", LOGIN + PLAIN + "session required pam_unix.so\n")
    with background(server.argv()):
        server.wait()
        log_in_anew(island, "sshd", alice,
                    lambda answers: server.login(alice, "keyboard-interactive", answers),
                    "the second one of all", "the third one of all")


def test(island):
    alice, bob = island.person("alice-e2e"), island.person("bob-e2e")
    island.enroll(alice)
    island.totpctl("passwd", alice.name, answer=OLD + "\n")
    with open("/etc/security/pwquality.conf", "w", encoding="utf-8") as file:
        file.write("minlen = 12\ndictcheck = 0\n")
    write_stack(island, "su", LOGIN + PLAIN)
    write_stack(island, "passwd", PLAIN)
    test_passwd(island, alice, "one after the other")
    test_plain_stack_without_password(island, bob)
    island.service("passwd")
    test_passwd(island, alice, "the example")
    test_system_password(island, bob)
    test_expired(island, alice, bob)


def needs():
    if not any(glob.glob(f"{root}/security/pam_pwquality.so")
               for root in ("/lib*", "/lib/*", "/usr/lib*", "/usr/lib/*")):
        skip_all("needs pam_pwquality")
    return ["passwd", "su", "sshd", "ssh", "ssh-keygen"]


if __name__ == "__main__":
    main(test, needs())
