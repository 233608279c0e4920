#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""totpd alone: connections, limits, deadlines and worker processes."""
import concurrent.futures
import contextlib
import glob
import os
import resource
import signal
import socket
import subprocess
import sys
import time
sys.dont_write_bytecode = True
from stage import ROOT, SANITIZED, Service, done, is_there, ok, running, same, skip, soon

ME = os.geteuid()
ALICE, BOB, CAROL = (54321, 54322, 54323) if ROOT else 3 * (ME,)  # numbers without accounts
MESSAGE_MAX = 65536
BUSY = {'error': 'org.pamtotp.Service.Busy', 'parameters': {}}
FAILED = {'error': 'org.pamtotp.Service.Failed',
          'parameters': {'code': 34, 'where': '',
                         'what': 'the service was interrupted: try again'}}
TOO_LONG = {'error': 'org.varlink.service.InvalidParameter',
            'parameters': {'parameter': 'parameters'}}
background = concurrent.futures.ThreadPoolExecutor(32)


def message_of(size):
    """As many bytes, with the one that ends it."""
    start, end = b'{"do":"echo","fill":"', b'"}\0'
    return start + (size - len(start + end)) * b'x' + end


def test_messages(service, uid, who):
    got = service.ask(uid, n=1)
    same([got['kind'], got['uid'], got['n']], ['--fast' if uid == 0 else '--slow', uid, 1],
         '%s: an answer' % who)
    client = service.client(uid)
    client.send(*({'n': n} for n in range(30)))
    same([client.answer()['n'] for _ in range(30)], list(range(30)),
         '%s: many messages at once are answered in order' % who)
    for byte in b'{"n":7}\0':
        client.socket.sendall(bytes([byte]))
    same(client.answer()['n'], 7, '%s: a message byte by byte' % who)
    client.socket.sendall(message_of(MESSAGE_MAX))
    same(client.answer()['length'], MESSAGE_MAX, '%s: the longest message' % who)
    same(client.ask(n=8)['n'], 8, '%s: the next one' % who)
    client.send({'do': 'nothing'}, {'n': 9})
    same(client.answer()['n'], 9, '%s: a message without an answer' % who)
    client.send({'do': 'close', 'n': 10}, {'n': 11})
    same([client.answer()['n'], client.answer()], [10, None],
         '%s: the worker closes the connection' % who)
    client = service.client(uid)
    client.send({'n': 12}, {'n': 13})
    client.socket.shutdown(socket.SHUT_WR)
    same([client.answer()['n'], client.answer()['n'], client.answer()], [12, 13, None],
         '%s: who has sent everything gets every answer, and the end' % who)
    ok(time.monotonic() - client.start < 4, '%s: at once' % who)
    for size in (MESSAGE_MAX + 1, 20 * MESSAGE_MAX):
        client = service.client(uid)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.socket.sendall(message_of(size))
        same([client.answer(), client.answer()], [TOO_LONG, None],
             '%s: %d bytes are too many' % (who, size))
    client = service.client(uid)
    client.send({'do': 'stream', 'defer': True, 'parts': 80})
    same([client.answer()['part'] for _ in range(80)], list(range(80)),
         '%s: a long answer comes whole' % who)
    same(client.ask(n=14)['n'], 14, '%s: and the next one' % who)


def test_worker_state(service):
    got = service.ask(do='state')
    same([got['environment'], got['arguments'][2:], got['input'], got['blocked'], got['core']],
         ['', ['--config', '/nowhere'], '/dev/null', 0, '0'], 'a worker starts clean')
    same(got['descriptors'], [0, 1, 2, 3], 'and inherits no descriptor but its socket')


def test_deaths(service, uid, who):
    for do in ('die', 'babble'):
        begin = time.monotonic()
        same(service.ask(uid, do=do), FAILED, '%s: a worker fails (%s)' % (who, do))
        same(service.ask(uid, n=1)['n'], 1, '%s: the next message finds another' % who)
        ok(time.monotonic() - begin < 4, '%s: without delay' % who)
    client = service.client(uid)
    client.send({'do': 'die'}, {'n': 2})
    same([client.answer(), client.answer()['n']], [FAILED, 2], '%s: on one connection' % who)
    pid = service.ask(uid)['pid']
    os.kill(pid, signal.SIGKILL)
    soon(lambda: not is_there(pid))
    same(service.ask(uid, n=3)['n'], 3, '%s: an idle worker dies unnoticed' % who)
    fifo = service.fifo('left-' + who)
    client = service.client(uid)
    client.send({'do': 'wait', 'fifo': fifo, 'defer': True})
    with open(fifo, 'w'):
        client.socket.close()
    same(service.ask(uid, n=4)['n'], 4, '%s: a client is gone before its answer' % who)


def test_fast(service):
    clients = [service.client() for _ in range(64)]
    late = service.client()
    for n, client in enumerate(clients):
        client.send({'do': 'hold', 'until': 64, 'n': n})
    late.send({'n': 'late'})
    got = [client.answer() for client in clients]
    same([answer['n'] for answer in got], list(range(64)), '64 messages of root at once')
    same([len({answer['pid'] for answer in got}), [a['more'] for a in got if 'more' in a]],
         [1, [False]], 'in one worker, and no more')
    same(late.answer()['n'], 'late', 'the next one waits its turn')
    clients = [service.client() for _ in range(5)]
    for client in clients[:4]:
        client.send({'do': 'hold', 'until': 9})
    clients[4].send({'do': 'die'})
    same([client.answer() for client in clients], [FAILED] * 5, 'what a dead worker had has failed')
    big = [service.client(text=message_of(MESSAGE_MAX)) for _ in range(20)]
    same([client.answer()['length'] for client in big], [MESSAGE_MAX] * 20,
         'more than fits into the socket')
    fifo = service.fifo('slow')
    slow = service.client()
    slow.send({'do': 'wait', 'fifo': fifo, 'defer': True, 'n': 5})
    with open(fifo, 'w'):
        fast = service.ask(n=6)
        same([fast['kind'], fast['n'], slow.is_silent()], ['--fast', 6, True],
             'a slow message of root does not delay others')
    got = slow.answer()
    same([got['kind'], got['n'], got['uid']], ['--slow', 5, 0], 'a slow worker does it')


def test_turns(service):
    fifos = [service.fifo(name) for name in ('alice', 'bob')]
    alice = [service.client(ALICE) for _ in range(2)]
    bob, carol = service.client(BOB), service.client(CAROL)
    alice[0].send({'do': 'wait', 'fifo': fifos[0], 'n': 1})
    with open(fifos[0], 'w'):
        alice[1].send({'n': 2})
        same(service.ask(CAROL, n=0)['n'], 0, 'another user is served meanwhile')
        bob.send({'do': 'wait', 'fifo': fifos[1], 'n': 3})
        with open(fifos[1], 'w'):
            carol.send({'n': 4})
            got = service.ask(n=5, defer=True)
            same([got['kind'], carol.is_silent()], ['--slow', True], 'one worker is left to root')
        same([bob.answer()['n'], carol.answer()['n']], [3, 4], 'a user waits for one of two')
        ok(alice[1].is_silent(), 'a user has one message in work at a time')
    same([alice[0].answer()['n'], alice[1].answer()['n']], [1, 2], 'and the next one then')


def test_crowd(service):
    fifo = service.fifo('crowd')
    working = service.client(ALICE)
    working.send({'do': 'wait', 'fifo': fifo, 'n': 1})
    with open(fifo, 'w'):
        crowd = [service.client(ALICE) for _ in range(15)]
        same(service.ask(BOB)['uid'], BOB, 'one user has 16 connections, and another is served')
        ok(not any(client.is_closed() for client in crowd), 'they stay')
        more = [service.client(ALICE) for _ in range(3)]
        ok(soon(lambda: [c.is_closed() for c in crowd] == [True] * 3 + [False] * 12),
           'the oldest idle ones give way to new ones', [c.is_closed() for c in crowd])
        same([any(c.is_closed() for c in more), working.is_silent()], [False, True],
             'those with a message in work do not')
    same(working.answer()['n'], 1, 'they are answered')


def test_flood(service):
    """Half requests of one user, of many, and of root; one who comes again and again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1400:
        skip('a thousand connections', 'a process may have %d descriptors only' % hard)
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name, uids, each in (('one user', [ALICE], 1000), ('root', [0], 1100),
                             ('20 users', range(ALICE, ALICE + 20), 50)):
        crowd = [service.client(uid, b'{"half') for uid in uids for _ in range(each)]
        for who, uid in (('root', 0), ('another user', ALICE - 1))[:1 if name == 'root' else 2]:
            begin = time.monotonic()
            got = service.ask(uid, n=9)
            took = time.monotonic() - begin
            ok(got is not None and got['n'] == 9 and took < 1,
               '%d half requests of %s do not delay %s: %.1f ms'
               % (len(crowd), name, who, 1000 * took), got)
        for client in crowd:
            client.socket.close()
    ok(max(map(int, os.listdir('/proc/%d/fd' % service.process.pid))) < 1100,
       'no more than 1024 were kept')
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    code = ('import os, socket, sys\nos.setuid(int(sys.argv[2]))\nkept = []\nprint(flush=True)\n'
            'while True:\n s = socket.socket(socket.AF_UNIX)\n s.connect(sys.argv[1])\n'
            ' s.send(b"{")\n kept = kept[-100:] + [s]\n')
    child = subprocess.Popen([sys.executable, '-ISc', code, service.path, str(BOB)],
                             stdout=subprocess.PIPE)
    child.stdout.readline()
    times = []
    for _ in range(50):
        begin = time.monotonic()
        service.ask()
        times.append(time.monotonic() - begin)
    ok(child.poll() is None and max(times) < 1, 'a user that connects without end does not delay '
       'root: %.1f ms at most' % (1000 * max(times)))
    child.kill()
    child.communicate()


# What takes seconds begins first, goes on in the background, and is looked at last.

def begin_deadlines(service):
    cases = [('%s of %s' % (what, who), service.client(uid, text))
             for who, uid in (('root', ME), ('a user', ALICE))
             for what, text in (('nothing', b''), ('half a message', b'{"half'))]
    lives = [(name, background.submit(client.lifetime)) for name, client in cases]
    unread = service.client()
    unread.send({'do': 'stream', 'defer': True, 'parts': 200})
    lives.append(('an answer that is not read', background.submit(unread.lifetime)))

    def drip(client):
        for _ in range(100):
            if client.is_closed():
                break
            with contextlib.suppress(OSError):
                client.socket.send(b'1')
            time.sleep(0.1)
        return client.lifetime()

    def come_again(client):
        time.sleep(2)
        got = client.ask(n=1)
        client.start = time.monotonic()
        return client.lifetime() if got['n'] == 1 else 0
    def read_late(client):
        client.send({'do': 'stream', 'defer': True, 'parts': 80})
        time.sleep(2)
        parts = [client.answer()['part'] for _ in range(80)]
        client.start = time.monotonic()
        return client.lifetime() if parts == list(range(80)) else 0
    lives.append(('an answer that is read late', background.submit(read_late, service.client())))
    lives.append(('byte by byte', background.submit(drip, service.client())))
    lives.append(('a second message', background.submit(come_again, service.client())))
    return lives, cases, unread


def end_deadlines(service, begun):
    for name, life in begun[0]:
        ok(4.8 < life.result() < 8, 'a connection is closed after 5 s: ' + name,
           '%.1f s' % life.result())
    with open('/proc/%d/status' % service.process.pid) as f:
        peak = [int(line.split()[1]) for line in f if line.startswith('VmHWM:')][0]
    ok(peak < 8192 or SANITIZED, 'who does not read costs little memory: %d KiB' % peak)
    same(service.ask(n=1, defer=True)['n'], 1, 'the worker is free again')


def begin_busy(service):
    fifos = [service.fifo(name) for name in ('one', 'two')]
    working = [service.client(uid) for uid in (ALICE, BOB)]
    for client, fifo in zip(working, fifos):
        client.send({'do': 'wait', 'fifo': fifo, 'n': 1})
    opened = [open(fifo, 'w') for fifo in fifos]
    client = service.client(CAROL)
    client.send({'n': 2}, {'n': 3})

    def wait():
        first, life = client.answer(), time.monotonic() - client.start
        for fifo in opened:
            fifo.close()
        return first, life, client.answer(), [w.answer() for w in working]
    return background.submit(wait)


def end_busy(begun):
    first, life, second, others = begun.result()
    same([first, second['n'], [other['n'] for other in others]], [BUSY, 3, [1, 1]],
         'what has waited too long is told so; the others go on')
    ok(4.8 < life < 8, 'after 5 s', '%.1f s' % life)


def begin_pace(service):
    client = service.client(CAROL)
    client.send(*({'n': n} for n in range(62)))

    def wait():
        times = []
        for n in range(62):
            times += [time.monotonic()] if client.answer()['n'] == n else []
        return times
    return background.submit(wait)


def end_pace(begun):
    times = begun.result()
    ok(len(times) == 62 and times[59] - times[0] < 1 < times[61] - times[0] < 4,
       'a user has a burst of messages, and then one in a second', times)


def begin_minute():
    """With a clock that goes ten times as fast, for totpd alone."""
    library = [path for pattern in ('/usr/lib*', '/usr/lib*/*')
               for path in glob.glob(pattern + '/faketime/libfaketime.so.1')]
    if not library or not ROOT:
        return None
    service = Service(inherits=True, faketime=(library[0], '+0 x10'))
    hung, slow = service.client(), service.client()
    hung.send({'do': 'never', 'defer': True})
    slow.send({'n': 1, 'defer': True})

    def wait():
        pid, begin = slow.answer()['pid'], time.monotonic()
        left = soon(lambda: not is_there(pid)) and time.monotonic() - begin
        hung.answer()
        failed, life = hung.answer(), time.monotonic() - hung.start
        return left, failed, life, service.process.wait(30), time.monotonic() - begin
    return service, background.submit(wait)


def end_minute(begun):
    if begun is None:
        skip('minutes', 'this takes libfaketime and root')
        return
    service, waiting = begun
    left, failed, life, status, lasted = waiting.result()
    ok(0.9 < left < 3, 'an idle slow worker leaves after 10 s', '%.1f s' % (10 * left))
    same(failed, FAILED, 'a worker that hangs is killed')
    ok(1.4 < life < 4, 'after 15 s', '%.1f s' % (10 * life))
    same(status, 0, 'a service started for its socket leaves when it is not used')
    ok(6 < lasted < 12, 'after a minute', '%.1f s' % (10 * lasted))
    client = service.client()
    client.send({'n': 5})
    service.start()
    same(client.answer()['n'], 5, 'who comes then is answered by the next one')
    same(service.end()[0], 0, 'it ends')


service = Service('--config', '/nowhere')
timed = Service()
deadlines, minute = begin_deadlines(timed), begin_minute()
pace = begin_pace(Service())
if ROOT:
    crowded = Service()
    busy = begin_busy(crowded)
    test_messages(service, 0, 'root')
    test_deaths(service, 0, 'root')
    test_worker_state(service)
    test_fast(service)
    test_turns(service)
    test_crowd(service)
    test_flood(service)
else:
    skip('what root and different users ask', 'only root can be all of them')
test_messages(service, ALICE, 'user')
test_deaths(service, BOB, 'user')
end_pace(pace)
end_deadlines(timed, deadlines)
if ROOT:
    end_busy(busy)
end_minute(minute)
same({(s.end()[0], len(s.children())) for s in running()}, {(0, 0)}, 'all end and leave no worker')
done()
