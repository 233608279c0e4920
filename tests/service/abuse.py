#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may ask totpd what: every method as every kind of caller, with and without a code, over real
connections of real users."""

import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from island import main, ok, same, skip  # noqa: E402
from service import Client, Service  # noqa: E402
from world import (OVERFLOW, PASSWORD, SECRETS, UNKNOWN, World, check_log,  # noqa: E402
                   connect_from_namespace, hotp)

# Who asks, about whom. Alice and Bob are users, Helen is an admin, Carol has a device that waits
# for its first code.
CALLERS = {
    "root": ("root", "alice"),
    "owner": ("alice", "alice"),
    "new": ("carol", "carol"),
    "other": ("bob", "alice"),
    "admin": ("helen", "alice"),
    "herself": ("helen", "helen"),
    "root's": ("helen", "root"),
    "toor's": ("helen", "toor"),
    "unknown": (UNKNOWN, str(UNKNOWN)),
    "overflow": (OVERFLOW, "nobody"),
    "space": ("bob in a name space", "alice"),
}

# What comes back without a code, and with one: + done, - NotPermitted, ? CodeNeeded, x CodeRefused,
# p InvalidParameter (it takes no code), e another error.
TABLE = """
                        root owner new other admin herself root's toor's unknown overflow space
Begin                   +p   +p    +p  -p    -p    +p      -p     -p     -p      -p       -p
Check                   +p   +p    +p  -p    -p    +p      -p     -p     -p      -p       -p
Account                 +p   +p    +p  -p    -p    +p      -p     -p     -p      -p       -p
Show                    ++   ++    ++  --    ?+    ++      --     --     --      --       --
List                    ++   --    --  --    ?+    ?+      --     --     --      --       --
Log                     ++   --    --  --    ?+    ?+      --     --     --      --       --
Add                     ep   -p    -p  -p    -p    -p      -p     -p     -p      -p       -p
Set                     ++   ?+    ++  --    --    ?+      --     --     --      --       --
Passwd                  ++   ?+    ?x  --    --    ?+      --     --     --      --       --
Enroll                  ++   ?+    ++  --    ?+    ?+      --     --     --      --       --
Qr                      ++   ?+    ?x  --    --    ?+      --     --     --      --       --
Confirm                 ++   ++    ++  --    ?+    ++      --     --     --      --       --
Remove                  ++   ?+    ++  --    --    ?+      --     --     --      --       --
Backup                  ++   ?+    ?x  --    ?+    ?+      --     --     --      --       --
Revoke                  ++   ?+    ?x  --    ?+    ?+      --     --     --      --       --
Enable                  ++   --    --  --    --    --      --     --     --      --       --
Disable                 ++   --    --  --    ?+    ?+      --     --     --      --       --
Lock                    ++   --    --  --    ?+    ?+      --     --     --      --       --
Unlock                  ++   --    --  --    ?+    ?+      --     --     --      --       --
Resync                  ++   --    --  --    ?+    ?+      --     --     --      --       --
SendCode                +p   +p    +p  -p    -p    +p      -p     -p     -p      -p       -p
Recover                 ee   ee    ee  --    --    ee      --     --     --      --       --
GetInfo                 +p   +p    +p  +p    +p    +p      +p     +p     +p      +p       +p
GetInterfaceDescription +p   +p    +p  +p    +p    +p      +p     +p     +p      +p       +p
"""
LETTERS = {"NotPermitted": "-", "CodeNeeded": "?", "CodeRefused": "x", "Failed": "e"}
STREAMS = ("List", "Log")
STANDARD = ("GetInfo", "GetInterfaceDescription")


def parameters_of(world, method, user):
    """What makes sense, and would do something; the right code of whom it is about."""
    if method == "GetInfo":
        return {}
    if method == "GetInterfaceDescription":
        return {"interface": "org.pamtotp.Service"}
    special = {
        "Check": {"code": hotp(SECRETS["phone"], world.counters[user])},
        "Set": {"email": "new@example.org"},
        "Passwd": {"new_password": PASSWORD},
        "Enroll": {"device": "third", "type": "hotp", "secret": SECRETS["third"]},
        "Qr": {"device": "spare"},
        "Confirm": {"device": "spare", "code": hotp(SECRETS["spare"], 0)},
        "Remove": {"device": "spare"},
        "Backup": {"count": 2},
        "Recover": {"code": "00000000", "new_password": PASSWORD},
        "Resync": {"device": "phone", "code": hotp(SECRETS["phone"], world.counters[user] + 500),
                   "next_code": hotp(SECRETS["phone"], world.counters[user] + 501)},
    }
    return {"user": user, **special.get(method, {})}


class Caller:
    """One kind of caller, and whom it asks about."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.who, self.about = CALLERS[name]
        self.connection = None

    def connect(self):
        """None where that cannot be done here."""
        if self.connection is None and self.who == "bob in a name space":
            self.connection = connect_from_namespace(self.world.people["bob"])
        elif self.connection is None:
            self.connection = Client({"root": 0, **self.world.people}.get(self.who, self.who))
        return self.connection

    def prepare(self):
        """Both as new, unless the calls before did nothing."""
        for name in {self.who, self.about} & self.world.dirty:
            self.world.reset(name, proven=name != "carol",
                             role="admin" if name == "helen" else "user")

    def proof(self):
        return self.world.code(self.who) if self.who in ("alice", "bob", "helen") else "123456"

    def ask(self, method, with_proof):
        """The letter of what came back, "!" and why where it is wrong in another way."""
        self.prepare()
        parameters = parameters_of(self.world, method, self.about)
        if with_proof:
            parameters["proof"] = self.proof()
        interface = "org.varlink.service" if method in STANDARD else "org.pamtotp.Service"
        before = self.world.record(self.about)
        flags = {"more": True} if method in STREAMS else {}
        answers = self.connect().ask(f"{interface}.{method}", parameters, **flags)
        return self.judge(method, answers if flags else [answers], before)

    def judge(self, method, answers, before):
        last = answers[-1]
        error = last.get("error", "").rpartition(".")[2]
        letter = LETTERS.get(error, "+" if not error else "!")
        if error == "InvalidParameter" and last["parameters"] == {"parameter": "proof"}:
            letter = "p"
        if letter in "+xe!":
            self.world.dirty |= {self.about, *({self.who} & {*self.world.people, "root"})}
        text = json.dumps(answers)
        if letter in "-?p" and self.world.record(self.about) != before:
            return "! it has changed something"
        if any(secret in text for secret in SECRETS.values()) != (letter == "+" and method in
                                                                  ("Enroll", "Qr")):
            return "! a secret " + text
        if method == "Resync" and letter == "+" and last["parameters"]["verdict"] != "accepted":
            return "! the clock was not found " + text
        if "$" in text or (self.who != "root" and self.world.island.root in text):
            return "! more is told than is anybody's business " + text
        return letter if letter != "!" else "! " + text


def ask_all(world, name, methods):
    """What one kind of caller gets for each method, and what was wrong with it; a login follows
    each. None where there is no such caller."""
    world.restart()
    caller = Caller(world, name)
    if caller.connect() is None:
        return None
    cells, notes = [], []
    for method in methods:
        letters = [caller.ask(method, with_proof) for with_proof in (False, True)]
        notes += [f"{method}: {letter}" for letter in letters if letter[0] == "!"]
        notes += [f"{method}: {note}" for note in [world.check("dora")] if note]
        cells.append("".join(letter[0] for letter in letters))
    return cells, [*notes, *filter(None, [world.login("dora")])]


def test_table(world):
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    methods = [row[0] for row in rows]
    world.reset("dora")
    for column, name in enumerate(header, 1):
        answers = ask_all(world, name, methods)
        if answers is None:
            skip(f"every method: {name}", "a user may make no user name space here")
            continue
        notes = [f"{row[0]}: wanted {row[column]}, got {cell}"
                 for row, cell in zip(rows, answers[0]) if row[column] != cell]
        ok(not notes and not answers[1], f"every method: {name}", "\n".join(notes + answers[1]))
    # A method that nobody has thought about here is not in this table.
    described = world.ask("org.varlink.service.GetInterfaceDescription",
                          interface="org.pamtotp.Service")["description"]
    same(sorted(line.split()[1].partition("(")[0] for line in described.splitlines()
                if line.startswith("method ")),
         sorted(set(methods) - set(STANDARD)), "these are all methods there are")


def ask(world, name, method, flags=None, **parameters):
    """The error's last word, or "" for none, and its verdict if it has one."""
    with Client(world.people[name]) as client:
        answer = client.ask(method, parameters, **(flags or {}))
        answer = answer[-1] if isinstance(answer, list) else answer
    said = [answer.get("error", "").rpartition(".")[2]]
    return " ".join(said + [answer["parameters"][key] for key in ("verdict",)
                            if answer["parameters"].get(key) and said[0]])


def test_own(world):
    """Of one's own record, less than the method can."""
    for what, method, parameters, wanted in (
            ("oneself need not be named", "Show", {}, ""),
            ("one's role", "Set", {"role": "admin"}, "NotPermitted"),
            ("one's role, as it is", "Set", {"role": "user"}, "NotPermitted"),
            ("one's name", "Set", {"full_name": "Root"}, "NotPermitted"),
            ("with what is allowed", "Set", {"email": "a@b.c", "role": "admin"}, "NotPermitted"),
            ("the whole account", "Remove", {}, "NotPermitted"),
            ("nobody in particular", "Remove", {"user": "", "device": "spare"}, "NotPermitted"),
            ("another spelling", "Show", {"user": "Alice"}, "NotPermitted"),
            ("another ending", "Show", {"user": "alice\n"}, "NotPermitted"),
            ("another store", "Show", {"store": "sqlite:/var/lib/other.db"}, "NotServed"),
            ("another key", "Show", {"key_file": "/etc/shadow"}, "NotServed"),
            ("another configuration", "Show", {"config": "/etc/other.conf"}, "NotServed"),
            ("options", "Check", {"code": "123456", "options": ["window=1000"]},
             "InvalidParameter")):
        world.reset("alice")
        if method in ("Set", "Remove"):
            parameters = {**parameters, "proof": world.code("alice")}
        same(ask(world, "alice", method, **parameters), wanted, f"{what}: {wanted or 'fine'}")
        record = world.record("alice")
        same((record["role"], record.get("email", ""), len(record["devices"])), ("user", "", 2),
             f"{what}: nothing has changed")


def test_admin(world):
    world.reset("alice")
    for what, wanted, flags, parameters in (
            ("log of all", "", {"more": True}, {}),
            ("log of nobody there", "", {"more": True}, {"user": "nobody-here"}),
            ("of root", "NotPermitted", {"more": True}, {"user": "root"})):
        world.reset("helen", role="admin")
        same(ask(world, "helen", "Log", flags, proof=world.code("helen"), **parameters), wanted,
             f"an admin: {what}")
    for field in ({"role": "admin"}, {"role": "user"}, {"email": "x@example.org"}):
        for user in ("alice", "helen"):
            world.reset("helen", role="admin")
            wanted = "" if "email" in field and user == "helen" else "NotPermitted"
            same(ask(world, "helen", "Set", user=user, proof=world.code("helen"), **field), wanted,
                 f"an admin: {field} of {user}: {wanted or 'fine'}")
    for method, kind in (("List", "account"), ("Log", "event")):
        world.reset("helen", role="admin")
        with Client(world.people["helen"]) as client:
            answers = client.ask(method, {"proof": world.code("helen")}, more=True)
        users = {answer["parameters"].get(kind, {}).get("user") for answer in answers}
        ok("alice" in users and not users & {"root", "toor"},
           f"an admin: {method} leaves out those who are root", users)
    world.ask("Set", user="helen", role="user")
    same(ask(world, "helen", "Show", user="alice", proof=world.code("helen")), "NotPermitted",
         "an admin no more")


def test_proofs(world):
    """A wrong one is as bad as at a login; of no use twice, nor anybody else's."""
    world.reset("alice")
    world.reset("bob")
    code = world.code("alice")
    answers = [ask(world, "alice", "Backup", proof=proof)
               for proof in (code, code, world.code("bob")[::-1], "", "1234567", 512 * "9")]
    same(answers, ["", "CodeRefused replayed", "CodeRefused wrong", "CodeRefused malformed",
                   "CodeRefused malformed", "CodeRefused malformed"], "proofs")
    world.reset("alice")
    for _ in range(5):
        ask(world, "alice", "Backup", proof="000000")
    same((world.record("alice")["failures"],
          ask(world, "alice", "Backup", proof=world.code("alice")),
          ask(world, "alice", "Qr", device="phone", proof=world.code("alice"))),
         (5, "CodeRefused locked", "CodeRefused locked"), "five wrong ones lock")
    for method in ("Enroll", "Remove", "Set"):
        parameters = {"Set": {"email": "a@b.c"}}.get(method, {"device": "spare"})
        same(ask(world, "alice", method, **parameters), "CodeNeeded",
             f"locked out, {method} is not free either")
    world.reset("carol", proven=False)
    for _ in range(5):
        ask(world, "carol", "Confirm", device="spare", code="000000")
    same(world.record("carol")["failures"], 5, "first codes cannot be tried for ever")


# Each may let somebody in; none may let them do what takes a code.
MILD = ("unenrolled = permit", "unenrolled = ignore", "unenrolled = enroll",
        "enroll_by = 2099-12-31", "grace = 30d", "exempt_users = alice, carol",
        "exempt_groups = alice, carol", "exempt_networks = 0.0.0.0/0, ::/0", "audit_only = yes",
        "debug = yes", "unenrolled = permit\ngrace = 30d\nexempt_users = alice, carol\n"
        "exempt_groups = alice, carol\naudit_only = yes\ndebug = yes")


def test_rules(world):
    """What lets people in without a code proves nothing."""
    for option in MILD:
        for lines in (option, f"[service totpctl]\n{option}"):
            world.restart()
            world.island.configure(lines)
            world.reset("alice")
            world.reset("carol", proven=False)
            name = lines.replace("\n", " ")
            place = {"user": "alice", "service": "totpctl", "tty": "pts/9"}
            world.ask("Check", **place, code=world.code("alice"))
            first = hotp(SECRETS["spare"], 0)
            answers = [ask(world, *call[:2], tty="pts/9", **call[2]) for call in (
                ("alice", "Backup", {}), ("alice", "Backup", {"proof": ""}),
                ("alice", "Backup", {"proof": "000000"}), ("carol", "Backup", {"proof": "000000"}),
                ("carol", "Passwd", {"new_password": PASSWORD, "proof": ""}),
                ("carol", "Qr", {"device": "spare", "proof": first}))]
            same(answers, ["CodeNeeded", "CodeRefused malformed", "CodeRefused wrong",
                           *3 * ["CodeRefused unenrolled"]], name)
            code = world.code("alice")
            answers = [ask(world, "alice", "Backup", tty="pts/9", proof=code) for _ in range(2)]
            same((answers, world.record("alice")["failures"]), (["", "CodeRefused replayed"], 0),
                 f"{name}: a code proves, once")
            for _ in range(5):
                ask(world, "alice", "Backup", proof="000000")
            same(ask(world, "alice", "Backup", proof=world.code("alice")), "CodeRefused locked",
                 f"{name}: guesses lock")
        same(world.check("dora"), "", f"{option}: logins go on".replace("\n", " "))
    world.island.configure("")


def test_lockers(world):
    """What a program of a person's own is told at a login; root's say counts for more."""
    def begin(who, **parameters):
        call = {"user": "alice", "service": "i3lock", "tty": "tty1", **parameters}
        client = world.root if who == "root" else Client(world.people[who])
        answer = client.ask("Begin", call)["parameters"]
        return answer["verdict"] if answer["admit"] != "no" else "asked" if answer["ask"] else "no"

    for lines, parameters, wanted in (
            ("", {}, ("asked", "asked")),
            ("exempt_users = alice", {}, ("exempt", "exempt")),
            ("exempt_users = bob", {}, ("asked", "asked")),
            ("exempt_groups = alice", {"group": "alice"}, ("exempt", "exempt")),
            ("exempt_groups = bob", {"group": "bob"}, ("exempt", "asked")),
            ("exempt_networks = 192.0.2.0/24", {"rhost": "192.0.2.1"}, ("exempt", "asked")),
            ("exempt_networks = ::/0", {"rhost": "::1"}, ("exempt", "asked")),
            ("grace = 1h", {}, ("grace", "asked")),
            ("[service i3lock]\ngrace = 1h", {}, ("grace", "asked"))):
        world.island.configure(lines)
        world.reset("alice")
        world.ask("Check", user="alice", service="i3lock", tty="tty1", code=world.code("alice"))
        same((begin("root", **parameters), begin("alice", **parameters)), wanted,
             f"root and others, {lines or 'nothing'}".replace("\n", " ") + f" {parameters}")
    world.island.configure("debug = yes\naudit_only = yes")
    world.reset("alice")
    with Client(world.people["alice"]) as client:
        told = [asks.ask("Check", {"user": "alice", "code": "000000"})["parameters"]
                for asks in (world.root, client)]
    same([bool(answer.get("explanation")) for answer in told], [True, False],
         "why a code is wrong is told to root")
    same(world.record("alice")["failures"], 1, "others' guesses count, whatever is audited")
    world.island.configure("")


def devices(world, name):
    return [(device["device"], device["state"]) for device in world.record(name)["devices"]]


def start_login(world):
    """A device that a login makes for Carol, who has none."""
    world.reset("carol", proven=False)
    world.ask("Remove", user="carol")
    world.ask("Enroll", user="carol", at_login=True, type="hotp", secret=SECRETS["spare"],
              device="spare")
    return world.record("carol")["devices"][0]["id"]


def test_login_device(world):
    """What belongs to a login is nothing on a user's word, and gives way to one."""
    number, first = start_login(world), hotp(SECRETS["spare"], 0)
    same([ask(world, "carol", "Confirm", code=code, **words) for code in ("000000", first)
          for words in ({"trial": True}, {"at_login": True},
                        {"at_login": True, "trial": True, "device_id": number})],
         6 * ["NotPermitted"], "nobody but a login tries codes, or confirms in its name")
    same([ask(world, "carol", "Confirm", code=first, **words)
          for words in ({}, {"device": "spare"}, {"device_id": number})], 3 * ["Failed"],
         "to a user its device is none")
    same(ask(world, "carol", "Enroll", at_login=True, device="third"), "NotPermitted",
         "nor do they make one")
    same((devices(world, "carol"), world.record("carol")["failures"]), ([("spare", "pending")], 0),
         "nothing has come of it")
    login = {"user": "carol", "code": first, "at_login": True, "device_id": number}
    same((world.ask("Confirm", trial=True, **login)["verdict"],
          ask(world, "carol", "Enroll", device="third"), devices(world, "carol")),
         ("accepted", "", [("third", "pending")]), "a user's own takes its place")
    answers = [world.root.ask("Confirm", {**login, **words})
               for words in ({}, {"trial": True}, {"device_id": 0})]
    same(([answer["parameters"].get("code") for answer in answers], devices(world, "carol")),
         (3 * [13], [("third", "pending")]), "the login ends, and the other stays")
    login["device_id"] = start_login(world)
    same((world.ask("Confirm", **login)["verdict"], devices(world, "carol")),
         ("accepted", [("spare", "active")]), "left alone, a login confirms its own")


def test_words(world):
    """When a password expires is root's to say."""
    for who, parameters in (("alice", {}), ("alice", {"new_password": PASSWORD}),
                            ("helen", {"user": "alice"})):
        world.reset("alice")
        world.reset("helen", role="admin")
        world.ask("Passwd", user="alice", new_password=PASSWORD)
        same((ask(world, who, "Passwd", expire=True, proof=world.code(who), **parameters),
              world.record("alice").get("password_expired", False)), ("NotPermitted", False),
             f"{who} has no password expire: {parameters}")
    world.ask("Passwd", user="alice", expire=True)
    same((world.record("alice")["password_expired"],
          ask(world, "alice", "Passwd", new_password=PASSWORD + "!", proof=world.code("alice")),
          world.record("alice").get("password_expired", False)), (True, "", False),
         "root does, and a new one is good again")


def test_clear_grace(world):
    """By a code of one's own, and nobody else's."""
    world.island.configure("grace = 1h")
    place = {"service": "sshd", "rhost": "192.0.2.1"}
    for who, parameters, wanted in (("alice", {}, "CodeNeeded"),
                                    ("alice", {"proof": "000000"}, "CodeRefused wrong"),
                                    ("bob", {"proof": True}, "NotPermitted"),
                                    ("helen", {"proof": True}, "NotPermitted"),
                                    ("alice", {"proof": True}, "")):
        for name, role in (("alice", "user"), ("bob", "user"), ("helen", "admin")):
            world.reset(name, role=role)
        world.ask("Check", user="alice", code=world.code("alice"), **place)
        if parameters.get("proof") is True:
            parameters = {"proof": world.code(who)}
        same((ask(world, who, "Set", user="alice", clear_grace=True, **parameters),
              world.ask("Begin", user="alice", **place)["ask"]), (wanted, wanted == ""),
             f"grace, cleared by {who}: {wanted or 'done'}")
    world.island.configure("")


def test_lock(world):
    """Of a login's own first answer a lock may be forgiven; on a user's word it is not."""
    world.reset("alice")
    with Client(world.people["alice"]) as client:
        for _ in range(5):
            client.ask("Check", {"user": "alice", "code": "000000"})
        until = world.record("alice")["locked_until"]
        answer = client.ask("Check", {"user": "alice", "code": world.code("alice"),
                                      "own_lock": until})
    ok(until > 0 and answer["parameters"]["verdict"] == "locked", "a lock is not to be talked away",
       answer)


def test_broken(world):
    """What is wrong with the host is for root to know."""
    key = world.island.path("totp/key")
    os.chmod(key, 0o644)
    with Client(world.people["alice"]) as client:
        answers = [client.ask("Show", {"user": "alice"}), world.root.ask("Show", {"user": "alice"})]
    os.chmod(key, 0o600)
    same([answer["parameters"]["code"] for answer in answers], [16, 16], "a key that all may read")
    same([world.island.root in json.dumps(answer) for answer in answers], [False, True],
         "root is told where")
    ok(key in world.service.logged(), "and the log", world.service.logged())
    ok("error" not in world.root.ask("Show", {"user": "alice"}), "mended, it goes on")


def test_names(world):
    """Two sources of the user database may know different people by one name, and two names may
    have one number."""
    world.reset("alice")
    with open("/etc/passwd", "r+", encoding="ascii") as file:
        known = file.read()
        file.write("root:x:64777:64777::/:/bin/sh\nalice:x:64778:64778::/:/bin/sh\n"
                   f"twin:x:{world.people['alice']}:64779::/:/bin/sh\n")
    for number, name in ((64777, "root"), (64778, "alice")):
        with Client(number) as client:
            same([client.ask(method, {"user": name}).get("error", "").rpartition(".")[2]
                  for method in ("Show", "Qr", "Check", "Enroll")], 4 * ["NotPermitted"],
                 f"another user called {name}")
    with Client(world.people["alice"]) as client:
        same([client.ask("Enroll", {"user": "twin"}).get("error", ""),
              client.ask("Show", {"user": "alice"})["parameters"]["account"]["user"]],
             ["", "alice"], "two names of one user's")
    with open("/etc/passwd", "w", encoding="ascii") as file:
        file.write(known)


def test_put_back(world):
    """A copy takes the store's place while a worker of each kind has the old one open."""
    world.reset("alice")
    store = f"{world.island.root}/totp/store/totp.db"
    for end in ("", "-wal"):
        shutil.copy(store + end, store + end + ".copy")
    guess = {"user": "alice", "code": "000000"}
    for _ in range(19):
        world.root.ask("Check", guess)
    world.root.ask("Show", {"user": "alice"})
    for end in ("", "-wal"):
        os.rename(store + end + ".copy", store + end)
    answers = [world.root.ask("Check", guess) for _ in range(12)]
    ok(not any("error" in answer for answer in answers[4:]), "a copy put back is taken up",
       [answer.get("parameters") for answer in answers if "error" in answer])


def test_first_admin(world):
    """What acted in a person's name before they were an admin keeps nothing."""
    world.reset("carol", proven=False)
    same(ask(world, "carol", "Enroll", device="sleeper", type="hotp", secret=SECRETS["third"]), "",
         "a device that waits")
    world.ask("Set", user="carol", role="admin")
    same([device["device"] for device in world.record("carol")["devices"]
          if device["state"] == "pending"], [], "goes when the role comes")
    same((ask(world, "carol", "Enroll", device="sleeper"),
          ask(world, "carol", "Confirm", device="sleeper", code=hotp(SECRETS["third"], 0))),
         ("CodeNeeded", "Failed"), "and does not come back")
    world.ask("Set", user="carol", role="user")


def test(island):
    with open("/etc/passwd", "a", encoding="ascii") as file:
        file.write("toor:x:0:0::/:/bin/sh\n")
    with Service(island) as service:
        world = World(island, service, ("alice", "bob", "carol", "dora", "helen"))
        world.reset("toor")
        for check in (test_table, test_own, test_admin, test_proofs, test_rules, test_lockers,
                      test_login_device, test_words, test_clear_grace, test_lock, test_names,
                      test_first_admin, test_put_back, test_broken):
            world.restart()
            check(world)
        check_log(world, service.logged())


if __name__ == "__main__":
    main(test, [])
