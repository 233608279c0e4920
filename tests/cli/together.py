#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Several totpctl at once: one truth."""
import subprocess
import sys
sys.dont_write_bytecode = True
from host import Host, done, hotp, ok, same

MANY = 8
host = Host(init=False)


def together(commands, stdin=''):
    """Starts all, then lets them read; exit statuses and outputs."""
    runs = [subprocess.Popen(c, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for c in commands]
    for run in runs:
        try:
            run.stdin.write(stdin)
            run.stdin.close()
        except BrokenPipeError:
            pass
        run.stdin = None
    return [(run.communicate(timeout=60), run.returncode) for run in runs]


ended = together([host.command('init')] * MANY)
same([status for _, status in ended], [0] * MANY, 'init, many at once')
same([sum(word in out for (out, _), _ in ended) for word in ('made the key', 'made the store')],
     [1, 1], 'one makes the key, one the store')
ended = together([host.command('add', 'alice')] * MANY)
same(sorted(status for _, status in ended), [0] + [1] * (MANY - 1), 'add: one is first')
ended = together([host.command('add', 'user%d' % n) for n in range(MANY)])
same([status for _, status in ended], [0] * MANY, 'different accounts do not disturb each other')
ended = together([host.command('enroll', 'bob')] * MANY)
same(sorted(status for _, status in ended), [0] * 5 + [1] * (MANY - 5), 'no more than max_devices')
labels = [d['device'] for d in host.json('show', 'bob')['devices']]
same(sorted(labels), ['phone', 'phone-2', 'phone-3', 'phone-4', 'phone-5'], 'each with its label')
device = host.json('enroll', 'carol', '--type', 'hotp')
ended = together([host.command('confirm', 'carol')] * MANY, hotp(device['secret'], 0) + '\n')
same(sorted(status for _, status in ended), [0] + [3] * (MANY - 1), 'a device is confirmed once')
tokens = [out.split() for (out, _), status in ended if status == 0][0]
for name, typed in (('a code', hotp(device['secret'], 1)), ('a backup token', tokens[0])):
    ended = together([host.command('verify', 'carol')] * 4, typed + '\n')
    same(sorted(status for _, status in ended), [0, 1, 1, 1], '%s is accepted once' % name)
same(host.json('backup', 'status', 'carol')['left'], 9, 'nine tokens are left')
ok(not any('Sanitizer' in err for (_, err), _ in ended), 'cleanly')
done()
