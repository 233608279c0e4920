#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The verb log."""
import json
import os
import pwd
import re
import sqlite3
import subprocess
import sys
sys.dont_write_bytecode = True
from host import Host, done, hotp, ok, same

FIELDS = ['time', 'user', 'service', 'rhost', 'verdict', 'method', 'device', 'action', 'tty', 'actor']
TIME = r'20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ'

host = Host()
same(host.run('--json', 'log').stdout, '{"events":[]}\n', 'nothing has happened')
device = host.enroll('alice', '--type', 'hotp')
host.run('verify', 'alice', stdin=hotp(device['secret'], 1))
host.run('add', 'bob')
events = host.json('log')['events']
same([(e['action'], e['user'], e['verdict'], e['method'], e['device']) for e in events],
     [('enroll', 'alice', None, None, 'token'), ('confirm', 'alice', 'accepted', None, 'token'),
      ('login', 'alice', 'accepted', 'hotp', 'token'), ('add', 'bob', None, None, None)],
     'every verb that changes something leaves an event')
same([list(e) for e in events], [FIELDS] * 4, 'their fields')
ok(all(re.fullmatch(TIME, e['time']) for e in events), 'their times are RFC 3339', events)
same({(e['service'], e['actor']) for e in events}, {('totpctl', pwd.getpwuid(os.getuid()).pw_name)},
     'who did it, and with what')
lines = host.run('log').stdout.splitlines()
ok(re.fullmatch(TIME + ' login accepted user=alice service=totpctl method=hotp device=token actor=.*',
                lines[2]), 'a line of text', lines)
same(len(lines), 4, 'a line each')
same([e['action'] for e in host.json('log', 'bob')['events']], ['add'], 'of one user')
for since, count in (('1h', 4), ('1970-01-01', 4)):
    same(len(host.json('log', '--since', since)['events']), count, '--since %s' % since)
for words, count in ((['--service', 'totpctl'], 4), (['--service', 'sshd'], 0),
                     (['--verdict', 'accepted'], 2), (['--verdict', 'wrong'], 0),
                     (['alice', '--verdict=accepted', '--service=totpctl', '--since=1h'], 2),
                     (['bob', '--verdict=accepted'], 0)):
    same(len(host.json('log', *words)['events']), count, ' '.join(words))
for word in ('accepted', 'wrong', 'replayed', 'malformed', 'locked', 'unenrolled', 'disabled', 'exempt',
             'grace', 'failed'):
    ok(word in host.run('log', '--verdict', 'acepted').stderr, 'what it takes names %s' % word)
    same(host.run('log', '--verdict', word).returncode, 0, '--verdict %s' % word)
for words in (['--verdict', 'acepted'], ['--verdict', ''], ['--verdict'], ['--service']):
    same(host.run('log', *words).returncode, 2, 'log %s' % ' '.join(words))
# what finds nothing, and would look like good news
for words, says in ((['--since', '2099-12-31T23:59:59Z'], '--since: this is in the future'),
                    (['--since', '2099-12-31', '--json'], '--since: this is in the future'),
                    (['--service', ''], '--service: it takes the name of a PAM service'),
                    (['--service=', 'alice'], '--service: it takes the name of a PAM service'),
                    ([''], "log: the user's name is empty")):
    run = host.run('log', *words)
    ok(run.returncode == 2 and run.stdout == '' and says in run.stderr
       and '\nusage: totpctl' in run.stderr and ' log [USER]' in run.stderr,
       'log %r is refused' % words, run.stdout + run.stderr)
host.run('remove', 'alice')
same(len(host.json('log', 'alice')['events']), 4, 'events outlive the account')

# more than is read at a time; hostile values
db = sqlite3.connect(host.db)
db.executemany("INSERT INTO event (time, action, user, service, rhost, tty, verdict, method, device, "
               "actor) VALUES (?, 'login', 'eve', 'sshd', ?, '', 'wrong', '', '', '')",
               [(n, '\x1b[31m"\u202e') for n in range(1, 301)])
db.executemany("INSERT INTO event (time, action, user, service, rhost, tty, verdict, method, device, "
               "actor) VALUES (1, 'login', 'zoe', 'sshd', '192.0.2.1', '', ?, '', '', '')",
               [('exempt',), ('grace',)])
db.commit()
db.close()
same([e['time'][14:19] for e in host.json('log', 'eve')['events']],
     ['%02d:%02d' % divmod(n, 60) for n in range(1, 301)], 'all of many events, in order')
ok(r'rhost="\x1b[31m\"\xe2\x80\xae"' in host.run('log', 'eve').stdout, 'hostile values are escaped')
ok('\x1b' not in host.run('--json', 'log', 'eve').stdout, 'also in a document')

for word in 'exempt', 'grace':
    same([(e['user'], e['verdict']) for e in host.json('log', '--verdict', word)['events']],
         [('zoe', word)], '--verdict %s finds it' % word)
    same(host.run('log', 'zoe', '--verdict', word).stdout,
         '1970-01-01T00:00:01Z login %s user=zoe service=sshd rhost=192.0.2.1\n' % word,
         'in words too')

# --follow
for words, want in ((['log', '--follow', '--since', '2026-01-01'], lambda l: ' unlock user=bob' in l),
                    (['log', '--follow', '--json', 'bob'],
                     lambda l: json.loads(l)['action'] == 'unlock')):
    follower = subprocess.Popen(host.command(*words), stdout=subprocess.PIPE, text=True)
    first = follower.stdout.readline()
    host.run('unlock', 'bob')
    line = first
    while line and not want(line):
        line = follower.stdout.readline()
    ok(first and line, '%s shows what happens' % ' '.join(words))
    follower.stdout.close()
    same(follower.wait(timeout=30), 0, 'and ends when nobody reads')
follower = subprocess.Popen(host.command('log', '--follow'), stdout=subprocess.PIPE, text=True)
follower.stdout.readline()
follower.terminate()
same(follower.wait(timeout=30), -15, 'or at a signal')
follower.stdout.close()
host.check_messages()
done()
