#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Messages that tell of a change, and what names and addresses cannot do to a message. Through a
real Postfix, with real sshd and ssh."""

import sys

sys.dont_write_bytecode = True
from island import background, main, ok, run, same  # noqa: E402
from mta import DOMAIN, TOOLS as MTA_TOOLS  # noqa: E402
from post import (ANY, LABEL, Desk, Visit, address_of, check_message, open_office,  # noqa: E402
                  read_tokens, sent_to)
from sshd import Server  # noqa: E402

TOOLS = ["sshd", "ssh", "ssh-keygen", "sqlite3", *MTA_TOOLS]
SOME = "battery staple horse"
USAGE = 2
ADDED, REMOVED = "A device was added", "A device was removed"
USED, RENEWED = "A backup token was used", "Backup tokens were renewed"
LOCKED, PASSWORD = "An account was locked", "A password was changed"
ADDRESS, TOKENS = "An e-mail address was changed", "Backup tokens for"


# --- notices --------------------------------------------------------------------------------------

def test_devices(desk, alice):
    name = 'Zoë "Z" Ünal, Ärztin'
    desk.office.add(alice, "--full-name", name)
    desk.expect("a new account", alice)
    desk.island.enroll(alice)
    (message,) = desk.expect("the first device", alice, (ADDED, "phone"))
    check_message(message, alice, "a notice")
    same(message.recipient, f"{name} <{address_of(alice)}>", "its recipient's name")
    desk.root("enroll", alice.name, "--device", "spare", "--no-confirm")
    desk.expect("a device that is pending", alice)
    desk.root("remove", alice.name, "spare")
    desk.expect("one that is gone", alice)
    first = alice.secret
    alice.device = desk.island.totpctl("enroll", alice.name, "--device", "spare", "--no-confirm")
    alice.secret = alice.device["secret"]
    desk.root("confirm", alice.name, "spare", answer=alice.code() + "\n")
    desk.expect("the second device", alice, (ADDED, "spare"))
    desk.root("disable", alice.name, "spare")
    desk.expect("disable", alice, ("A device was switched off", "spare"))
    desk.root("remove", alice.name, "spare")
    desk.expect("remove", alice, (REMOVED, "spare"))
    alice.secret = first


def test_tokens(desk, alice):
    fine, shown = desk.log_in(alice, alice.tokens[0])
    ok(fine, "a backup token lets in", shown)
    desk.expect("a backup token is used", alice, (USED, "9 backup tokens", "sshd", "127.0.0.1"))
    desk.root("backup", "new", alice.name)
    desk.expect("backup new", alice, (RENEWED,))
    desk.root("backup", "revoke", alice.name)
    desk.expect("backup revoke", alice, ("Backup tokens were revoked",))


def test_locks(desk, alice):
    for _ in range(7):
        desk.status("verify", alice.name, answer=alice.wrong_code() + "\n")
    desk.expect("seven wrong codes", alice, (LOCKED, "UTC"))
    desk.root("unlock", alice.name)
    desk.expect("unlock", alice)
    desk.root("lock", alice.name)
    desk.expect("lock", alice, (LOCKED, "administrator unlocks it"))
    desk.root("unlock", alice.name)


def test_other_changes(desk, alice):
    desk.root("passwd", alice.name, answer=SOME + "\n")
    desk.expect("a password", alice, (PASSWORD,))
    desk.root("passwd", alice.name, "--delete")
    desk.expect("none any more", alice, ("A password was removed",))
    desk.root("set", alice.name, "full_name=Zoë")
    desk.expect("another name", alice)
    other = f"zoe@elsewhere.{DOMAIN}"
    desk.root("set", alice.name, f"email={other}")
    desk.expect("another address: to the one before", alice, (ADDRESS,))
    desk.root("disable", alice.name)
    desk.expect("two-factor login is switched off", alice, ("Two-factor login was switched off",),
                to=other)
    desk.root("enable", alice.name)
    desk.mta.rest()
    desk.root("set", alice.name, "email=")
    desk.expect("no address any more", alice, (ADDRESS,), to=other)
    desk.root("passwd", alice.name, answer=SOME + "\n")
    desk.expect("without an address", alice)
    desk.root("set", alice.name, f"email={address_of(alice)}")
    desk.mta.rest()
    desk.root("remove", alice.name)
    desk.expect("remove", alice, ("Two-factor login was removed",))


def test_wishes(desk, bob):
    """notify= chooses."""
    desk.office.configure("notify = lock")
    desk.office.add(bob)
    desk.island.enroll(bob)
    desk.root("passwd", bob.name, answer=SOME + "\n")
    desk.root("lock", bob.name)
    desk.expect("notify=lock", bob, (LOCKED,))
    desk.root("unlock", bob.name)
    desk.office.configure("notify =")
    desk.root("lock", bob.name)
    desk.root("unlock", bob.name)
    desk.root("backup", "new", bob.name)
    desk.root("remove", bob.name)
    desk.expect("notify=", bob)
    desk.office.configure("notify = password", sendmail='""')
    desk.office.add(bob)
    desk.root("passwd", bob.name, answer=SOME + "\n")
    desk.root("remove", bob.name)
    desk.expect("sendmail=", bob)
    same(desk.office.events(bob, "mail"), [], "sendmail=: nor a failure")
    desk.office.configure()


def test_backup_tokens_by_mail(desk, carol):
    desk.office.add(carol)
    carol.device = desk.island.totpctl("enroll", carol.name, "--no-confirm")
    carol.secret = carol.device["secret"]
    done = desk.root("--json", "confirm", carol.name, "--mail-backup-tokens",
                     answer=carol.code() + "\n")
    _, message = desk.expect("--mail-backup-tokens", carol, (ADDED, "phone"), (TOKENS,))
    tokens = read_tokens(message)
    ok(len(tokens) == 10 and not any(token in done.stdout + done.stderr for token in tokens),
       "ten, which totpctl has not shown", f"{message}\n{done.stdout}{done.stderr}")
    check_message(message, carol, "backup tokens")
    ok(not any(token in desk.mta.log() + "".join(desk.island.log.all) for token in tokens),
       "nor any log")
    fine, shown = desk.log_in(carol, tokens[3])
    ok(fine, "one of them lets in", shown)
    desk.expect("it is used", carol, (USED, "9 backup tokens"))


# --- headers --------------------------------------------------------------------------------------

ADDRESSES = ('"a\nBcc: x@y"@example.org', '"a\\nBcc: x@y"@example.org', "a@example.org\nBcc: x@y",
             "a@example.org\r\nBcc: x@y", "a@example.org, x@y", "a@example.org,x@y",
             "<x@y>", "A <x@y>", "a b@example.org", "a@example.org\tx@y", "zoë@example.org",
             "a@", "@example.org", "a", "a@b@c", "a" * 250 + "@b.cd")
NAMES = ("a\nBcc: x@y", "a\r\n\r\nbody", "a\x07", "ä" * 150, "a\x1b[2J", "\x85")


def test_set(desk, dave):
    """Refused as a usage error, and nothing is changed."""
    before = desk.island.totpctl("show", dave.name)
    for key, values in (("email", ADDRESSES), ("full_name", NAMES)):
        refused = [(value, *desk.status("set", dave.name, f"{key}={value}")) for value in values]
        same([row for row in refused if row[1] != USAGE], [], f"set {key}=: refused")
        option = f"--{key.replace('_', '-')}"
        refused = [(value, *desk.status("add", dave.name, option, value)) for value in values]
        same([row for row in refused if row[1] != USAGE], [], f"add {option}: refused")
    same(desk.island.totpctl("show", dave.name), before, "nothing was changed")
    desk.expect("nobody was told", dave)


def test_odd_names(desk, dave):
    """That are allowed: whatever they look like, one person gets one message."""
    longest = "ä" * 128
    for name in ('x" <x@y.test>, "', "a, b@c.test", "(x@y.test)", "=?utf-8?q?x?=",
                 "Zoë, Ünal; 東京", longest, "\\", "a:b;", "<x@y.test>"):
        desk.root("set", dave.name, f"full_name={name}")
        desk.root("passwd", dave.name, answer=SOME + "\n")
        message = desk.mta.take(address_of(dave))
        addresses = message.parsed["To"].addresses
        ok([a.addr_spec for a in addresses] == [address_of(dave)] and
           message.recipient == f"{name} <{address_of(dave)}>" and not message.parsed.defects and
           max(map(len, message.raw.split(b"\n\n")[0].splitlines())) <= 998,
           f"a name such as {name[:20]}", message)
        rest = desk.mta.rest()
        ok(not rest, f"a name such as {name[:20]}: nobody else gets it", "\n".join(map(str, rest)))
    desk.root("set", dave.name, "full_name=")


def test_long_address(desk, erin):
    address = "e" * 64 + "@" + ".".join(["d" * 60] * 2) + "." + "d" * 54 + ".example.test"
    desk.root("add", erin.name, "--email", address)
    desk.root("passwd", erin.name, answer=SOME + "\n")
    desk.expect(f"an address of {len(address)} bytes", erin, (PASSWORD,), to=address)


def plant(desk, person, **columns):
    """Straight into the store."""
    store = desk.island.path("totp/store/totp.db")
    for column, value in columns.items():
        text = "CAST(x'" + value.encode().hex() + "' AS TEXT)"
        run("sqlite3", store, f"UPDATE account SET {column} = {text} WHERE name = '{person.name}'")


def test_planted(desk, erin):
    """By somebody who can write the store: no message goes astray."""
    desk.root("set", erin.name, f"email={address_of(erin)}")
    desk.office.enroll(erin)
    desk.root("enroll", erin.name, "--no-confirm")
    desk.mta.rest()
    for what, columns in (
            ("an address", {"email": '"a\nBcc: x@y"@example.org'}),
            ("a second address", {"email": f"{address_of(erin)}, x@y.test"}),
            ("a header", {"email": f"{address_of(erin)}\nBcc: x@y.test"}),
            ("a name", {"full_name": "Erin\nBcc: x@y.test\n\n"}),
            ("a name of 300 characters", {"full_name": "é" * 300})):
        plant(desk, erin, **columns)
        visit = Visit(desk.server, erin, ANY)
        ok(not visit.answer("00000000") and "x@y" not in visit.shown,
           f"{what} planted in the store: the login is refused", visit.shown)
        for words in (["verify", erin.name], ["backup", "new", erin.name], ["lock", erin.name],
                      ["enroll", erin.name, "--type", "email", "--no-confirm"],
                      ["recover", erin.name]):
            desk.status(*words, answer="00000000\n123456\nnew one\n")
        rest = desk.mta.rest()
        ok(not rest, f"{what} planted in the store: no message leaves", "\n".join(map(str, rest)))
        plant(desk, erin, email=address_of(erin), full_name="")
    desk.root("unlock", erin.name)
    desk.mta.rest()


def test_thief(desk, erin):
    """A good address of somebody else's: the device was made for another, and its codes do not go
    there."""
    thief = f"thief@{DOMAIN}"
    plant(desk, erin, email=thief)
    visit = Visit(desk.server, erin, ANY)
    ok(not visit.answer("00000000"), "an address planted in the store: the login is refused",
       visit.shown)
    codes = [message for message in desk.mta.rest() if message.codes]
    ok(not codes, "an address planted in the store: no code goes there", "\n".join(map(str, codes)))
    plant(desk, erin, email=address_of(erin))
    desk.root("unlock", erin.name)
    desk.mta.rest()
    visit = Visit(desk.server, erin, sent_to(erin))
    ok(visit.answer(desk.mta.take(address_of(erin)).code()), "the right address again: a code "
       "comes, and lets in", visit.shown)


def test_address_of_device(desk, erin):
    """While a device is made for it, it cannot be changed."""
    code, message = desk.status("set", erin.name, "email=other@example.org")
    same((code, desk.island.totpctl("show", erin.name)["email"]), (1, address_of(erin)),
         f"an address that codes are sent to stays: {message.strip()}")
    desk.root("remove", erin.name, LABEL)
    desk.expect("its device is removed", erin, (REMOVED, LABEL))
    desk.root("set", erin.name, "email=other@example.org")
    desk.expect("and then it goes", erin, (ADDRESS,))


def test(island):
    names = ("alice", "bob", "carol", "dave", "erin")
    alice, bob, carol, dave, erin = (island.person(f"{name}-e2e") for name in names)
    with open_office(island) as office:
        server = Server(island, "sshd")
        desk = Desk(office, server)
        with background(server.argv()):
            server.wait()
            test_devices(desk, alice)
            test_tokens(desk, alice)
            test_locks(desk, alice)
            test_other_changes(desk, alice)
            test_wishes(desk, bob)
            test_backup_tokens_by_mail(desk, carol)
            office.add(dave)
            test_set(desk, dave)
            test_odd_names(desk, dave)
            test_long_address(desk, erin)
            test_planted(desk, erin)
            test_thief(desk, erin)
            test_address_of_device(desk, erin)


if __name__ == "__main__":
    main(test, TOOLS)
