#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What totpd makes of messages that are not as they should be, of root and of a user; and whether
others understand what it says of itself."""

import json
import os
import re
import shutil
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from island import ENVIRONMENT, SOCKET, main, ok, run, same, skip  # noqa: E402
from service import Client, Service  # noqa: E402
from world import World, check_log  # noqa: E402

SERVICE = "org.pamtotp.Service."
LONGEST = 65536  # with the byte that ends it
HUGE = 10 ** 30


def message(method, parameters=None, **flags):
    """A whole one; parameters may be text that is JSON, or nearly."""
    text = parameters if isinstance(parameters, str) else json.dumps(parameters or {})
    head = {"method": method if "." in method else SERVICE + method, **flags}
    return (json.dumps(head)[:-1] + f', "parameters": {text}}}').encode() + b"\0"


def show(parameters=None, **flags):
    return message("Show", {"user": "alice"} if parameters is None else parameters, **flags)


def enroll(**parameters):
    return message("Enroll", {"user": "alice", "device": "third", **parameters})


def padded(size):
    """Blanks are no fault."""
    head, tail = b'{"method":"org.varlink.service.GetInfo"', b"}\0"
    return head + (size - len(head) - len(tail)) * b" " + tail


def wrong(parameter):
    return [f"InvalidParameter {parameter}"]


# What is sent, and the answers up to the end of the connection: the error's last word and what it
# names, "fine" for a reply. A third column holds what a user gets where that is something else.
CLOSED = []
MESSAGES = {
    "nothing but its end": (b"\0", CLOSED),
    "no JSON": (b"hello\0", CLOSED),
    "half of it": (b'{"method":"org.varlink.service.GetInfo"\0', CLOSED),
    "half of it, and no end": (b'{"method":"org.varlink.serv', CLOSED),
    "two in one": (b"{}{}\0", CLOSED),
    "an array": (b"[]\0", CLOSED),
    "a text": (b'"org.varlink.service.GetInfo"\0', CLOSED),
    "null": (b"null\0", CLOSED),
    "an object without a method": (b"{}\0", CLOSED),
    "a method that is no text": (b'{"method":5}\0', CLOSED),
    "a method twice": (b'{"method":"a.B","method":"a.B"}\0', CLOSED),
    "parameters twice": (b'{"method":"a.B","parameters":{},"parameters":{}}\0', CLOSED),
    "a comment": (b'{"method":"org.varlink.service.GetInfo"/**/}\0', CLOSED),
    "a comma too many": (b'{"method":"org.varlink.service.GetInfo",}\0', CLOSED),
    "other quotation marks": (b"{'method':'org.varlink.service.GetInfo'}\0", CLOSED),
    "a byte order mark": (b'\xef\xbb\xbf{"method":"org.varlink.service.GetInfo"}\0', CLOSED),
    "UTF-16": (message("GetInfo").decode().encode("utf-16-le"), CLOSED),
    "no UTF-8": (b'{"method":"org.varlink.service.GetInfo","x":"\xff"}\0', CLOSED),
    "a control character": (b'{"method":"org.varlink.service.GetInfo","x":"\n"}\0', CLOSED),
    "half a surrogate": (b'{"method":"org.varlink.service.GetInfo","x":"\\ud800"}\0', CLOSED),
    "a NUL in a text": (b'{"method":"org.varlink.service.GetInfo","x":"\\u0000"}\0', CLOSED),
    "a NUL in the middle": (b'{"method":\0"org.varlink.service.GetInfo"}\0', CLOSED),
    "a flag that is none": (show(more="yes"), CLOSED),
    "no number": (b'{"method":"org.varlink.service.GetInfo","x":NaN}\0', CLOSED),
    "arrays in arrays": (b'{"method":"a.B","x":' + 30000 * b"[", CLOSED),
    "arrays in arrays, and their end": (30000 * b"[" + 30000 * b"]" + b"\0", CLOSED),
    "parameters in parameters": (show('{"user":' + 9999 * "[" + 9999 * "]" + "}"), CLOSED),

    "no interface": (b'{"method":"Show"}\0', ["MethodNotFound Show"]),
    "a method without a name": (b'{"method":""}\0', ["MethodNotFound "]),
    "another interface": (message("org.example.Service.Show"),
                          ["MethodNotFound org.example.Service.Show"]),
    "no such method": (message("Shw"), [f"MethodNotFound {SERVICE}Shw"]),
    "a method in other letters": (message("show"), [f"MethodNotFound {SERVICE}show"]),
    "a method of the other interface": (message("org.varlink.service.Show"),
                                        ["MethodNotFound org.varlink.service.Show"]),
    "an interface's description that is not ours": (
        message("org.varlink.service.GetInterfaceDescription", {"interface": "org.example.X"}),
        ["InterfaceNotFound org.example.X"]),
    "the description of none": (message("org.varlink.service.GetInterfaceDescription"),
                                ["InterfaceNotFound "]),

    "parameters that are none": (show("[]"), wrong("parameters")),
    "an unknown parameter": (show({"uesr": "alice"}), wrong("uesr")),
    "another method's parameter": (show({"user": "alice", "code": "123456"}), wrong("code")),
    "a parameter twice": (show('{"user":"bob","user":"alice"}'), wrong("user")),
    "a user that is a number": (show({"user": 0}), wrong("user")),
    "a user that is a flag": (show({"user": True}), wrong("user")),
    "a user that is a list": (show({"user": ["alice"]}), wrong("user")),
    "a user that is an object": (show({"user": {}}), wrong("user")),
    "a user that is null": (show({"user": None}), ["Failed 6"], ["fine"]),
    "no user": (show({}), ["Failed 6"], ["fine"]),
    "options that are a text": (show({"options": "debug"}), wrong("options")),
    "options that are numbers": (show({"options": [1]}), wrong("options")),
    "too many options": (show({"options": 99 * ["debug"]}), wrong("options")),
    "a flag that is a text": (enroll(replace="yes"), wrong("replace")),
    "a number that is a text": (enroll(digits="6"), wrong("digits")),
    "a number below zero": (enroll(digits=-6), wrong("digits")),
    "a number with a fraction": (show('{"user":"alice","digits":6.5}'), wrong("digits")),
    "a number in powers": (message("Enroll", '{"digits":6e0}'), wrong("digits")),
    "a number that is huge": (enroll(counter=HUGE), wrong("counter")),
    "a number of 63 bits": (enroll(type="hotp", counter=(1 << 63) - 1), ["Failed 7"],
                            ["CodeNeeded"]),
    "a number of 33 bits": (enroll(digits=(1 << 32) + 6), ["Failed 7"], ["CodeNeeded"]),
    "a flag that is a number": (enroll(at_login=1), wrong("at_login")),
    "a number of a device that is a text": (message("Confirm", {"device_id": "1"}),
                                            wrong("device_id")),
    "a number of a device where a label is meant": (message("Remove", {"device_id": 1}),
                                                    wrong("device_id")),
    "a device of no login": (
        message("Confirm", {"user": "alice", "code": "1", "at_login": True,
                            "device_id": (1 << 63) - 1}), ["Failed 13"], ["NotPermitted"]),
    "a trial of what is not tried": (enroll(trial=True), wrong("trial")),
    "a group that is a list": (message("Check", {"group": ["wheel"]}), wrong("group")),
    "a group where none counts": (show({"user": "alice", "group": "wheel"}), wrong("group")),
    "a next code that is a number": (message("Resync", {"user": "alice", "next_code": 123456}),
                                     wrong("next_code")),
    "a next code twice": (message("Resync", '{"next_code":"1","next_code":"2"}'),
                          wrong("next_code")),
    "a resynchronisation without codes": (message("Resync", {"user": "alice", "device": "phone"}),
                                          ["fine"], ["NotPermitted"]),
    "a resynchronisation with codes as long as can be": (
        message("Resync", {"user": "alice", "device": "phone", "code": 30000 * "1",
                           "next_code": 30000 * "2"}), ["fine"], ["NotPermitted"]),
    "a recovery that is a text": (message("SendCode", {"user": "alice", "recovery": "yes"}),
                                  wrong("recovery")),
    "a code that is to be kept for a number of seconds": (
        message("SendCode", {"user": "alice", "keep": 60}), wrong("keep")),
    "a code that is asked for twice": (message("SendCode", '{"unasked":true,"unasked":true}'),
                                       wrong("unasked")),
    "a code that is sent with a proof": (message("SendCode", {"user": "alice", "proof": "123456"}),
                                         wrong("proof")),
    "a code for another address": (message("SendCode", {"user": "alice", "email": "a@b"}),
                                   wrong("email")),
    "a code for nobody": (message("SendCode", {"user": "nobody-at-all"}), ["fine"],
                          ["NotPermitted"]),
    "a recovery without anything": (message("Recover", {"user": "alice"}), ["Failed 6"]),
    "a recovery of a password that is not there": (
        message("Recover", {"user": "alice", "code": "1", "proof": "2", "new_password": "x"}),
        ["Failed 13"]),
    "tokens that are mailed for no code": (
        message("Backup", {"user": "alice", "mail_tokens": True}), wrong("mail_tokens")),
    "a password that is new and expires": (
        message("Passwd", {"user": "alice", "new_password": "x", "expire": True}), ["Failed 6"],
        ["NotPermitted"]),
    "no password to set": (message("Passwd", {"user": "alice"}), ["Failed 6"], ["CodeNeeded"]),
    "a password that is not there expires": (message("Passwd", {"user": "alice", "expire": True}),
                                             ["Failed 13"], ["NotPermitted"]),
    "nothing to set": (message("Set", {"user": "alice", "clear_grace": False}), ["Failed 6"],
                       ["CodeNeeded"]),
    "a login's device for who has one": (enroll(at_login=True), ["Failed 13"], ["NotPermitted"]),
    "no digits": (enroll(digits=99), ["Failed 7"], ["CodeNeeded"]),
    "a kind that is switched off": (enroll(type="email"), ["Failed 13"], ["CodeNeeded"]),
    "a kind that has no digits to choose": (enroll(type="email", digits=8), ["Failed 6"],
                                            ["CodeNeeded"]),
    "a kind that is none": (enroll(type="push"), ["Failed 6"], ["CodeNeeded"]),
    "a shape that is none": (message("Check", {"user": "alice", "code": "1", "shape": "any"}),
                             wrong("shape")),
    "a secret that is none": (enroll(secret="1!"), ["Failed 9"], ["CodeNeeded"]),
    "too many tokens": (message("Backup", {"user": "alice", "count": 1 << 40}), ["Failed 7"],
                        ["CodeNeeded"]),

    "one byte too long": (padded(LONGEST + 1), wrong("parameters")),
    "much too long": (padded(20 * LONGEST), wrong("parameters")),
    "without an end": (padded(LONGEST + 1)[:-1] + b" ", wrong("parameters")),
    "as long as can be": (padded(LONGEST), ["fine"]),
    "a name as long as can be": (show({"user": 60000 * "x"}), ["Failed 10"], ["NotPermitted"]),
    "a word as long as can be": (show({60000 * "x": 1}), wrong(256 * "x")),

    "an upgrade": (show(upgrade=True), ["MethodNotImplemented upgrade"]),
    "a list in one answer": (message("List"), ["ExpectedMore"]),
    "more of what is one": (show(more=True), ["fine"]),
    "one way": (show(oneway=True), []),
    "one way, and another": (show(oneway=True) + show(), ["fine"]),
    "one way, but wrong": (show({"user": 1}, oneway=True) + show(), ["fine"]),
    "twenty at once": (20 * show(), 20 * ["fine"]),
    "wrong ones among them": (show() + show({"user": 1}) + show(),
                              ["fine", *wrong("user"), "fine"]),
    "what is none among them": (show() + b"x\0" + show(), ["fine"]),

    "another store": (show({"user": "alice", "store": "sqlite:/etc/x"}), ["NotServed"]),
    "another key file": (show({"user": "alice", "key_file": "/etc/shadow"}), ["NotServed"]),
    "another configuration": (show({"user": "alice", "config": "/etc/passwd"}), ["NotServed"]),
    "options": (show({"user": "alice", "options": ["window=1"]}), ["fine"], wrong("options")),
    "options that name a store": (show({"user": "alice", "options": ["store=sqlite:/etc/x"]}),
                                  ["NotServed"], wrong("options")),
    "options that name a configuration": (show({"user": "alice", "options": ["config=/etc/x"]}),
                                          ["Failed 19"], wrong("options")),
    "options that are none": (show({"user": "alice", "options": ["windows=1"]}), ["Failed 19"],
                              wrong("options")),
    "a service with a line's end": (show({"user": "alice", "service": "sshd]\n[x"}), ["fine"]),
    "a service that is a path": (show({"user": "alice", "service": "../../etc"}), ["fine"]),
    "a name with a line's end": (show({"user": "alice\nbob"}), ["Failed 10"], ["NotPermitted"]),
    "a new name with a line's end": (message("Enroll", {"user": "alice\nbob"}), ["Failed 6"],
                                     ["NotPermitted"]),
    "a device with a line's end": (enroll(device="a\nb"), ["Failed 6"], ["CodeNeeded"]),
    "no name": (show({"user": ""}), ["Failed 10"], ["NotPermitted"]),
    "a name of another script": (show({"user": "аlice"}), ["Failed 10"], ["NotPermitted"]),
    "a path": (show({"user": "../alice"}), ["Failed 10"], ["NotPermitted"]),
}


def describe(text):
    answer = json.loads(text)
    if "error" not in answer:
        return "fine"
    parameters = answer["parameters"]
    named = [str(parameters[key]) for key in ("parameter", "method", "interface", "code")
             if key in parameters]
    return " ".join([answer["error"].rpartition(".")[2], *named])


def exchange(uid, data):
    """All answers until the other side closes."""
    with Client(uid) as client:
        client.send(data)
        client.socket.shutdown(socket.SHUT_WR)
        answers = []
        while (text := client.answer()) is not None:
            answers.append(text)
    return answers


def test_messages(world):
    users = (("root", 0), ("alice", world.people["alice"]))
    for number, (name, (data, *wanted)) in enumerate(MESSAGES.items()):
        if number % 20 == 0:
            world.restart()
        notes = []
        for (who, uid), expected in zip(users, (wanted[0], wanted[-1])):
            got = [describe(text) for text in exchange(uid, data)]
            if got != expected:
                notes.append(f"{who}: wanted {expected!r:.200}, got {got!r:.200}")
            notes += filter(None, [world.check("dora")])
        same(notes, [], name)
    ok(not world.login("dora"), "after all of it somebody logs in", "")


def test_lines(world):
    """What is said in a call and recorded makes no lines of its own, neither there nor here."""
    world.restart()
    forged = "\n2026-01-01T00:00:00Z login accepted user=root\r\x1b[2J"
    with Client() as root, Client(world.people["alice"]) as alice:
        root.ask("Check", {"user": "bob" + forged, "code": "1", "service": "sshd" + forged,
                           "rhost": forged, "tty": forged})
        alice.ask("Check", {"user": "alice", "code": "000000", "service": "x" + forged,
                            "tty": forged, "rhost": "192.0.2.1"})
    lines = run(world.island.program, "--config", world.island.conf, "log").stdout.split("\n")[:-1]
    ok(all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [a-z]+ [ -~]+", line)
           and "accepted user=root" not in line.split("user=")[0] for line in lines),
       "the log has its lines to itself", "\n".join(lines[-3:]))
    ok("rhost" not in lines[-1], "a user's word on where they are is not taken", lines[-1])


def test_descriptors(world):
    """What is sent along with a message is not kept."""
    def count():
        return len(os.listdir(f"/proc/{world.service.process.pid}/fd"))

    with Client(world.people["alice"]) as client:
        client.send(show())
        client.answer()
        before = count()
        for _ in range(10):
            socket.send_fds(client.socket, [show()], 20 * [0])
            client.answer()
        same(count(), before, "descriptors that are sent along are not kept")


# --- what others make of it ---------------------------------------------------------------------

WORD = r"[A-Za-z](_?[A-Za-z0-9])*"
PLAIN = rf"(bool|int|float|string|object|[A-Z][A-Za-z0-9]*|\({WORD}(, {WORD})*\))"
FIELDS = rf"\(({WORD}: \??(\[\])?{PLAIN}(, {WORD}: \??(\[\])?{PLAIN})*)?\)"
GRAMMAR = {"type": rf"([A-Z][A-Za-z0-9]*) {FIELDS}", "error": rf"([A-Z][A-Za-z0-9]*) {FIELDS}",
           "method": rf"([A-Z][A-Za-z0-9]*){FIELDS} -> {FIELDS}",
           "interface": rf"([A-Za-z]([-]*[A-Za-z0-9])*(\.[A-Za-z0-9]([-]*[A-Za-z0-9])*)+)"}


def test_description(world):
    info = world.ask("org.varlink.service.GetInfo")
    same(set(info), {"vendor", "product", "version", "url", "interfaces"}, "GetInfo")
    for interface in info["interfaces"]:
        text = world.ask("org.varlink.service.GetInterfaceDescription",
                         interface=interface)["description"]
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        bad = [line for line in lines if not re.fullmatch(
            GRAMMAR.get(line.split()[0], "(?!)"), line.partition(" ")[2])]
        same(bad, [], f"{interface}: the grammar")
        names = [re.split(r"[ (]", line)[1] for line in lines]
        same(sorted(names), sorted(set(names)), f"{interface}: no name has two meanings")
        used = set(re.findall(r"[\])?: ]([A-Z][A-Za-z0-9]*)[,)]", text)) - {"SHA1", "SHA256"}
        same(used - set(names), {"SHA512"} & used, f"{interface}: every type is there")
    return text


def test_tools(world, description):
    """Clients of others."""
    generator = shutil.which("varlink-go-interface-generator", path=ENVIRONMENT["PATH"])
    varlinkctl = shutil.which("varlinkctl", path=ENVIRONMENT["PATH"])
    if generator is None and varlinkctl is None:
        skip("clients of others", "varlinkctl or varlink-go is needed")
    if generator is not None:
        # It knows only small letters in the names of interfaces and of an enumeration's words.
        path = world.island.path("org.varlink")
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"SHA", "sha", description).replace("org.pamtotp.Service",
                                                                  "org.pamtotp.service"))
        done = run(generator, path, check=False)
        same((done.stdout + done.stderr, done.returncode), ("", 0), "varlink-go reads it")
    if varlinkctl is not None:
        for words, wanted in ((["info", SOCKET], "totpd"),
                              (["introspect", SOCKET, "org.pamtotp.Service"], "method Check"),
                              (["call", SOCKET, SERVICE + "Show", '{"user":"alice"}'], "account"),
                              (["call", "--more", SOCKET, SERVICE + "List", "{}"], "account")):
            done = run(varlinkctl, *words, check=False, env=ENVIRONMENT)
            ok(done.returncode == 0 and wanted in done.stdout, f"varlinkctl {words[0]}",
               f"{done.returncode} {done.stdout}{done.stderr}")


def test(island):
    with Service(island) as service:
        world = World(island, service, ("alice", "bob", "dora"))
        for name in ("alice", "bob", "dora"):
            world.reset(name)
        test_messages(world)
        test_lines(world)
        test_descriptors(world)
        test_tools(world, test_description(world))
        check_log(world, service.logged())


if __name__ == "__main__":
    main(test, [])
