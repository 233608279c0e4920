#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How totpd starts and ends: command line, socket, signals, workers that cannot be started."""
import contextlib
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
sys.dont_write_bytecode = True
from stage import PATIENCE, ROOT, STUB, Service, done, is_there, ok, same, skip, soon

ALICE = 54321 if ROOT else os.geteuid()
UNDONE = 'org.pamtotp.Service.NotServed'
MARK = 'hunter2'  # no log line shows it


def bound(path, kind=socket.SOCK_STREAM, listening=True):
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(path)
    if listening:
        made.listen()
    return made


def test_command_line():
    service = Service(start=False)
    for words, status, says in ((['--help'], 0, '--version'), (['--version'], 0, 'totpd '),
                                (['--nonsense'], 2, 'usage:'), (['--listen'], 2, 'usage:'),
                                (['--listen='], 2, 'usage:'), (['--list', '/x'], 2, 'usage:'),
                                (['--listen=/x', '--listen=/y'], 2, 'usage:'),
                                (['word'], 2, 'usage:'), ([], 2, 'there is no socket'),
                                (['--config', '/x'], 2, 'there is no socket'),
                                (['--listen', 'x'], 1, 'begin with a slash'),
                                (['--listen', '/' + 200 * 'x'], 1, 'more than 107 bytes')):
        same(service.refusal(service.launch(*words), says), (status, True),
             'totpd ' + ' '.join(word[:20] for word in words))


def test_path():
    service = Service(start=False)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    old = os.umask(0o077)
    service.start()
    os.umask(old)
    same([oct(stat.S_IMODE(os.lstat(path).st_mode))
          for path in (os.path.dirname(service.path), service.path)], ['0o755', '0o666'],
         'it makes the directory and the socket, whatever the umask')
    same(service.ask(ALICE)['uid'], ALICE, 'everyone may connect')
    second = Service(start=False)
    same(second.refusal(second.launch('--listen', service.path), 'another service answers'),
         (1, True), 'a socket that is answered stays')
    same(service.ask(n=1)['n'], 1, 'and goes on')
    with open('/proc/%d/limits' % service.process.pid) as f:
        same([line.split()[4] for line in f if line.startswith('Max core')], ['0'], 'no core dumps')
    service.process.kill()
    service.process.wait()
    ok(soon(lambda: not service.children()), 'workers do not outlive it')
    ok(os.path.exists(service.path), 'killed, it leaves its socket behind')
    service.start()
    same(service.ask(n=2)['n'], 2, 'which is no obstacle')
    same([service.end()[0], os.path.exists(service.path), service.children()], [0, False, []],
         'ended, it leaves nothing')


def test_bad_paths():
    service = Service(start=False)
    os.mkdir(os.path.dirname(service.path))

    def refused(says, name, kept=True):
        same([service.refusal(service.launch('--listen', service.path), says),
              os.path.lexists(service.path)], [(1, True), kept], name)
        with contextlib.suppress(OSError):
            os.unlink(service.path)

    with open(service.path, 'w'):
        pass
    refused('is not a socket', 'a file is left alone')
    other = bound(os.path.join(service.dir, 'other'))
    os.symlink(os.path.join(service.dir, 'other'), service.path)
    refused('is not a socket', 'a link is left alone')
    other.close()
    os.chmod(os.path.dirname(service.path), 0o775)
    refused('its mode is 0775', 'others may write to the directory', False)
    os.chmod(os.path.dirname(service.path), 0o755)
    if ROOT:
        bound(service.path).close()
        os.chown(service.path, ALICE, -1)
        refused('belongs to user number 54321', "another user's socket is left alone")
        os.chown(os.path.dirname(service.path), ALICE, -1)
        refused('belongs to user number 54321', "another user's directory", False)
    os.rename(os.path.dirname(service.path), service.dir + '/real')
    os.symlink('real', os.path.dirname(service.path))
    refused('is a symbolic link', 'a linked directory', False)


def test_passed():
    service = Service(inherits=True)
    same(service.ask(ALICE)['uid'], ALICE, 'a socket that was passed')
    same(service.ask(do='state')['descriptors'], [0, 1, 2, 3], 'workers inherit nothing of it')
    same([service.end()[0], os.path.exists(service.path)], [0, True], 'stays where it is')
    spare = Service(start=False)
    pair = socket.socketpair()
    for sockets, name in (([pair[0]], 'a connection'),
                          ([bound(service.dir + '/1', listening=False)], 'one nobody listens on'),
                          ([bound(service.dir + '/2', socket.SOCK_SEQPACKET)], 'one of packets'),
                          ([service.socket, service.socket], 'two')):
        same(spare.refusal(spare.launch(passed=sockets), 'one listening Unix stream socket'),
             (1, True), 'a passed socket is refused: ' + name)
    same(spare.refusal(spare.launch('--listen', spare.path, passed=[service.socket]), 'choose one'),
         (2, True), 'a passed socket and --listen')
    same(spare.refusal(spare.launch(environment={'LISTEN_FDS': '1', 'LISTEN_PID': '1'}),
                       'there is no socket'), (2, True), 'variables that were meant for another')
    activate = shutil.which('systemd-socket-activate')
    if activate is None:
        skip('started by systemd', 'systemd-socket-activate is not installed')
        return
    spare.path = spare.dir + '/activated'
    spare.process = subprocess.Popen([activate, '-l', spare.path, spare.program],
                                     stderr=subprocess.DEVNULL, env=spare.environment)
    soon(spare.answers)
    same([spare.ask(n=n)['n'] for n in range(3)], [0, 1, 2], 'started by systemd')
    same(spare.end()[0], 0, 'and ended')


def begin_end():
    """Something that is never finished is waited for, for five seconds."""
    service = Service()
    client = service.client()
    client.send({'do': 'never', 'n': 1})
    client.answer()
    service.process.terminate()
    return service, time.monotonic()


def end_end(begun):
    service, begin = begun
    status, took = service.process.wait(PATIENCE), time.monotonic() - begin
    ok(status == 0 and took < 9, 'it ends although a worker hangs: %.1f s' % took, status)
    same([service.children(), os.path.exists(service.path)], [[], False], 'and leaves nothing')


def test_signals():
    service = Service()
    fifo, idle, slow = service.fifo('f'), service.client(), service.client(ALICE)
    pids = [service.ask()['pid'], service.ask(ALICE)['pid']]
    slow.send({'do': 'wait', 'fifo': fifo, 'n': 1})
    with open(fifo, 'w'):
        service.process.send_signal(signal.SIGHUP)
        if ROOT:
            ok(soon(lambda: not is_there(pids[0])), 'SIGHUP: an idle worker leaves')
            ok(service.ask()['pid'] != pids[0] and slow.is_silent(), 'a new one starts')
    same(slow.answer()['pid'], pids[1], 'one with a message finishes it')
    ok(soon(lambda: not is_there(pids[1])), 'and leaves then')
    os.mkfifo(fifo + '2')
    slow.send({'do': 'wait', 'fifo': fifo + '2', 'n': 2}, {'n': 3})
    with open(fifo + '2', 'w'):
        service.process.terminate()
        ok(soon(lambda: not os.path.exists(service.path)), 'SIGTERM: the socket goes')
        same([idle.answer(), slow.is_silent()], [None, True], 'idle connections are closed')
    same([slow.answer()['n'], slow.answer(), service.process.wait(PATIENCE)], [2, None, 0],
         'a message in work is finished')
    same(service.children(), [], 'no worker is left')
    service.start()
    os.unlink(service.path)
    with bound(service.path):
        same([service.end(signal.SIGINT)[0], os.path.exists(service.path)], [0, True],
             "SIGINT: another one's socket is left alone")


def test_no_worker():
    service = Service(stub=None)
    begin = time.monotonic()
    client = service.client()
    client.send(*({'fill': MARK} for _ in range(3)))
    same([client.answer()['error'] for _ in range(3)], [UNDONE] * 3, 'there is no worker')
    ok(time.monotonic() - begin < 3, 'which is said at once')
    ok(soon(lambda: 'totpd-worker cannot be started' in service.logged()), 'and logged')
    service.put_stub(STUB)
    same(service.ask(n=1)['n'], 1, 'one that appears is used')
    ok(soon(lambda: service.ask(do='die', fill=MARK) and
            'a worker died of signal 9' in service.logged()),
       'its death is logged, with at most one such line in a second')
    same([service.end()[0], 'totpd: has ended' in service.logged(), MARK in service.logged()],
         [0, True, False], 'the log shows nothing of a message')


def test_streams():
    """Standard streams that are closed must not become something else."""
    service = Service(start=False)
    command = 'exec "$0" --listen "$1" <&- >&- 2>&-'
    service.process = subprocess.Popen(['sh', '-c', command, service.program, service.path])
    soon(service.answers)
    if ROOT:
        same([os.readlink('/proc/%d/fd/%d' % (service.process.pid, n)) for n in range(3)],
             ['/dev/null'] * 3, 'closed streams lead nowhere')
    same([service.ask()['n'], service.end()[0]], [None, 0], 'and do not matter')
    reading, writing = os.pipe()
    status = os.fstat(writing)
    for inode, expected in ((status.st_ino, b'<6>serves on'), (1, b'totpd: serves on')):
        journal = 'JOURNAL_STREAM=%d:%d exec "$0" --listen "$1"' % (status.st_dev, inode)
        service.process = subprocess.Popen(['sh', '-c', journal, service.program, service.path],
                                           stderr=writing)
        same(os.read(reading, 1000)[:len(expected)], expected, 'a log line begins with '
             + expected.decode().split('s')[0])
        service.end()
        os.read(reading, 1000)


hung = begin_end()
test_command_line()
test_path()
test_bad_paths()
test_passed()
test_signals()
test_no_worker()
test_streams()
end_end(hung)
done()
