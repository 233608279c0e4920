#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What people do with their e-mail: enrol it, and find a way back from a password that was
forgotten or a phone that was lost. Through a real Postfix, with real sshd and ssh."""

import json
import sys

sys.dont_write_bytecode = True
from island import Terminal, background, main, ok  # noqa: E402
from mta import TOOLS as MTA_TOOLS  # noqa: E402
from post import (METHOD, Desk, Visit, address_of, check_message, masked, open_office,  # noqa: E402
                  read_tokens, sent_to)
from sshd import Server, is_in  # noqa: E402

TOOLS = ["sshd", "ssh", "ssh-keygen", *MTA_TOOLS]
OLD, NEW = "the forgotten one", "battery staple horse"
BOTH = "Password and one-time code: "
RECOVERY, PASSWORD = "Code for a new password", "A password was changed"
ADDED, USED = "A device was added", "A backup token was used"
TOKENS = "Backup tokens for"


def test_enroll(desk, person, caller):
    """On a terminal, up to backup tokens that are not shown there."""
    desk.office.add(person)
    words = ["enroll", "--type", "email", "--mail-backup-tokens"]
    terminal = Terminal([*desk.command, *words, *([person.name] if caller is None else [])], caller)
    code = "none"
    if terminal.expect("First code: "):
        code = desk.mta.take(address_of(person)).code()
        terminal.send(code)
    shown = terminal.close()
    ok(terminal.status == 0 and masked(person) in shown and address_of(person) not in shown,
       "enroll --type email: the address is masked", shown)
    _, message = desk.expect("enroll --mail-backup-tokens", person, (ADDED, "email"), (TOKENS,))
    tokens = read_tokens(message)
    ok(len(tokens) == 10 and not any(secret in shown for secret in (code, *tokens)),
       "neither the code nor backup tokens are shown", f"{message}\n{shown}")
    visit = Visit(desk.server, person, sent_to(person))
    code = desk.mta.take(address_of(person)).code()
    ok(visit.answer(tokens[0]), "one of the backup tokens lets in", visit.shown)
    desk.expect("one of the backup tokens", person, (USED, "9 backup tokens"))
    visit = Visit(desk.server, person, sent_to(person))
    ok(visit.answer(code), "the code that was sent for that login is still good", visit.shown)
    desk.expect("the code that was sent", person)


def one_answer(desk):
    """Logins by the store's password and a code."""
    with open("/etc/pam.d/sshd", "w", encoding="utf-8") as file:
        module = f"{desk.island.module} config={desk.island.conf}"
        file.write(f"auth required {module} mode=combined password=store\n"
                   f"account required {module}\nsession required pam_unix.so\n")


def knows(desk, person, password):
    terminal = Terminal(desk.server.client(person, METHOD))
    if terminal.expect(BOTH):
        terminal.send(password + person.code())
    return is_in(terminal.close(), person)


def recover(desk, person, caller, own, mailed=None, password=NEW):
    """The dialogue: its end, what was shown, and the message, unless it is of before."""
    words = [person.name] if caller is None else []
    terminal = Terminal([*desk.command, "recover", *words], caller)
    message = None
    if terminal.expect("Code from the e-mail: "):
        message = None if mailed else desk.mta.take(address_of(person))
        terminal.send(mailed or message.code())
    for prompt, answer in (("or a backup token: ", own), ("New password: ", password),
                           ("The same again: ", password)):
        if terminal.expect(prompt):
            terminal.send(answer)
    shown = terminal.close()
    return terminal.status, shown, message


def test_recover(desk, person, caller, who):
    """From forgetting it to the first login with another one."""
    desk.root("passwd", person.name, answer=OLD + "\n")
    desk.mta.rest()
    one_answer(desk)
    ok(knows(desk, person, OLD), f"recover, {who}: before it the old password is good")
    code = person.code()
    status, shown, message = recover(desk, person, caller, code)
    ok(status == 0 and masked(person) in shown and address_of(person) not in shown,
       f"recover, {who}: both codes set a new password, the address is masked", shown)
    ok(message.code() not in shown and code not in shown and NEW not in shown,
       f"recover, {who}: nothing that was typed is shown", shown)
    ok(message.subject.startswith(RECOVERY), f"recover, {who}: the code's message", message)
    check_message(message, person, f"recover, {who}", message.code())
    desk.expect(f"recover, {who}: the notice", person, (PASSWORD,))
    ok(not knows(desk, person, OLD), f"recover, {who}: the old password is refused")
    ok(knows(desk, person, NEW), f"recover, {who}: the new one is accepted")
    status, shown, _ = recover(desk, person, caller, person.code(), message.code(), "never to be")
    ok(status == 1, f"recover, {who}: the same code from e-mail a second time", shown)
    ok(knows(desk, person, NEW), f"recover, {who}: has changed nothing")
    desk.mta.take(address_of(person))
    desk.island.service("sshd")


def test_recover_needs_both(desk, person, caller):
    """A mailbox alone is not enough: the second code may not come by e-mail too."""
    desk.office.add(person)
    desk.island.enroll(person)
    desk.mta.rest()
    desk.office.enroll(person)
    desk.root("passwd", person.name, answer=OLD + "\n")
    desk.mta.rest()
    status, shown, message = recover(desk, person, caller, person.wrong_code())
    ok(status == 1, "recover: refused with a wrong code of one's own", shown)
    status, shown, _ = recover(desk, person, caller, message.code(), message.code())
    ok(status == 1, "recover: refused with the code from e-mail twice", shown)
    desk.expect("recover: refused", person)
    status, shown, _ = recover(desk, person, caller, person.tokens[0], message.code())
    ok(status == 0, "recover: with a backup token", shown)
    desk.expect("recover: with a backup token", person, (PASSWORD,), (USED, "9 backup tokens"))


def test_lost_phone(desk, person, caller):
    """A backup token lets in, and another pays for a new phone."""
    lost, wide = person.secret, person.tokens
    fine, shown = desk.log_in(person, wide[0])
    ok(fine, "a lost phone: a backup token lets in", shown)
    desk.expect("a lost phone", person, (USED, "9 backup tokens"))
    words = ["--json", "enroll", "--replace", "--device", "phone", "--no-confirm"]
    if caller is None:
        person.device = desk.island.totpctl(*words[1:2], person.name, *words[2:])
        desk.expect("--replace by root, pending", person)
    else:
        done = caller.run(*desk.command, *words, answer=wide[1] + "\n")
        ok(done.returncode == 0, "--replace by oneself takes a backup token",
           done.stdout + done.stderr)
        person.device = json.loads(done.stdout)
        desk.expect("--replace by oneself, pending", person, (USED, "8 backup tokens"))
    person.secret, person.used = person.device["secret"], 0
    desk.root("confirm", person.name, "phone", answer=person.code() + "\n")
    desk.expect("a new phone", person, (ADDED, "phone"))
    new, person.secret = person.secret, lost
    fine, shown = desk.log_in(person, person.code())
    ok(not fine, "the lost phone's code is refused", shown)
    person.secret = new
    fine, shown = desk.log_in(person, person.code())
    ok(fine, "the new phone's lets in", shown)


def test(island, service=False):
    """Where there is a service people do it themselves, without it root does it for them."""
    alice, bob, carol = (island.person(f"{name}-e2e") for name in ("alice", "bob", "carol"))
    with open_office(island) as office:
        server = Server(island, "sshd")
        desk = Desk(office, server)
        with background(server.argv()):
            server.wait()
            test_enroll(desk, carol, carol if service else None)
            office.add(alice)
            island.enroll(alice)
            test_recover(desk, alice, alice if service else None,
                         "by oneself" if service else "by root")
            test_recover_needs_both(desk, bob, bob if service else None)
            test_lost_phone(desk, alice, alice if service else None)


if __name__ == "__main__":
    main(test, TOOLS)
