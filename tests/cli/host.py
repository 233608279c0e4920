# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the command line share: a throw-away host, one-time codes, TAP."""
import atexit
import base64
import hashlib
import hmac
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

TOTPCTL = os.path.join(os.environ['builddir'], 'totpctl')
results = []


def ok(condition, name, why=''):
    results.append(bool(condition))
    print('%s %d - %s' % ('ok' if condition else 'not ok', len(results), name), flush=True)
    if not condition:
        for line in str(why).splitlines():
            print('# ' + line, flush=True)


def same(got, expected, name):
    ok(got == expected, name, 'expected %r\ngot      %r' % (expected, got))


def skip(name, reason):
    results.append(True)
    print('ok %d - %s # SKIP %s' % (len(results), name, reason), flush=True)


def done():
    print('1..%d' % len(results))
    sys.exit(0 if all(results) else 1)


def temporary():
    path = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, path, True)
    return path


def hotp(secret, counter, digits=6, algorithm='SHA1'):
    """RFC 4226, of a key in base32 without padding."""
    key = base64.b32decode(secret + '=' * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack('>Q', counter), getattr(hashlib, algorithm.lower())).digest()
    at = mac[-1] & 15
    return '%0*d' % (digits, (struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 10 ** digits)


def totp(secret, ahead=0, period=30, digits=6, algorithm='SHA1'):
    """The code of this step, or of one so many steps ahead, as oathtool has it."""
    when = time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(time.time() + ahead * period))
    return subprocess.run(['oathtool', '--totp=' + algorithm, '-d', str(digits), '-b', '-N', when,
                           '-s', '%ds' % period, secret],
                          check=True, capture_output=True, text=True).stdout.strip()


def wrong(secret, counters=None):
    """Six digits that no step or counter near has."""
    near = counters or range(int(time.time()) // 30 - 20, int(time.time()) // 30 + 20)
    codes = {hotp(secret, n) for n in near}
    return next(c for c in ('%06d' % n for n in range(100)) if c not in codes)


class Host:
    """A configuration, a key and a store of its own."""

    def __init__(self, config='', init=True):
        self.dir = temporary()
        self.config = os.path.join(self.dir, 'totp.conf')
        self.key = os.path.join(self.dir, 'etc', 'key')
        self.db = os.path.join(self.dir, 'lib', 'totp.db')
        self.hidden = []  # what no message may show
        self.messages = ''
        with open(self.config, 'w') as f:
            f.write('store = sqlite:%s\nkey_file = %s\n%s' % (self.db, self.key, config))
        os.chmod(self.config, 0o644)
        if init:
            self.run('init', '--quiet')

    def command(self, *words):
        return [TOTPCTL, '--config', self.config, *words]

    def run(self, *words, stdin='', **rest):
        run = subprocess.run(self.command(*words), input=stdin.encode(), timeout=60,
                             stdout=rest.pop('stdout', subprocess.PIPE), stderr=subprocess.PIPE,
                             **rest)
        run.stdout = (run.stdout or b'').decode()
        run.stderr = run.stderr.decode()
        self.messages += run.stderr
        return run

    def json(self, *words, stdin=''):
        """The document of a verb that must succeed."""
        run = self.run('--json', *words, stdin=stdin)
        if run.returncode != 0:
            raise AssertionError('%r: %d %s' % (words, run.returncode, run.stderr))
        return json.loads(run.stdout)

    def enroll(self, user, *words, confirm=True):
        """A new device's document, confirmed by its code."""
        device = self.json('enroll', user, *words)
        self.hidden.append(device['secret'])
        if confirm:
            code = totp(device['secret']) if device['type'] == 'totp' \
                else hotp(device['secret'], device['counter'])
            self.hidden.append(code)
            device['tokens'] = self.json('confirm', user, device['device'],
                                         stdin=code + '\n')['backup_tokens']
            self.hidden += device['tokens']
        return device

    def status(self, expected, name, *words, stdin=''):
        """A test of the exit status; what fails says why."""
        run = self.run(*words, stdin=stdin)
        said = run.stderr.startswith('totpctl: ') or words[0] == 'verify' and run.stdout
        ok(run.returncode == expected and (expected == 0 or said), name,
           '%d: %s%s' % (run.returncode, run.stdout, run.stderr))
        return run

    def check_messages(self):
        shown = [s for s in self.hidden if s in self.messages]
        ok(not shown and 'Sanitizer' not in self.messages, 'no message shows a code or a secret',
           '%r in %s' % (shown, self.messages))
