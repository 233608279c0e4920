# SPDX-License-Identifier: BSD-2-Clause
"""What the test of totpd's front needs: totpd beside stubs in the place of its workers, clients of
any user, and the same TAP as the command line's tests."""
import atexit
import contextlib
import glob
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from host import done, ok, same, skip, temporary  # noqa: F401

TOTPD = os.path.join(os.environ['builddir'], 'totpd', 'totpd')
ROOT = os.geteuid() == 0
with open(TOTPD, 'rb') as program:
    SANITIZED = b'__asan_init' in program.read()
MARK = 'hunter2'  # what no log line may show
PATIENCE = 30     # seconds until what must happen counts as not happening

STUB = '''#!%s -IS
import json, os, select, signal, socket, struct, sys
FINAL, DEFER, CLOSE = 1, 2, 4
link = socket.socket(fileno=3)
held = []
def say(number, flags, *answers):
    text = b''.join(json.dumps(answer).encode() + b'\\0' for answer in answers)
    link.send(struct.pack('=4I', number, 0, flags, len(text)) + text)
def status(field):
    for line in open('/proc/self/status'):
        if line.startswith(field + ':'):
            return line.split()[1]
link.send(struct.pack('=4I', 0, 0, 0, 0))  # it has started
while True:
    frame = link.recv(70000)
    if not frame:
        break
    number, uid, flags, length = struct.unpack('=4I', frame[:16])
    text = frame[16:]
    assert len(text) == length and text.endswith(b'\\0')
    message = json.loads(text[:-1])
    do = message.get('do', 'echo')
    about = {'kind': sys.argv[1], 'pid': os.getpid(), 'uid': uid, 'n': message.get('n')}
    if message.get('defer') and sys.argv[1] == '--fast':
        say(number, FINAL | DEFER)
    elif do == 'wait':  # until somebody has had the FIFO open
        open(message['fifo']).read()
        say(number, FINAL, about)
    elif do == 'hold':  # answers come backwards when there are enough of them
        held.append((number, about))
        if len(held) == message['until']:
            about['more'] = bool(select.select([link], [], [], 0.2)[0])
            while held:
                number, about = held.pop()
                say(number, FINAL, about)
    elif do == 'never':
        say(number, 0, about)
    elif do == 'die':
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == 'babble':
        link.send(b'x')
    elif do == 'stream':
        for i in range(message['parts']):
            say(number, 0, {'part': i, 'fill': 60000 * 'x'})
        say(number, FINAL)
    elif do == 'close':
        say(number, FINAL | CLOSE, about)
    elif do == 'nothing':
        say(number, FINAL)
    elif do == 'state':
        about['environment'] = open('/proc/self/environ').read()
        about['arguments'] = sys.argv[1:]
        about['descriptors'] = sorted(int(fd) for fd in os.listdir('/proc/self/fd')
                                      if os.path.exists('/proc/self/fd/' + fd))
        about['input'] = os.readlink('/proc/self/fd/0')
        about['blocked'] = int(status('SigBlk'), 16)
        about['core'] = [line.split()[4] for line in open('/proc/self/limits')
                         if line.startswith('Max core')][0]
        say(number, FINAL, about)
    else:
        say(number, FINAL, dict(about, length=len(text)))
''' % os.path.realpath(sys.executable)

def soon(condition):
    """Whether it becomes true: looked at often, as nothing tells of it."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def is_there(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


@contextlib.contextmanager
def acting_as(uid):
    """Only the main thread starts and connects anything."""
    if uid is not None and uid != os.geteuid():
        os.seteuid(uid)
    try:
        yield
    finally:
        if ROOT and os.geteuid() != 0:
            os.seteuid(0)


# Copies descriptors to 3 and up; only totpd shall have another clock.
MANAGER = '''import os, sys
end = sys.argv.index('--')
for i, fd in enumerate([os.dup2(int(fd), 100 + int(fd)) for fd in sys.argv[1:end]]):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='x',
                  LD_PRELOAD=os.environ.pop('PRELOAD', ''))
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
'''


class Client:
    def __init__(self, path, uid=None, text=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.rest = b''
        # With a timeout of Python's, connecting would not wait for its turn.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                               struct.pack('ll', PATIENCE, 0))
        with acting_as(uid):
            self.socket.connect(path)
        self.socket.settimeout(PATIENCE)
        self.start = time.monotonic()
        if text is not None:
            self.socket.sendall(text)

    def send(self, *messages):
        self.socket.sendall(b''.join(json.dumps(m).encode() + b'\0' for m in messages))

    def answer(self):
        """None at the end of the connection."""
        while b'\0' not in self.rest:
            try:
                got = self.socket.recv(1 << 20)
            except ConnectionResetError:
                got = b''
            if not got:
                return None
            self.rest += got
        text, _, self.rest = self.rest.partition(b'\0')
        return json.loads(text)

    def ask(self, **message):
        self.send(message)
        return self.answer()

    def is_silent(self):
        return not select.select([self.socket], [], [], 0)[0]

    def is_closed(self):
        """By the other side; what was sent stays unread."""
        poll = select.poll()
        poll.register(self.socket, 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    def lifetime(self):
        """Seconds until the other side closes."""
        poll = select.poll()
        poll.register(self.socket, 0)
        poll.poll(PATIENCE * 1000)
        return time.monotonic() - self.start


class Service:
    """totpd in a directory of its own, beside the stub."""

    def __init__(self, *words, inherits=False, faketime=None, stub=STUB, start=True):
        self.dir = temporary()
        os.chmod(self.dir, 0o755)
        self.path = os.path.join(self.dir, 'run', 'totpd')
        self.program = os.path.join(self.dir, 'totpd')
        self.log = os.path.join(self.dir, 'log')
        self.words, self.faketime = words, faketime
        self.environment = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', ''),
                            'UBSAN_OPTIONS': os.environ.get('UBSAN_OPTIONS', '')}
        self.process = self.socket = None
        if inherits:
            os.mkdir(os.path.dirname(self.path))
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(self.path)
            self.socket.listen()
            os.chmod(self.path, 0o666)
        shutil.copy(TOTPD, self.program)
        self.put_stub(stub)
        services.append(self)
        if start:
            self.start()

    def put_stub(self, text):
        if text is not None:
            with open(os.path.join(self.dir, 'totpd-worker'), 'w') as f:
                f.write(text)
            os.chmod(f.name, 0o755)

    def launch(self, *words, passed=(), environment=()):
        """With sockets passed as a service manager does it."""
        environment = dict(self.environment, **dict(environment))
        if self.faketime:
            environment.update(PRELOAD=self.faketime[0], FAKETIME=self.faketime[1])
            environment['ASAN_OPTIONS'] += ':verify_asan_link_order=0'
        command = [self.program, *self.words, *words]
        if passed:
            environment['LISTEN_FDS'] = str(len(passed))
            command = [sys.executable, '-ISc', MANAGER, *(str(s.fileno()) for s in passed), '--',
                       *command]
        with open(self.log, 'ab') as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=environment, pass_fds=[s.fileno() for s in passed])

    def start(self, *words, **rest):
        if self.socket is not None:
            self.process = self.launch(*words, passed=[self.socket], **rest)
            return
        self.process = self.launch('--listen', self.path, *words, **rest)
        if not soon(lambda: self.process.poll() is not None or self.answers()) or \
                self.process.poll() is not None:
            raise AssertionError('totpd does not start: ' + self.logged())

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.path) == 0

    def refusal(self, process, word):
        """The exit status of one that shall not start, and whether it says why with this word."""
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode, word in self.logged().splitlines()[-1]

    def logged(self):
        with open(self.log) as f:
            return f.read()

    def client(self, uid=None, text=None):
        return Client(self.path, uid, text)

    def ask(self, uid=None, **message):
        return self.client(uid).ask(**message)

    def fifo(self, name):
        path = os.path.join(self.dir, name)
        os.mkfifo(path)
        return path

    def children(self):
        found = []
        for name in glob.glob('/proc/[0-9]*/cmdline'):
            with contextlib.suppress(OSError):
                with open(name) as f:
                    if self.dir + '/totpd-worker' in f.read().split('\0'):
                        found.append(int(name.split('/')[2]))
        return found

    def clean_up(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)

    def end(self, number=signal.SIGTERM):
        """Its exit status, and seconds."""
        begin = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        return status, time.monotonic() - begin


services = []


def running():
    return [s for s in services if s.process is not None and s.process.poll() is None]


atexit.register(lambda: [service.clean_up() for service in services])
