#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""totpctl without root: people see to their own devices, and those with the role admin to others'.
Real processes of throw-away users, asking a real totpd."""

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(2, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from island import ENVIRONMENT, TIMEOUT, Terminal, main, ok, same, skip  # noqa: E402
from screen import scan, scan_picture  # noqa: E402
from service import Service  # noqa: E402
from tray import Tray  # noqa: E402

PROOF = "A code of your own: "
TOKEN = r"\b[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}\b"
DONE, REFUSED, USAGE, NOBODY, UNUSABLE, LOCKED = range(6)


class Desk:
    """totpctl as somebody."""

    def __init__(self, island):
        self.island, self.command = island, [island.program, "--config", island.conf]

    def run(self, person, *words, answer=""):
        return person.run(*self.command, *words, answer=answer)

    def json(self, person, *words, answer=""):
        done = self.run(person, "--json", *words, answer=answer)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.returncode} {done.stderr}")
        return json.loads(done.stdout)

    def dialogue(self, person, words, *answers):
        """On a terminal: its exit status and what was shown."""
        terminal = Terminal([*self.command, *words], person)
        for prompt, answer in answers:
            if not terminal.expect(prompt):
                break
            terminal.send(answer)
        return terminal.close().replace("\r\n", "\n"), terminal

    def status(self, expected, name, person, *words, answer="", says=()):
        """A test of the exit status and the message."""
        done = self.run(person, *words, answer=answer)
        ok(done.returncode == expected and all(word in done.stderr for word in says), name,
           f"{done.returncode}: {done.stdout}{done.stderr}")
        return done

    def record(self, name):
        """As root sees it, past the service: nothing is asked."""
        return self.island.totpctl("show", name)


def take_device(person, uri):
    """The person's phone."""
    fields = {k: v[0] for k, v in
              urllib.parse.parse_qs(urllib.parse.urlsplit(uri).query).items()}
    person.secret = fields["secret"]
    person.device = {"algorithm": fields.get("algorithm", "SHA1"),
                     "digits": int(fields.get("digits", 6)),
                     "period": int(fields.get("period", 30))}


def test_first_device(desk, alice):
    """Enrolled by oneself, from nothing to backup tokens."""
    desk.status(NOBODY, "show: not enrolled yet", alice, "show")
    desk.status(NOBODY, "set: no account yet", alice, "set", "email=alice@example.org",
                says=["an administrator run 'totpctl add'"])
    shown, terminal = desk.dialogue(alice, ["enroll", "--no-confirm"])
    uri = scan(shown)
    ok(terminal.status == DONE and uri.startswith("otpauth://totp/") and uri in shown,
       "enroll: the code on the terminal is scanned", shown)
    take_device(alice, uri)
    device = desk.json(alice, "show")["devices"][0]
    same(device["state"], "pending", "show: the device is pending")
    done = desk.status(REFUSED, "confirm: a wrong code", alice, "confirm",
                       answer=alice.wrong_code() + "\n", says=["the code is wrong"])
    same((done.stdout, desk.record(alice.name)["failures"]), ("", 1), "is counted")
    shown, terminal = desk.dialogue(alice, ["confirm"], ("First code: ", alice.code()))
    alice.tokens = re.findall(TOKEN, shown)
    same((terminal.status, len(alice.tokens)), (DONE, 10), "confirm: the first code")
    record = desk.json(alice, "show")
    same(record, desk.record(alice.name), "show: what root sees")
    same((record["devices"][0]["state"], record["backup_tokens"]["left"]), ("active", 10),
         "show: the device is active")
    for option, value in (("--store", "sqlite:/var/lib/other.db"), ("--key-file", "/etc/shadow")):
        desk.status(UNUSABLE, f"show: of another {option[2:]}", alice, option, value, "show",
                    says=["leave out --config, --store and --key-file"])
    same(desk.run(alice, "show", alice.name).stdout, desk.run(alice, "show").stdout,
         "show: by one's own name")


def test_proofs(desk, alice):
    """backup new asks for a code."""
    before = desk.record(alice.name)["failures"]
    shown, terminal = desk.dialogue(alice, ["backup", "new"], (PROOF, alice.wrong_code()))
    ok(terminal.status == REFUSED and "your own code is wrong" in shown
       and not re.search(TOKEN, shown), "backup new: a wrong code", shown)
    same(desk.record(alice.name)["failures"], before + 1, "is counted")
    code = alice.code()
    shown, terminal = desk.dialogue(alice, ["backup", "new"], (PROOF, code))
    old, alice.tokens = alice.tokens, re.findall(TOKEN, shown)
    ok(terminal.status == DONE and len(alice.tokens) == 10 and not set(old) & set(alice.tokens)
       and code not in shown, "backup new: the right code", shown)
    same(desk.record(alice.name)["failures"], 0, "clears the count")
    desk.status(REFUSED, "the same code again", alice, "backup", "new", answer=code + "\n",
                says=["has been used already"])
    desk.status(REFUSED, "a token of those before", alice, "backup", "new", answer=old[0] + "\n",
                says=["your own code is wrong"])
    desk.status(REFUSED, "what is no code", alice, "backup", "new", answer="hello\n",
                says=["is not one"])
    desk.status(USAGE, "no answer", alice, "backup", "new", says=["a code of your own is needed"])
    done = desk.status(DONE, "a token of these, from standard input", alice, "backup", "new",
                       answer=alice.tokens[1] + "\n")
    alice.tokens = re.findall(TOKEN, done.stdout)
    same(desk.json(alice, "backup", "status"), {"user": alice.name, "left": 10, "issued": 10},
         "backup status asks for none")


def test_devices(desk, alice):
    """Another device; the code again."""
    uri = desk.island.totpctl("qr", alice.name)["uri"]
    shown, terminal = desk.dialogue(alice, ["qr"], (PROOF, alice.code()))
    same((terminal.status, scan(shown)), (DONE, uri), "qr: after a code, as it was")
    desk.status(REFUSED, "qr: not after a wrong one", alice, "qr", answer=alice.wrong_code() + "\n",
                says=["your own code is wrong"])
    shown, terminal = desk.dialogue(alice, ["enroll", "--device", "tablet"], (PROOF, alice.code()),
                                    ("First code: ", "123456"), ("First code: ", "\x04"))
    ok(scan(shown).startswith("otpauth://") and terminal.status != DONE and "pending" in shown,
       "enroll: another device, after a code of the first", shown)
    desk.status(USAGE, "remove: not without a code", alice, "remove", "--device", "tablet")
    desk.status(DONE, "remove: with one", alice, "remove", "--device", "tablet",
                answer=alice.code() + "\n")
    same([d["device"] for d in desk.json(alice, "show")["devices"]], ["phone"], "it is gone")
    desk.status(NOBODY, "remove: what is not there", alice, "remove", "--device", "tablet",
                answer=alice.code() + "\n")
    desk.status(REFUSED, "remove: not the account", alice, "remove", answer=alice.code() + "\n",
                says=["not permitted"])


def test_pictures(desk, alice):
    """Files are the caller's own doing, with the caller's rights."""
    png, svg = f"{alice.home}/code.png", f"{alice.home}/code.svg"
    done = desk.status(DONE, "enroll: saves pictures", alice, "enroll", "--device", "spare",
                       "--no-confirm", "--png", png, "--svg", "code.svg",
                       answer=alice.code() + "\n")
    files = [os.lstat(path) for path in (png, svg)]
    same([(file.st_uid, file.st_gid, stat.S_IMODE(file.st_mode)) for file in files],
         [(alice.uid, alice.uid, 0o600)] * 2, "which are the caller's alone")
    with open(png, "rb") as file:
        same(scan_picture(file.read()), re.search(r"otpauth://\S+", done.stdout).group(),
             "and show the code")
    os.mkdir("/run/hall", 0o755)
    for path in ("/run/hall/code.png", desk.island.path("totp/code.png")):
        done = desk.run(alice, "enroll", "--device", "spare", "--png", path,
                        answer=alice.code() + "\n")
        ok(done.returncode == UNUSABLE and "Permission denied" in done.stderr
           and not os.path.lexists(path), "not where the caller may not write",
           f"{done.returncode} {done.stderr}")
    desk.run(alice, "remove", "spare", answer=alice.code() + "\n")


def test_fields(desk, alice):
    shown, terminal = desk.dialogue(alice, ["passwd"], ("New password: ", "open sesame"),
                                    ("The same again: ", "open sesame"), (PROOF, alice.code()))
    ok(terminal.status == DONE and "sesame" not in shown, "passwd: after a code", shown)
    ok(desk.json(alice, "show")["has_password"], "there is a password")
    desk.island.totpctl("passwd", alice.name, "--expire")
    same(desk.json(alice, "show")["password_expired"], True, "passwd --expire: root's, and seen")
    code = alice.code()
    desk.status(REFUSED, "passwd: not after a wrong code", alice, "passwd", "--delete",
                answer=alice.wrong_code() + "\n", says=["your own code is wrong"])
    desk.status(DONE, "passwd --delete", alice, "passwd", "--delete", answer=code + "\n")
    ok(not desk.json(alice, "show")["has_password"], "there is none")
    for words in (["email=alice@example.org"], [alice.name, "email=a@example.org"]):
        desk.status(DONE, f"set {words[-1]}", alice, "set", *words, answer=alice.code() + "\n")
        same(desk.json(alice, "show")["email"], words[-1].split("=")[1], "is set")
    for field in ("role=admin", "full_name=Root"):
        desk.status(REFUSED, f"set {field}", alice, "set", "email=x@example.org", field,
                    answer=alice.code() + "\n", says=["not permitted"])
    record = desk.record(alice.name)
    same((record["role"], record["full_name"], record["email"]), ("user", None, "a@example.org"),
         "is not, nor what came with it")
    code = alice.code()
    desk.status(DONE, "verify", alice, "verify", answer=code + "\n")
    desk.status(REFUSED, "verify: the same code again", alice, "verify", answer=code + "\n")


# What is asked about somebody else; "NAME" stands for them.
OTHERS = (["show", "NAME"], ["enroll", "NAME"], ["confirm", "NAME"], ["qr", "NAME"],
          ["remove", "NAME"], ["remove", "NAME", "--device", "phone"], ["passwd", "NAME"],
          ["passwd", "NAME", "--delete"], ["set", "NAME", "email=x@example.org"],
          ["set", "NAME", "role=admin"], ["enable", "NAME"], ["disable", "NAME"], ["lock", "NAME"],
          ["unlock", "NAME"], ["backup", "new", "NAME"], ["backup", "status", "NAME"],
          ["backup", "revoke", "NAME"], ["verify", "NAME"], ["add", "NAME"], ["log", "NAME"],
          ["resync", "NAME"], ["set", "NAME", "grace=clear"], ["passwd", "NAME", "--expire"],
          ["recover", "NAME"])
ADMINS = {"show", "enroll", "confirm", "disable", "lock", "unlock", "backup", "log", "resync"}


def expect_refusals(desk, person, name, rows):
    """None of these may go, nor cost a code. Returns what did not end so."""
    before, code = desk.island.totpctl("list"), person.code()
    wrong = []
    for row in rows:
        words = [name if word == "NAME" else word for word in row]
        done = desk.run(person, *words, answer=f"{code}\n{code}\n")
        if done.returncode != REFUSED or "not permitted" not in done.stderr or done.stdout:
            wrong.append(f"{words}: {done.returncode} {done.stdout}{done.stderr}")
    if desk.island.totpctl("list") != before:
        wrong.append("something has changed")
    desk.run(person, "set", "email=", answer=code + "\n")
    if desk.record(person.name)["email"] is not None:
        wrong.append("the code was used up")
    return "\n".join(wrong)


def test_others(desk, alice, name):
    wrong = expect_refusals(desk, alice, name, OTHERS)
    ok(not wrong, f"{name}'s record: exit 1, \"not permitted\", and no code is used up", wrong)


def test_own(desk, alice):
    wrong = expect_refusals(desk, alice, alice.name,
                            (["enable"], ["disable"], ["lock"], ["unlock"], ["list"], ["log"],
                             ["stats"], ["log", "NAME"], ["add", "NAME"], ["add", "zoe"],
                             ["resync"], ["passwd", "--expire"]))
    ok(not wrong, "one's own record: what is root's to do", wrong)
    desk.status(REFUSED, "passwd --expire: what may be done instead", alice, "passwd", "--expire",
                says=["only root may have a password expire", "'totpctl passwd' sets a new one"])
    desk.status(REFUSED, "log --follow: whose it is", alice, "log", "--follow",
                says=["only root may follow the log", "--since"])
    desk.status(USAGE, "set: what is missing", alice, "set", says=["KEY=VALUE"])
    desk.status(USAGE, "set grace=clear: not without a code", alice, "set", "grace=clear")
    desk.status(DONE, "set grace=clear: with one", alice, "set", "grace=clear",
                answer=alice.code() + "\n")


def lock_out(desk, person):
    for _ in range(5):
        desk.run(person, "verify", answer=person.wrong_code() + "\n")
    return desk.record(person.name)["locked_until"] is not None


def test_admin(desk, helen, bob):
    desk.island.totpctl("set", helen.name, "role=admin")
    ok(lock_out(desk, bob), "a user locks herself out")
    desk.status(LOCKED, "and cannot help herself", bob, "backup", "new", answer=bob.code() + "\n",
                says=["your own account is closed or locked"])
    desk.status(REFUSED, "unlock: after a wrong code", helen, "unlock", bob.name,
                answer=helen.wrong_code() + "\n", says=["your own code is wrong"])
    same((desk.record(helen.name)["failures"], desk.record(bob.name)["locked_until"] is None),
         (1, False), "counts for the admin, and unlocks nobody")
    shown, terminal = desk.dialogue(helen, ["unlock", bob.name], (PROOF, helen.code()))
    same((terminal.status, desk.record(bob.name)["locked_until"]), (DONE, None),
         "unlock: after a right one")
    lines = desk.run(helen, "log", bob.name, answer=helen.code() + "\n").stdout.splitlines()
    ok(all(re.search(rf" {act} user={bob.name} .*actor={helen.name}", line)
           for act, line in zip(("unlock", "log"), lines[-2:], strict=True)),
       "log: names both, also who looks at it", "\n".join(lines[-3:]))
    desk.status(DONE, "the user logs in again", bob, "verify", answer=bob.code() + "\n")


def test_help(desk, helen, bob, carol):
    """All that an admin may do."""
    users = desk.json(helen, "list", answer=helen.code() + "\n")["users"]
    same(users, desk.island.totpctl("list")["users"], "list: what root sees")
    same(desk.json(helen, "show", bob.name, answer=helen.code() + "\n"), desk.record(bob.name),
         "show: what root sees")
    take_device(carol, desk.json(helen, "enroll", carol.name, answer=helen.code() + "\n")["uri"])
    done = desk.json(helen, "confirm", carol.name, answer=f"{carol.code()}\n{helen.code()}\n")
    same((done["state"], len(done["backup_tokens"])), ("active", 10), "enroll and confirm")
    desk.status(DONE, "who is enrolled so logs in", carol, "verify", answer=carol.code() + "\n")
    tokens = desk.json(helen, "backup", "new", bob.name, answer=helen.code() + "\n")
    desk.status(DONE, "backup new: tokens for another", bob, "verify",
                answer=tokens["backup_tokens"][0] + "\n")
    for words, field, value in ((["lock"], "closed", True), (["unlock"], "closed", False),
                                (["disable"], "enabled", False)):
        desk.status(DONE, words[0], helen, *words, carol.name, answer=helen.code() + "\n")
        same(desk.record(carol.name)[field], value, f"{field} is {value}")
    done = desk.run(helen, "--json", "log", "--since", "1h", answer=helen.code() + "\n")
    events = [(e["action"], e["user"], e["actor"]) for e in json.loads(done.stdout)["events"]]
    ok(all((action, carol.name, helen.name) in events
           for action in ("enroll", "confirm", "lock", "unlock", "disable")), "log: of all", events)


def test_resync(desk, helen, bob):
    """By two codes of the person's, and one of the admin's."""
    codes = f"{bob.code()}\n{bob.code()}\n"
    wrong = f"{bob.wrong_code()}\n{bob.wrong_code()}\n"
    desk.status(REFUSED, "resync: not one's own", bob, "resync", answer=codes,
                says=["not permitted"])
    desk.status(USAGE, "resync: one code alone", helen, "resync", bob.name,
                answer=codes.split()[0], says=["two codes in a row are needed"])
    desk.status(NOBODY, "resync: nobody", helen, "resync", "nobody-here",
                answer=codes + helen.code() + "\n", says=["there is no such user", "'totpctl list'"])
    desk.status(REFUSED, "resync: after a wrong code", helen, "resync", bob.name,
                answer=codes + helen.wrong_code() + "\n", says=["your own code is wrong"])
    desk.status(REFUSED, "resync: two codes that are none of the device's", helen, "resync",
                bob.name, answer=wrong + helen.code() + "\n", says=["not two codes in a row"])
    same(desk.record(bob.name)["devices"][0]["drift"], 0, "nothing has come of it")
    done = desk.json(helen, "resync", bob.name, answer=codes + helen.code() + "\n")
    same((done["user"], done["verdict"], done["device"]), (bob.name, "accepted", "phone"),
         "resync: two codes of the person's")
    drift = desk.record(bob.name)["devices"][0]["drift"]
    ok(-16 <= drift < 0, "show tells how far off the clock is", drift)
    same(desk.json(bob, "show")["devices"][0]["drift"], drift, "to the person too")
    desk.status(REFUSED, "resync: the same codes again", helen, "resync", bob.name,
                answer=codes + helen.code() + "\n", says=["not later than the last one"])
    desk.status(DONE, "the next code logs in", bob, "verify", answer=bob.code() + "\n")


def test_first_code(desk, helen, erin):
    """Of a device that an admin has made: verify takes it as a login would."""
    take_device(erin, desk.json(helen, "enroll", erin.name, answer=helen.code() + "\n")["uri"])
    desk.status(DONE, "verify: a first code", erin, "verify", answer=erin.code() + "\n",
                says=["no backup tokens yet", "'totpctl backup new'"])
    record = desk.json(erin, "show")
    same((record["devices"][0]["state"], record["backup_tokens"]["left"]), ("active", 0),
         "the device is active")


def test_stats(desk, helen):
    """Two questions, and a code for each."""
    code = helen.code()
    done = desk.status(REFUSED, "stats: the same code twice", helen, "stats",
                       answer=f"{code}\n{code}\n",
                       says=["takes another code of your own", "has been used already"])
    same(done.stdout, "", "shows nothing")
    desk.status(USAGE, "stats: one code alone", helen, "stats", answer=helen.code() + "\n",
                says=["give it as the next line"])
    shown, terminal = desk.dialogue(helen, ["stats"], (PROOF, helen.code()),
                                    ("or give a backup token\r\n" + PROOF, helen.code()))
    ok(terminal.status == DONE and "ACCOUNTS" in shown, "stats: a code for each, when asked", shown)
    counted = desk.json(helen, "--quiet", "stats", answer=f"{helen.code()}\n{helen.code()}\n")
    record = desk.island.totpctl("stats")
    for field in ("logins", "verdicts", "accounts", "devices", "last_used", "backup_tokens"):
        same(counted[field], record[field], f"stats: {field} are what root sees")


def test_limits(desk, helen, bob):
    """All that an admin may not do."""
    wrong = expect_refusals(desk, helen, bob.name,
                            [row for row in OTHERS if row[0] not in ADMINS])
    ok(not wrong, "an admin: what is not an admin's to do", wrong)
    wrong = expect_refusals(desk, helen, helen.name, (["set", "role=user"], ["set", "role=admin"],
                                                      ["enable"], ["add", "zoe"], ["remove"]))
    ok(not wrong, "an admin: not of herself either", wrong)
    for verb in ("rekey", "import", "export", "snapshot"):
        done = desk.run(helen, verb, answer=helen.code() + "\n")
        ok(done.returncode != DONE and not done.stdout, f"an admin: not {verb}", done.stdout)
    ok(lock_out(desk, helen), "an admin locks herself out")
    desk.status(LOCKED, "and helps nobody until she is helped", helen, "unlock", bob.name,
                answer=helen.code() + "\n", says=["your own account is closed or locked"])
    desk.island.totpctl("unlock", helen.name)


def test_root(desk, helen):
    wrong = expect_refusals(desk, helen, "root", OTHERS)
    ok(not wrong, "an admin: not on root's record", wrong)


def test_demoted(desk, helen, bob):
    desk.island.totpctl("set", helen.name, "role=user")
    wrong = expect_refusals(desk, helen, bob.name, [*OTHERS, ["list"], ["log"], ["stats"]])
    ok(not wrong, "who is an admin no more can no more", wrong)


def masked(person):
    return f"{person.name[0]}***@e***.org"


def sent_to(person):
    """The prompt of whom a code was sent."""
    return f"A code of your own (sent to {masked(person)}): "


def answer_later(desk, tray, person, *words):
    """Not on a terminal: what came with the message is the next line."""
    asked = subprocess.Popen([*desk.command, *words], cwd=person.home, env=ENVIRONMENT, text=True,
                             user=person.uid, group=person.uid, extra_groups=[],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said, _ = asked.communicate(tray.take("One-time code").code + "\n", timeout=TIMEOUT)
    return asked.returncode, said


def test_mail_only(desk, tray, nora):
    """Whose only device is e-mail proves by what is sent, unasked."""
    desk.island.totpctl("add", nora.name, "--email", f"{nora.name}@example.org")
    terminal = Terminal([*desk.command, "enroll", "--type", "email"], nora)
    ok(terminal.expect(f"a code has been sent to {masked(nora)}") and
       terminal.expect("First code: "), "enroll --type email: tells where the code is",
       terminal.output)
    first = tray.take("One-time code").code
    terminal.send(first)
    nora.tokens = re.findall(TOKEN, terminal.close())
    same((terminal.status, len(nora.tokens)), (DONE, 10), "its code activates it")
    terminal = Terminal([*desk.command, "backup", "new"], nora)
    ok(terminal.expect(sent_to(nora)), "a proof: a code is sent unasked", terminal.output)
    code = tray.take("One-time code").code
    terminal.send(code)
    shown = terminal.close()
    ok(terminal.status == DONE and len(re.findall(TOKEN, shown)) == 10 and code not in shown,
       "and proves", shown)
    desk.status(REFUSED, "once", nora, "backup", "new", answer=code + "\n",
                says=["your own code is wrong"])
    desk.status(DONE, "verify takes the one that was sent then", nora, "verify",
                answer=tray.take("One-time code").code + "\n")
    same(desk.run(nora, "backup", "status").stderr, "", "what takes no proof sends nothing")
    done = answer_later(desk, tray, nora, "--json", "backup", "new")
    same((done[0], len(json.loads(done[1] or "{}").get("backup_tokens", []))), (DONE, 10),
         "not on a terminal: the next line is the code")
    nora.tokens = json.loads(done[1])["backup_tokens"]
    return first, code


def test_mail_too(desk, tray, paul):
    """Who has an app gets one for the asking."""
    desk.island.totpctl("set", paul.name, f"email={paul.name}@example.org")
    desk.status(USAGE, "enroll: not without a code of the app", paul, "enroll", "--type", "email")
    done = desk.json(paul, "enroll", "--type", "email", answer=paul.code() + "\n")
    same((done["device"], done["address"], "secret" in done), ("email", masked(paul), False),
         "enroll: with one")
    first = tray.take("One-time code").code
    done = desk.json(paul, "confirm", "--mail-backup-tokens", answer=first + "\n")
    same((done["state"], done["backup_tokens"]), ("active", []), "confirm")
    terminal = Terminal([*desk.command, "backup", "new"], paul)
    ok(terminal.expect(PROOF), "a proof: nothing is sent unasked", terminal.output)
    terminal.send("email")
    ok(terminal.expect(sent_to(paul)), "email: now it is", terminal.output)
    code = tray.take("One-time code").code
    terminal.send(code)
    paul.tokens = re.findall(TOKEN, terminal.close())
    same((terminal.status, len(paul.tokens)), (DONE, 10), "and proves")
    terminal = Terminal([*desk.command, "verify"], paul)
    terminal.expect("Code: ")
    terminal.send("email")
    ok(terminal.expect(f"Code (sent to {masked(paul)}): "), "verify: email too", terminal.output)
    terminal.send(tray.take("One-time code").code)
    shown = terminal.close()
    ok(terminal.status == DONE and "accepted email email" in shown, "and its code", shown)
    desk.status(REFUSED, "set: another address", paul, "set", "email=x@example.org",
                answer=paul.code() + "\n",
                says=["remove it first", "'totpctl remove --device email'"])
    desk.status(REFUSED, "remove: a device in the place of a user", paul, "remove", "email",
                answer=paul.code() + "\n",
                says=["not permitted", "'totpctl remove --device email'"])
    return first, code


def test_recover(desk, tray, paul):
    """A password that was forgotten."""
    desk.status(REFUSED, "recover: there is no password", paul, "recover",
                says=["no password in the store", "'totpctl passwd' sets one"])
    desk.island.totpctl("passwd", paul.name, answer="forgotten\n")
    for verb, status, word, says in (("lock", LOCKED, "locked", "an administrator opens it"),
                                     ("disable", REFUSED, "disabled", "switches it on")):
        desk.island.totpctl(verb, paul.name)
        done = desk.status(status, f"recover: after {verb}", paul, "--json", "recover", says=[says])
        same(json.loads(done.stdout)["verdict"], word, "the verdict")
        desk.island.totpctl("unlock" if verb == "lock" else "enable", paul.name)
    terminal = Terminal([*desk.command, "recover"], paul)
    ok(terminal.expect(f"sent to {masked(paul)}") and terminal.expect("Code from the e-mail: "),
       "recover: tells where the code is", terminal.output)
    mailed = tray.take("Code for a new password").code
    own = paul.code()
    for prompt, answer in (("", mailed), ("A code of another device, or a backup token: ", own),
                           ("New password: ", "open sesame"), ("The same again: ", "open sesame")):
        if terminal.expect(prompt):
            terminal.send(answer)
    shown = terminal.close()
    ok(terminal.status == DONE and "accepted totp phone" in shown and "sesame" not in shown
       and mailed not in shown, "recover: both codes", shown)
    tray.take("A password was changed on")
    event = desk.island.totpctl("log", paul.name)["events"][-1]
    same((event["action"], event["verdict"], event["actor"]), ("recover", "accepted", paul.name),
         "log")
    done = desk.run(paul, "recover", answer=f"{mailed}\n{paul.code()}\nopen sesame\n")
    same((done.returncode, done.stdout), (REFUSED, "wrong\n"), "the same code again")
    return mailed, own


def test_lost_phone(desk, tray, paul):
    """As the manual has it: a backup token, and another phone in the place of the one."""
    uri = paul.secret
    shown, terminal = desk.dialogue(paul, ["enroll", "--replace", "--no-confirm"],
                                    (PROOF, paul.tokens[5]))
    take_device(paul, scan(shown))
    same((terminal.status, paul.secret != uri), (DONE, True), "enroll --replace: by a backup token")
    desk.status(DONE, "the new phone confirms", paul, "confirm", answer=paul.code() + "\n")
    same(sorted(d["device"] for d in desk.json(paul, "show")["devices"]), ["email", "phone"],
         "and has the place of the old one")


def test_mail_admin(desk, tray, helen, bob):
    """An admin enrols one for another; the code is the other's."""
    desk.island.totpctl("set", helen.name, "role=admin")
    desk.island.totpctl("set", bob.name, f"email={bob.name}@example.org")
    desk.json(helen, "enroll", bob.name, "--type", "email", answer=helen.code() + "\n")
    code = tray.take("One-time code").code
    desk.status(REFUSED, "confirm for another: a wrong code", helen, "confirm", bob.name,
                answer=f"00000000\n{helen.code()}\n", says=["--type email' sends another"])
    done = desk.json(helen, "confirm", bob.name, answer=f"{code}\n{helen.code()}\n")
    same(done["state"], "active", "confirm for another: the code that came")
    desk.island.totpctl("set", helen.name, "role=user")


def test_mail(desk, service, *people):
    nora, paul, helen, bob = people
    island = desk.island
    island.put(os.path.dirname(island.find(island.tree, "totp-mail")))
    os.mkdir(island.path("tray"), 0o755)
    tray = Tray(island.path("tray"))
    island.configure(tray.config())
    codes = []
    for check, *who in ((test_mail_only, nora), (test_mail_too, paul), (test_recover, paul),
                        (test_lost_phone, paul), (test_mail_admin, helen, bob)):
        service.restart()
        codes += check(desk, tray, *who) or []
    said = service.logged()
    ok(not any(code in said for code in codes), "no code in what totpd says", said)


def test_without(desk, alice):
    """Clear words, status 4, and nothing else."""
    for what in ("nobody listens", "there is no socket"):
        for words in (["show"], ["enroll"], ["backup", "new"], ["list"], ["unlock", "bob-e2e"]):
            done = desk.status(UNUSABLE, f"{what}: {' '.join(words)}", alice, *words,
                               answer="123456\n",
                               says=["/run/totp/totpd: the service totpd is not there",
                                     "systemctl enable --now totpd.socket"])
            ok(not done.stdout and done.stderr.count("\n") == 1, "in one line", done.stderr)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/run/totp/totpd")
    ok(desk.record(alice.name)["enabled"], "root can do without")


def test_secrecy(people, said):
    secrets = [word for person in people for word in [person.secret, *person.tokens]]
    ok(not any(word in said for word in [*secrets, "sesame"]) and "Sanitizer" not in said,
       "nothing secret in what totpd says", said)


def test_activated(desk, service, dave):
    """The first question starts it."""
    ok("the socket passed" not in service.logged(), "activated: nothing runs yet", service.logged())
    shown, terminal = desk.dialogue(dave, ["enroll", "--no-confirm"])
    ok("serves on the socket passed" in service.logged(), "activated: it runs", service.logged())
    take_device(dave, scan(shown))
    done = desk.status(DONE, "activated: confirm", dave, "confirm", answer=dave.code() + "\n")
    same(len(re.findall(TOKEN, done.stdout)), 10, "activated: backup tokens")
    desk.status(DONE, "activated: show", dave, "show")
    desk.status(DONE, "activated: backup new", dave, "backup", "new", answer=dave.code() + "\n")


def test(island):
    alice, bob, helen, carol, dave, erin, nora, paul = (
        island.person(f"{name}-e2e") for name in
        ("alice", "bob", "helen", "carol", "dave", "erin", "nora", "paul"))
    for person in bob, helen, paul:
        island.enroll(person)
    desk = Desk(island)
    with Service(island) as service:
        for check, *people in (
                (test_first_device, alice), (test_proofs, alice), (test_devices, alice),
                (test_pictures, alice), (test_fields, alice), (test_others, alice, bob.name),
                (test_others, alice, "root"), (test_others, alice, "nobody-here"),
                (test_own, alice), (test_admin, helen, bob), (test_help, helen, bob, carol),
                (test_resync, helen, bob), (test_first_code, helen, erin), (test_stats, helen),
                (test_limits, helen, bob), (test_root, helen), (test_demoted, helen, bob)):
            service.restart()
            check(desk, *people)
        test_mail(desk, service, nora, paul, helen, bob)
        said = service.logged()
    test_without(desk, alice)
    test_secrecy((alice, bob, helen, carol, erin, paul), said)
    if shutil.which("systemd-socket-activate", path=ENVIRONMENT["PATH"]) is None:
        skip("activated by its socket", "systemd-socket-activate is needed")
        return
    with Service(island, activated=True) as service:
        test_activated(desk, service, dave)


if __name__ == "__main__":
    main(test, ["zbarimg"])
