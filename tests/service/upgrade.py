#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A store that a newer version has taken over while totpd runs: root's programs are told that it is
theirs to do, which those of the newer version then can; others are told nothing of it. And one of an
earlier version, which the service brings up to date."""

import contextlib
import json
import os
import sqlite3
import sys

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from island import ENVIRONMENT, main, ok, run, same  # noqa: E402
from service import Client, Service  # noqa: E402
from world import SECRETS, World, check_log, hotp  # noqa: E402

NEWER, OLDER = 99, 2
SENTENCE = "the store was made by a newer version"
QUESTIONS = (("Check", {"code": "000000"}), ("Begin", {}), ("Account", {}), ("Show", {}),
             ("Confirm", {"device": "spare", "code": hotp(SECRETS["spare"], 0)}))


def set_version(world, version):
    """What it was."""
    with contextlib.closing(sqlite3.connect(world.store)) as db:
        before = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute(f"PRAGMA user_version = {version}")
        return before


def describe(answer):
    """The error's last word, its number and what it says."""
    said = answer["parameters"]
    return [answer.get("error", "").rpartition(".")[2], said.get("code"), said.get("what")]


def test_root(world):
    """Each kind of worker has had the store open; and has not, the second time."""
    for time in ("open", "closed"):
        for method, parameters in QUESTIONS:
            answer = world.root.ask(method, {"user": "dora", **parameters})
            same(describe(answer)[0], "NotServed", f"store {time}: root, {method}")
    ok(f"{world.store}: " in world.service.logged(), "the log says which store",
       world.service.logged())


def test_others(world):
    with Client(world.people["alice"]) as client:
        answers = [client.ask(method, {"user": "alice", **parameters})
                   for method, parameters in QUESTIONS]
    same([describe(answer)[:2] for answer in answers], len(QUESTIONS) * [["Failed", 38]],
         "who is not root learns that it cannot be done")
    text = json.dumps(answers)
    ok(world.island.root not in text and "ask an administrator" in text, "and nothing of the store",
       text)


def test_module(world):
    """In a process of root's it goes on by itself, and says what it finds, as this is no newer
    version; in another's it is denied."""
    said = run(world.locker, "-d", world.stacks, "login", "dora", check=False, env=ENVIRONMENT,
               input=hotp(SECRETS["phone"], world.counters["dora"]) + "\n").stdout
    ok(said.endswith("result: PAM_AUTHINFO_UNAVAIL\n") and SENTENCE in said
       and "done here, without the service" in said, "a login of root's processes", said)
    with open(f"{world.stacks}/own", "w", encoding="utf-8") as file:
        file.write(f"auth required {world.island.module} config={world.island.conf}\n")
    alice = world.island.people["alice"]
    said = alice.run(world.locker, "-d", world.stacks, "own", "alice", answer="123456\n").stdout
    ok(said.endswith("result: PAM_AUTHINFO_UNAVAIL\n") and world.store not in said
       and "without the service" not in said, "a locker of somebody's own", said)
    done = run(world.island.program, "--config", world.island.conf, "show", "dora", check=False)
    ok(done.returncode == 4 and SENTENCE in done.stderr,
       "root's command line, which does without the service", done.stderr)


def test_back(world, before):
    """Nothing was judged meanwhile, neither right nor wrong; the same service goes on."""
    for name in ("alice", "dora"):
        same(world.record(name), before[name], f"{name}: nothing has changed")
    with Client(world.people["alice"]) as client:
        same(describe(client.ask("Show", {"user": "alice"}))[0], "", "others are served again")
    same(world.login("dora"), "", "the code that was refused logs in")


def test_older(world):
    """As the version before left it: without the table of codes that were sent."""
    before = {name: world.record(name) for name in ("alice", "dora")}
    set_version(world, OLDER)
    with contextlib.closing(sqlite3.connect(world.store)) as db:
        db.execute("DROP TABLE mail_code")
        db.execute("ALTER TABLE account DROP COLUMN tokens_mailed")
    world.restart()
    for name, record in before.items():
        same(world.record(name), record, f"{name}: nothing was lost with the older version")
    same(world.login("dora"), "", "who could log in still can")
    answer = world.ask("SendCode", user="dora")
    same([answer.get("address", ""), answer.get("wait", 0)], ["", 0],
         "what is new can be asked for")
    with contextlib.closing(sqlite3.connect(world.store)) as db:
        same([db.execute("PRAGMA user_version").fetchone()[0],
              db.execute("SELECT count(*) FROM mail_code").fetchone()[0]], [OLDER + 1, 0],
             "it is of this version now")


def test(island):
    with Service(island) as service:
        world = World(island, service, ("alice", "dora"))
        world.store = f"{island.root}/totp/store/totp.db"
        before = {}
        for name in ("alice", "dora"):
            world.reset(name)
            before[name] = world.record(name)
            world.ask("Begin", user=name)  # a worker of each kind has the store open
        with Client(world.people["alice"]) as client:
            client.ask("Show", {"user": "alice"})
        version = set_version(world, NEWER)
        for check in (test_root, test_others, test_module):
            check(world)
        same(set_version(world, version), NEWER, "nobody has touched the version")
        test_back(world, before)
        test_older(world)
        check_log(world, service.logged())


if __name__ == "__main__":
    main(test, [])
