#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The verb stats."""
import calendar
import collections
import fcntl
import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
import termios
import time
sys.dont_write_bytecode = True
from host import Host, done, ok, same, wrong

VERDICTS = ('accepted wrong replayed malformed locked unenrolled disabled exempt grace').split()
STATES = 'active pending no_device disabled locked closed'.split()
AGES = '1d 7d 30d 90d older never'.split()
FIELDS = ['since', 'time', 'logins', 'verdicts', 'audited', 'days', 'accounts', 'devices', 'last_used',
          'backup_tokens']
DAY = 86400
HOUR = 3600


def text(when):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(when))


def seconds(when):
    return calendar.timegm(time.strptime(when, '%Y-%m-%dT%H:%M:%SZ'))


def write(sql, rows=((),)):
    db = sqlite3.connect(host.db)
    with db:
        db.executemany(sql, rows)
    db.close()


def happen(*events):
    """Each a time, a verdict and, unless it is a login, what else."""
    write("INSERT INTO event (time, action, user, service, rhost, tty, verdict, method, device, "
          "actor) VALUES (?, ?, 'eve', 'sshd', '192.0.2.1', '', ?, '', '', '')",
          [(when, (*action, 'login')[0], verdict) for when, verdict, *action in events])


def zeros(words, **others):
    return dict(dict.fromkeys(words, 0), **others)


# nothing yet
host = Host('max_failures = 1\nlock_time = 1h\nlock_time_max = 1h\n')
empty = host.json('stats')
same(list(empty), FIELDS, 'the fields of the document')
same({k: v for k, v in empty.items() if k not in ('since', 'time', 'days')},
     {'logins': 0, 'verdicts': zeros(VERDICTS), 'audited': zeros(VERDICTS), 'accounts': zeros(STATES),
      'devices': {t: zeros(['pending', 'active', 'disabled']) for t in ('totp', 'hotp', 'email')},
      'last_used': zeros(AGES), 'backup_tokens': zeros(['none', 'few', 'enough'])},
     'all there can be is named, with 0')
same([list(empty[f]) for f in ('verdicts', 'audited', 'accounts', 'last_used')],
     [VERDICTS, VERDICTS, STATES, AGES],
     'in the order of the manual')
same(seconds(empty['time']) - seconds(empty['since']), 30 * DAY, '30 days unless said otherwise')
first = seconds(empty['since']) // DAY
same(empty['days'], [{'day': text(day * DAY)[:10], 'logins': 0, 'accepted': 0}
                     for day in range(first, seconds(empty['time']) // DAY + 1)],
     'a row for each day, also where nothing happened, oldest first')
run = host.run('stats')
ok(run.returncode == 0 and run.stderr == '' and '#' not in run.stdout, 'as text', run.stdout)
ok('AUDIT' not in run.stdout, 'of audited logins nothing is said while there are none', run.stdout)

# accounts, each in one state: the first that holds
for n, words in enumerate((['--type', 'hotp'], [], ['--type', 'hotp'], ['--type', 'hotp'], [],
                           ['--type', 'hotp'], ['--type', 'hotp'])):
    host.enroll('active%d' % n, *words)
host.enroll('active0', '--device', 'spare', confirm=False)
host.enroll('pending', confirm=False)
host.run('add', 'nobody')
for user in 'off', 'away', 'locked', 'closed':
    device = host.enroll(user)
    if user in ('locked', 'closed'):
        host.run('verify', user, stdin=wrong(device['secret']) + '\n')
    if user != 'away':
        host.run('disable', user)
host.run('disable', 'away', 'phone')
host.run('lock', 'closed')
counted = host.json('stats')
same(counted['accounts'], dict(zip(STATES, (7, 1, 2, 1, 1, 1))), 'accounts by state')
records = [host.json('show', u['user']) for u in host.json('list')['users']]
same(sum(counted['accounts'].values()), len(records), 'add up to all of them')
same({(t, s): n for t, row in counted['devices'].items() for s, n in row.items() if n > 0},
     collections.Counter((d['type'], d['state']) for r in records for d in r['devices']),
     'devices by type and state')
same((counted['logins'], counted['verdicts']), (2, zeros(VERDICTS, wrong=2)),
     'codes at the command line are logins, what else is done there is none')

# backup tokens
host.run('backup', 'revoke', 'active0')
host.run('backup', 'revoke', 'away')
for user, count in (('active1', 1), ('active2', 2), ('active3', 3)):
    host.run('backup', 'new', user, '--count', str(count))
same(host.json('stats')['backup_tokens'], {'none': 1, 'few': 2, 'enough': 7},
     'backup tokens of accounts with an active device')

# the last use of active devices
now = int(time.time())
ages = [('active0', -HOUR), ('active1', DAY - HOUR), ('active2', DAY), ('active3', 7 * DAY),
        ('active4', 30 * DAY), ('active5', 90 * DAY), ('active6', now + 1), ('off', 7 * DAY - HOUR),
        ('locked', 30 * DAY - HOUR), ('closed', 90 * DAY - HOUR), ('away', 0)]
write("UPDATE device SET last_used = ? WHERE state <> 'pending' AND account = "
      "(SELECT id FROM account WHERE name = ?)", [(now - age, user) for user, age in ages])
same(host.json('stats')['last_used'], dict(zip(AGES, (2, 2, 2, 2, 1, 1))),
     'by age, each under the least that is more')

# logins by verdict and by day
midnight = now // DAY * DAY
since = midnight - 3 * DAY + HOUR
write('DELETE FROM event')
happen((since - 1, 'accepted'), (since, 'accepted'), (since + 1, 'accepted', 'proof'),
       (since + 2, '', 'unlock'), (midnight - DAY - 1, 'accepted'), (midnight - DAY - 2, 'zeta'),
       (midnight - DAY - 3, 'alpha'), (midnight - DAY - 4, ''), (now + HOUR, 'accepted'),
       *[(midnight - DAY + n, 'exempt') for n in range(40)], (midnight - DAY, 'grace'))
counted = host.json('stats', '--since', text(since))
same(counted['since'], text(since), 'since then')
same(list(counted['verdicts'].items()),
     [*zeros(VERDICTS, accepted=2, exempt=40, grace=1).items(), ('alpha', 1), ('none', 1),
      ('zeta', 1)], 'by verdict: those that are not known come last')
same(sum(counted['verdicts'].values()), counted['logins'], 'add up to all logins')
days = {d['day']: (d['logins'], d['accepted']) for d in counted['days']}
same([days[text(midnight - n * DAY)[:10]] for n in (3, 2, 1)], [(1, 1), (4, 1), (41, 0)],
     'by day, from midnight to midnight in UTC')
same(sum(logins for logins, _ in days.values()), counted['logins'], 'add up to all logins')
same([len(host.json('stats', '--since', ago)['days']) for ago in ('0', '3650d')], [1, 3651],
     'from now to ten years ago')

# logins under audit_only
before = host.json('stats', '--since', text(since))
happen((midnight - DAY, 'wrong', 'audit'), (midnight - DAY, 'accepted', 'audit'),
       (midnight - DAY, 'wrong', 'audit'), (midnight - DAY, 'beta', 'audit'),
       (midnight - DAY, '', 'audit'), (since - 1, 'wrong', 'audit'), (now + HOUR, 'wrong', 'audit'))
counted = host.json('stats', '--since', text(since))
same(list(counted['audited'].items()),
     [*zeros(VERDICTS, accepted=1, wrong=2).items(), ('beta', 1), ('none', 1)],
     'logins under audit_only are counted')
same({k: v for k, v in counted.items() if k not in ('audited', 'time')},
     {k: v for k, v in before.items() if k not in ('audited', 'time')}, 'apart')
run = host.run('stats', '--since', text(since))
shown = run.stdout.partition('\nUNDER AUDIT_ONLY    COUNT\n')[2].partition('\n\n')[0].splitlines()
same([line.split() for line in shown], [[word, str(n)] for word, n in counted['audited'].items()],
     'text has a table of its own')
judge = Host('audit_only = yes\n')
token = judge.enroll('alice')['secret']
judge.run('verify', 'alice', stdin=wrong(token) + '\n')
counted = judge.json('stats')
same((counted['logins'], sum(counted['audited'].values()), counted['audited']['wrong']), (0, 1, 1),
     'a code that is judged under audit_only')
judge.check_messages()

# rows for people
rows = [line.split('  ')[0] for line in run.stdout.splitlines()]
ok({'active', 'no device', 'locked', 'closed', 'older', 'never', 'none left', 'few', 'enough'}
   <= set(rows) and 'no_device' not in rows, 'rows are named as list and show name them', rows)
lines = run.stdout.splitlines()
heading = next(n for n, line in enumerate(lines) if line.startswith('DEVICES'))
same([len(line) for line in lines[heading:heading + 3]], [len(lines[heading])] * 3,
     'numbers of devices end where their headings do')

# the chart
HEADING = 'DAY           LOGINS  ACCEPTED'


def chart(shown):
    return shown.partition(HEADING + '\n')[2].partition('\n\n')[0].split('\n')


def on_terminal(columns, locale):
    mine, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
    shown = b''
    with subprocess.Popen(host.command('stats', '--since', text(since)), stdout=other,
                          env=dict(os.environ, LC_ALL=locale)):
        os.close(other)
        try:
            while got := os.read(mine, 65536):
                shown += got
        except OSError:  # EIO: the other side is closed
            pass
    os.close(mine)
    return shown.decode().replace('\r\n', '\n')


for locale, mark in (('C', '#'), ('C.UTF-8', '█')):
    run = host.run('stats', '--since', text(since), env=dict(os.environ, LC_ALL=locale))
    rows = chart(run.stdout)
    row = {r[:10]: r for r in rows}[text(midnight - DAY)[:10]]
    same(row, '%s        41         0  %s' % (text(midnight - DAY)[:10], mark * 48),
         '%s: the longest bar ends at column 80' % locale)
    same(rows[0], '%s         1         1  %s' % (text(since)[:10], mark * 2),
         'others are in proportion, and seen')
    for columns in 39, 40, 130:
        rows = chart(on_terminal(columns, locale))
        same((max(map(len, rows)), max(r.count(mark) for r in rows)),
             (columns, columns - 32) if columns > 39 else (30, 0), 'a terminal of %d' % columns)
same(host.run('stats', '--quiet', '--since', text(since)).stdout.count('\n'),
     host.run('stats', '--since', text(since)).stdout.count('\n'), '--quiet: results are no remark')

# metrics
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def unescape(value):
    return re.sub(r'\\(.)', lambda m: '\n' if m[1] == 'n' else m[1], value)


def parse(exposed):
    """{metric: {labels: value}}, as the text exposition format has it; each metric in one piece,
    its HELP and TYPE before it."""
    metrics, current, about = {}, None, []
    if not exposed.endswith('\n'):
        raise ValueError('the last line does not end')
    for line in exposed[:-1].split('\n'):
        if line.startswith('# '):
            _, what, name, said = line.split(' ', 3)
            about.append((what, name))
            if what == 'HELP':
                current = name
                if name in metrics or not said:
                    raise ValueError('twice, or no help: ' + line)
                metrics[name] = {}
            elif (what, name, said) != ('TYPE', current, 'gauge'):
                raise ValueError('out of place: ' + line)
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        found = LABEL.findall(labels or '')
        if name != current or about[-2:] != [('HELP', name), ('TYPE', name)] or \
                ''.join(LABEL.sub('', labels or '')):
            raise ValueError('out of place: ' + line)
        key = tuple((label, unescape(v)) for label, v in found)
        if key in metrics[name]:
            raise ValueError('twice: ' + line)
        metrics[name][key] = int(value)
    return metrics


def by(label, counts):
    return {((label, word),): n for word, n in counts.items()}


happen((midnight - DAY, 'a"b\\c'), (midnight - DAY, 'd\ne'))
counted = host.json('stats', '--since', text(since))
run = host.run('stats', '--prometheus', '--since', text(since))
same((run.returncode, run.stderr), (0, ''), '--prometheus')
metrics = parse(run.stdout)
stamp = metrics.pop('totp_stats_time_seconds')[()]
ok(now <= stamp <= time.time(), 'when it was counted', stamp)
same(metrics.pop('totp_logins_period_seconds'), {(): stamp - since}, 'over which time')
ok((('verdict', r'd\x0ae'),) in metrics['totp_logins'] and
   (('verdict', 'a"b\\c'),) in metrics['totp_logins'], 'hostile words are escaped', run.stdout)
same(metrics, {
    'totp_logins': by('verdict', counted['verdicts']),
    'totp_audited_logins': by('verdict', counted['audited']),
    'totp_accounts': by('state', counted['accounts']),
    'totp_devices': {(('type', t), ('state', s)): n for t, row in counted['devices'].items()
                     for s, n in row.items()},
    'totp_devices_last_used': by('age', counted['last_used']),
    'totp_accounts_backup_tokens': by('left', counted['backup_tokens']),
}, 'the metrics are what the document says')

# more words than there is room for
happen(*[(midnight - DAY, 'word%02d' % n) for n in range(60)])
counted = host.json('stats', '--since', text(since))
same((len(counted['verdicts']), sum(counted['verdicts'].values())), (32, counted['logins']),
     'no login is lost among too many words')
ok(counted['verdicts']['other'] > 0 and 'word00' in counted['verdicts'], 'those are others',
   counted['verdicts'])

# refused
for words, says in ((['--since', 'yesterday'], 'it takes a time such as'),
                    (['--since', ''], 'it takes a time such as'),
                    (['--since', '-1d'], 'it takes a time such as'),
                    (['--since', '2026-02-30'], 'it takes a time such as'),
                    (['--since', '2999-01-01'], 'this is in the future'),
                    (['--since', '3651d'], 'it can be 3650d ago at most'),
                    (['--since', '1970-01-01'], 'it can be 3650d ago at most'),
                    (['--since'], 'its argument WHEN is missing'),
                    (['--prometheus', '--json'], 'it does not go with --json'),
                    (['--prometheus=yes'], 'it takes no argument'),
                    (['--follow'], 'it does not take --follow'),
                    (['alice'], 'there are too many arguments')):
    run = host.run('stats', *words)
    ok(run.returncode == 2 and run.stdout == '' and run.stderr.startswith('totpctl: ')
       and says in run.stderr and 'usage: totpctl' in run.stderr,
       'refused: %s' % ' '.join(words), run.stderr)
with open('/dev/full', 'w') as full:
    same(host.run('stats', '--prometheus', stdout=full).returncode, 4, 'a file that is full')

# a record that cannot be read
write("UPDATE account SET role = 'king' WHERE name = 'active6'")
run = host.run('--json', 'stats')
ok(run.returncode == 4 and '"active":6' in run.stdout and 'active6' in run.stderr,
   'the others are counted', run.stdout + run.stderr)
run = host.run('stats', '--prometheus')
same((run.returncode, run.stdout), (4, ''), 'but are no metric')
host.check_messages()

host = Host(init=False)
same(host.run('stats').returncode, 4, 'without a store')
done()
