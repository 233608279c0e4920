#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One-time codes by e-mail at a login, over real sshd and ssh, through a real Postfix: the code is
read from the mailbox. Then what goes wrong with sendmail, which logins by other codes outlive."""

import os
import re
import sys
import time

sys.dont_write_bytecode = True
from clock import LIBRARY, Clock  # noqa: E402
from island import (PASSWORD, TIMEOUT, Terminal, background, main, ok, same,  # noqa: E402
                    skip_all)
from mta import TOOLS as MTA_TOOLS, running, until  # noqa: E402
from post import (ANY, INTERVAL, LABEL, LIFETIME, PLAIN, Visit, address_of,  # noqa: E402
                  check_message, open_office, sent_to)
from sshd import MARK, Server, is_in  # noqa: E402

TOOLS = ["sshd", "ssh", "ssh-keygen", "su", *MTA_TOOLS]
PATIENCE = 2  # seconds that a prompt may wait for sendmail
DEADLINE = 30  # of sendmail


def wrong(code):
    return f"{(int(code) + 1) % 10 ** 8:08d}"


def receive(office, server, person):
    """A login that has a code sent, and the code."""
    visit = Visit(server, person, sent_to(person))
    ok(visit.asked, "the prompt tells where a code was sent", visit.shown)
    return visit, office.mta.take(address_of(person)).code()


def nothing_else(office, what):
    rest = office.mta.rest()
    ok(not rest, f"{what}: no other message", "\n".join(map(str, rest)))


# --- e-mail alone ---------------------------------------------------------------------------------

def test_once(office, server, alice):
    office.later()
    office.island.log.take("")
    visit = Visit(server, alice, sent_to(alice))
    ok(visit.asked, "e-mail alone: the prompt names the masked address", visit.shown)
    message = office.mta.take(address_of(alice))
    code = message.code()
    check_message(message, alice, "a code", code)
    ok(len(message.codes) == 1 and alice.name in message.text and "127.0.0.1" in message.text,
       "it has one code of 8 digits, and tells whose login it is and from where", message)
    fine = visit.answer(code)
    lines = office.island.log.take("")
    ok(fine, "its code logs in", visit.shown)
    ok(any("login accepted" in line and f"user={alice.name}" in line and "method=email" in line and
           f"device={LABEL}" in line for line in lines), "the log tells of it", "\n".join(lines))
    ok(address_of(alice) not in visit.shown, "the client has not seen the whole address",
       visit.shown)
    ok(code not in visit.shown + "".join(lines), "nobody has seen the code but its owner",
       visit.shown + "\n".join(lines))
    again, new = receive(office, server, alice)
    ok(new != code and not again.answer(code) and "denied" in again.shown,
       "not a second time; the next login is sent another", again.shown)
    nothing_else(office, "a second time")
    same([(event["method"], event["verdict"]) for event in office.events(alice, "mail")
          if event["service"] == "sshd"], [("code", None)] * 2, "the record tells of both")


def test_lifetime(office, server, alice):
    for seconds, accepted in ((LIFETIME - 1, True), (LIFETIME, False)):
        office.later()
        visit, code = receive(office, server, alice)
        office.later_by(seconds)
        same(visit.answer(code), accepted, f"{seconds} seconds after it was sent")
    nothing_else(office, "its lifetime")


def test_again(office, server, alice):
    """Whoever begins logins in somebody's name neither floods them nor spoils the code they have;
    one that is old is replaced."""
    office.later()
    first, code = receive(office, server, alice)
    office.later_by(LIFETIME // 2)
    second = Visit(server, alice, sent_to(alice))
    ok(second.asked, "while a code is fresh the prompt still tells where it is", second.shown)
    nothing_else(office, "while a code is fresh")
    office.later_by(1)
    third, new = receive(office, server, alice)
    ok(new != code and not first.answer(code), "a new code takes the place of an old one",
       first.shown)
    office.later_by(1)
    fourth = Visit(server, alice, sent_to(alice))
    nothing_else(office, "a second later")
    ok(fourth.answer(new), "and is good at a later prompt", fourth.shown)
    for visit in (second, third):
        visit.terminal.end()


def test_tries(office, server, alice):
    office.later()
    visit, code = receive(office, server, alice)
    ok(not visit.answer(wrong(code)), "a wrong one", visit.shown)
    for number in (2, 3):
        visit = Visit(server, alice, sent_to(alice))
        ok(not visit.answer(wrong(code)), f"a wrong one, {number}", visit.shown)
    office.later_by(INTERVAL - 1)
    visit = Visit(server, alice, ANY)
    ok(not visit.answer(code), "after three tries the code is not good any more", visit.shown)
    nothing_else(office, "after three tries, within the interval")
    office.later_by(1)
    visit, code = receive(office, server, alice)
    ok(visit.answer(code), "after the interval there is a new one", visit.shown)


def test_ten_prompts(office, server, alice):
    office.later()
    visits = [Visit(server, alice, sent_to(alice), wait=False) for _ in range(10)]
    same([visit.arrive().asked for visit in visits], [True] * 10, "ten prompts in a second")
    code = office.mta.take(address_of(alice)).code()
    nothing_else(office, "ten prompts in a second")
    ok(visits[7].answer(code), "the code is good at any of them", visits[7].shown)
    for visit in visits[:7] + visits[8:]:
        visit.terminal.end()


def test_race(office, server, alice):
    """Eight logins have been sent the same code, and answer at once. The wrong ones count: they
    would lock the account before the right one is through."""
    office.configure("max_failures = 20")
    office.later()
    visits = [Visit(server, alice, sent_to(alice), wait=False) for _ in range(8)]
    for visit in visits:
        visit.arrive()
    code = office.mta.take(address_of(alice)).code()
    office.island.log.take("")
    for visit in visits:
        visit.terminal.send(code)
    shown = [visit.terminal.close() for visit in visits]
    lines = [line for line in office.island.log.take("pam_totp(sshd:auth)") if " login " in line]
    same([sum(is_in(text, alice) for text in shown), sum("denied" in text for text in shown)],
         [1, 7], "a code that eight logins answer with lets one in")
    same([sum(" accepted " in line for line in lines), len(lines)], [1, 8], "so says the log")
    nothing_else(office, "eight at once")
    office.configure()
    office.island.totpctl("unlock", alice.name)


def test_switched_off(office, server, alice, bob):
    """Without the option an e-mail device is none."""
    office.configure(devices="no")
    office.later()
    visit = Visit(server, alice, ANY)
    ok(visit.asked and not visit.answer("email") and "sent to" not in visit.shown,
       "email_devices=no: refused", visit.shown)
    visit = Visit(server, bob, PLAIN)
    ok(visit.answer(office.clock.code(bob)), "email_devices=no: the app's code logs in",
       visit.shown)
    nothing_else(office, "email_devices=no")
    office.configure()
    office.island.totpctl("unlock", alice.name)
    office.mta.rest()


def test_su(office, alice, bob):
    """A program that is set-uid root, started by somebody else; and a sendmail with options that
    Postfix takes from nobody but root."""
    office.island.service("su")
    office.configure(sendmail=office.mta.sendmail)
    office.later()
    terminal = Terminal(["su", alice.name, "-c", f"echo {MARK}-$(id -un)"], bob)
    for prompt, answer in (("Password: ", lambda: PASSWORD),
                           (sent_to(alice), lambda: office.mta.take(address_of(alice)).code())):
        if terminal.expect(prompt):
            terminal.send(answer())
    shown = terminal.close()
    ok(is_in(shown, alice) and address_of(alice) not in shown, "su: a code comes, and lets in",
       shown)
    office.configure()


# --- an app as well -------------------------------------------------------------------------------

def test_app_and_email(office, server, bob):
    office.later()
    visit = Visit(server, bob, PLAIN)
    nothing_else(office, "an app and e-mail: unasked")
    visit.terminal.send("email")
    ok(visit.wait_for(sent_to(bob)), "who types \"email\" is told where a code was sent",
       visit.shown)
    code = office.mta.take(address_of(bob)).code()
    ok(visit.answer(code) and address_of(bob) not in visit.shown, "which logs in", visit.shown)
    office.later()
    visit = Visit(server, bob, PLAIN)
    visit.terminal.send("email")
    visit.wait_for(sent_to(bob))
    code = office.mta.take(address_of(bob)).code()
    ok(visit.answer(office.clock.code(bob)), "after it the app's code logs in too", visit.shown)
    visit = Visit(server, bob, PLAIN)
    ok(visit.asked and visit.answer(code), "and the one sent, without typing \"email\" again",
       visit.shown)
    visit = Visit(server, bob, PLAIN)
    ok(visit.answer(office.clock.code(bob)), "the app's code at the first prompt", visit.shown)
    nothing_else(office, "an app and e-mail")


def test_asked_again(office, server, bob):
    """Who types "email" once more, since nothing has come yet."""
    office.later()
    visit = Visit(server, bob, PLAIN)
    visit.terminal.send("email")
    visit.wait_for(sent_to(bob))
    code = office.mta.take(address_of(bob)).code()
    office.later_by(INTERVAL - 1)
    visit.terminal.send("email")
    ok(visit.wait_for(sent_to(bob)), "\"email\" again, within the interval: told where it is",
       visit.shown)
    nothing_else(office, "\"email\" again, within the interval")
    office.later_by(1)
    visit.terminal.send("email")
    visit.wait_for(sent_to(bob))
    new = office.mta.take(address_of(bob)).code()
    ok(new != code and visit.answer(new), "after the interval another is sent, which lets in",
       visit.shown)


def test_app_alone(office, server, carol):
    """Asks for what is not there; and sees nothing of that."""
    office.later()
    visit = Visit(server, carol, PLAIN)
    visit.terminal.send("email")
    if visit.terminal.expect(PLAIN):
        visit.terminal.send(office.clock.wrong_code(carol))
    shown = visit.terminal.close()
    ok(MARK not in shown and "sent to" not in shown, "an app alone: \"email\" gets nothing", shown)
    nothing_else(office, "an app alone")
    office.island.totpctl("unlock", carol.name)


# --- sendmail fails -------------------------------------------------------------------------------

def write_program(island, name, text):
    path = island.path(name)
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o755)) as file:
        file.write(f"#!/bin/sh\n{text}\n")
    return path


def test_hanging(office, server, alice, bob):
    """What of it shows at once. The rest takes as long as sendmail may."""
    office.later()
    usual = Visit(server, bob, PLAIN)
    usual.terminal.end()
    office.configure(sendmail=write_program(office.island, "hang", "sleep 600"))
    start = time.monotonic()
    visit = Visit(server, alice, sent_to(alice))
    ok(visit.asked and visit.delay - usual.delay < PATIENCE,
       "sendmail hangs: who has e-mail alone is asked without delay",
       f"{visit.delay} s, usually {usual.delay}\n{visit.shown}")
    visit.terminal.end()
    visit = Visit(server, bob, PLAIN)
    visit.terminal.send("email")
    ok(visit.wait_for(sent_to(bob)) and visit.delay < PATIENCE,
       "sendmail hangs: who types \"email\" is asked again without delay",
       f"{visit.delay} s\n{visit.shown}")
    ok(visit.answer(office.clock.code(bob)), "sendmail hangs: the app's code logs in", visit.shown)
    ok(running("sleep"), "sendmail hangs: it does")
    return start


def test_deadline(office, alice, start):
    found, lines = office.wait_for_failure(alice, "code", DEADLINE + TIMEOUT)
    took = time.monotonic() - start
    ok(found and took > DEADLINE - 1, "sendmail hangs: the record tells of it", found)
    ok(any("sendmail" in line or "hang" in line for line in lines),
       "sendmail hangs: the log tells of it", "\n".join(lines))
    until(lambda: not running("sleep"), "the end of what hangs")
    ok(True, "sendmail hangs: it has been killed")


def test_fault(office, server, what, dave, sendmail=None):
    """One that fails at once: the login by app goes on, and an admin can see why there is no
    message."""
    office.later()
    office.configure(sendmail=sendmail)
    before = len(office.events(dave, "mail"))
    office.island.log.all.clear()
    visit = Visit(server, dave, PLAIN)
    visit.terminal.send("email")
    ok(visit.wait_for(sent_to(dave)) and visit.delay < PATIENCE, f"{what}: no delay",
       f"{visit.delay} s\n{visit.shown}")
    ok(visit.answer(office.clock.code(dave)), f"{what}: the app's code logs in", visit.shown)
    found, lines = office.wait_for_failure(dave, "code")
    ok(len(found) == 1 and len(office.events(dave, "mail")) == before + 2,
       f"{what}: the record tells of the code, and of the failure", found)
    ok(lines and all(len(line) < 1500 for line in lines) and
       not re.search(r"(?<![0-9])[0-9]{8}(?![0-9])", "".join(lines)),
       f"{what}: the log tells of it, without the code", "\n".join(lines))


def test_faults(office, server, people):
    island = office.island
    big = "yes 'a line that is not for the log' | head -c 1000000"
    faults = [("sendmail is missing", island.path("no-sendmail")),
              ("sendmail fails", write_program(island, "fail", "cat >/dev/null\nexit 75")),
              ("sendmail reads nothing", write_program(island, "deaf", "exit 75")),
              ("sendmail prints a megabyte", write_program(island, "talk", f"{big}\nexit 1")),
              ("the queue refuses", None)]
    for (what, program), person in zip(faults, people):
        if program is None:
            office.mta.set(authorized_submit_users="!root")
        test_fault(office, server, what, person, program)
    office.mta.reset("authorized_submit_users")
    office.configure()


def test(island, clock=None):
    if not os.path.exists(LIBRARY):
        skip_all("needs frozen_clock.so, which make check builds")
    clock = clock or Clock(island)
    names = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
    alice, bob, carol, *others = (island.person(f"{name}-e2e") for name in names)
    with open_office(island, clock) as office:
        office.add(alice)
        made, _ = office.enroll(alice)
        same((made["type"], made["state"], "secret" in made and made["secret"]),
             ("email", "pending", made.get("secret", False)), "enroll --type email")
        for person in (bob, *others):
            office.add(person)
            island.enroll(person)
            office.mta.take(address_of(person))
            office.enroll(person)
        island.enroll(carol)
        server = Server(island, "sshd")
        with open(server.conf, "a", encoding="utf-8") as file:
            file.write("MaxStartups 100\n")
        with background(server.argv(), clock.environment):
            server.wait()
            test_once(office, server, alice)
            test_lifetime(office, server, alice)
            test_again(office, server, alice)
            test_tries(office, server, alice)
            test_ten_prompts(office, server, alice)
            test_race(office, server, alice)
            test_su(office, alice, bob)
            test_app_and_email(office, server, bob)
            test_asked_again(office, server, bob)
            test_app_alone(office, server, carol)
            test_switched_off(office, server, alice, bob)
            start = test_hanging(office, server, alice, bob)
            test_faults(office, server, others)
            test_deadline(office, alice, start)


if __name__ == "__main__":
    main(test, TOOLS)
