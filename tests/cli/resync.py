#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The verb resync: by two codes in a row, of a clock and of a counter; what show tells of drift."""
import sqlite3
import sys
import time
sys.dont_write_bytecode = True
from host import Host, done, hotp, ok, same, totp

host = Host()
status = host.status


def lines(*codes):
    host.hidden.extend(codes)
    return ''.join(code + '\n' for code in codes)


def drift(user):
    return host.json('show', user)['devices'][0]['drift']


# a clock
clock = host.enroll('alice')
same(drift('alice'), 0, 'a new device has no drift')
ok(' steps' not in host.run('show', 'alice').stdout, 'of which show says nothing')
run = status(1, 'codes of 100 steps ahead are refused', 'verify', 'alice',
             stdin=lines(totp(clock['secret'], 100)))
before = int(time.time()) // 30
pair = totp(clock['secret'], 100), totp(clock['secret'], 101)
found = host.json('resync', 'alice', stdin=lines(*pair))
same(found, {'user': 'alice', 'verdict': 'accepted', 'device': 'phone'}, 'resync finds them')
moved = int(time.time()) // 30 - before
ok(101 - moved <= drift('alice') <= 101, 'show has the drift', drift('alice'))
ok('clock %d steps ahead\n' % drift('alice') in host.run('show', 'alice').stdout,
   'and tells it to people', host.run('show', 'alice').stdout)
run = status(1, 'the same pair again', 'resync', 'alice', stdin=lines(*pair))
ok(run.stdout == 'replayed phone\n' and 'enroll alice --device phone --replace' in run.stderr
   and 'wait for the next' in run.stderr and 'counter' not in run.stderr, 'is replayed; what to do is told', run.stdout + run.stderr)
status(1, 'its last code is used up', 'verify', 'alice', stdin=lines(pair[1]))
same(host.json('verify', 'alice', stdin=lines(totp(clock['secret'], 102)))['verdict'], 'accepted',
     'the next one logs in')
behind = host.enroll('bob', confirm=False)
status(0, 'a device whose clock is behind', 'confirm', 'bob', stdin=lines(totp(behind['secret'], -1)))
run = status(1, 'found before the last code accepted', 'resync', 'bob', 'phone',
             stdin=lines(totp(behind['secret'], -200), totp(behind['secret'], -199)))
same(run.stdout, 'replayed phone\n', 'is replayed')
same(drift('bob'), 0, 'and teaches nothing')
db = sqlite3.connect(host.db)
db.execute("UPDATE device SET last_step = last_step - 1000 WHERE last_step > 0 AND account = "
           "(SELECT id FROM account WHERE name = 'bob')")
db.commit()
db.close()
status(0, 'not used for eight hours', 'resync', 'bob',
       stdin=lines(totp(behind['secret'], -200), totp(behind['secret'], -199)))
ok('clock %d steps behind\n' % -drift('bob') in host.run('show', 'bob').stdout
   and -201 <= drift('bob') <= -199, 'it is found, and its clock behind', drift('bob'))

# what is refused
for name, codes, verdict, says in (
        ('not in a row', (totp(clock['secret'], 120), totp(clock['secret'], 122)), 'wrong',
         'try again'),
        ('the same one twice', (totp(clock['secret'], 130),) * 2, 'wrong', 'try again'),
        ('the wrong way round', (totp(clock['secret'], 141), totp(clock['secret'], 140)), 'wrong',
         'try again'),
        ('more than a day ahead', (totp(clock['secret'], 2990), totp(clock['secret'], 2991)),
         'wrong', 'within a day'),
        ('no codes', ('hello', 'world'), 'malformed', 'as many digits'),
        ('one too long', (totp(clock['secret'], 150), totp(clock['secret'], 151) + '0'),
         'malformed', 'as many digits'),
        ('empty', ('', ''), 'malformed', 'as many digits')):
    run = host.run('--json', 'resync', 'alice', stdin=''.join(code + '\n' for code in codes))
    ok(run.returncode == 1 and says in run.stderr
       and run.stdout == '{"user":"alice","verdict":"%s","device":"phone"}\n' % verdict,
       'resync: %s' % name, run.stdout + run.stderr)
same(host.json('show', 'alice')['failures'], 0, 'nothing of it counts')
for words, expected in ((['resync'], 2), (['resync', 'alice', 'phone', '--device', 'phone'], 2),
                        (['resync', 'alice', 'phone', 'x'], 2), (['resync', 'nobody-here'], 3),
                        (['resync', 'alice', 'pager'], 3), (['resync', 'alice'], 2)):
    run = status(expected, ' '.join(words), *words)
run = status(2, 'resync: one code alone', 'resync', 'alice', stdin=totp(clock['secret'], 160) + '\n')
ok('two codes in a row are needed' in run.stderr and 'a line of its own' in run.stderr
   and run.stdout == '', 'is told so, and changes nothing', run.stderr)
run = status(2, 'resync: no code', 'resync', 'alice')
ok('two codes in a row are needed' in run.stderr, 'is told so', run.stderr)
host.run('add', 'carol')
status(3, 'resync: an account without a device', 'resync', 'carol', stdin='123456\n123457\n')
host.enroll('dora', confirm=False)
# Without a code on standard input: none is asked for.
run = status(1, 'resync: a pending device', 'resync', 'dora')
ok('is pending' in run.stderr and "'totpctl confirm'" in run.stderr, 'is told so', run.stderr)
host.enroll('finn')
host.run('disable', 'finn', 'phone')
run = status(1, 'resync: a disabled device', 'resync', 'finn', '--device', 'phone')
ok('is disabled' in run.stderr and "'totpctl enable'" in run.stderr, 'is told so', run.stderr)
host.run('enable', 'finn', 'phone')
later = host.enroll('finn', '--device', 'phone', '--replace', confirm=False)
run = status(1, 'resync: the one in use while another waits to replace it', 'resync', 'finn',
             'phone', stdin=lines(totp(later['secret'], 100), totp(later['secret'], 101)))
same(run.stdout, 'wrong phone\n', 'is the one that is meant')
host.enroll('alice', '--device', 'tablet')
run = status(1, 'resync: which of two?', 'resync', 'alice')
ok('name the one' in run.stderr, 'is told so', run.stderr)
same(host.run('--quiet', 'resync', 'alice', 'phone', stdin='123456\n\n').stderr, '',
     '--quiet: the verdict alone')

# a counter
token = host.enroll('erin', '--type', 'hotp')
secret = token['secret']
same(drift('erin'), None, 'a counter has no drift')
status(1, 'a code 500 ahead is refused', 'verify', 'erin', stdin=lines(hotp(secret, 500)))
run = status(0, 'resync --device, of 500 ahead', 'resync', 'erin', '--device', 'token',
             stdin=lines(hotp(secret, 500), hotp(secret, 501)))
ok(run.stdout == 'accepted token\n' and 'log in with the next' in run.stderr, 'says so',
   run.stdout + run.stderr)
same(host.json('show', 'erin')['devices'][0]['counter'], 502, 'the counter is beyond both')
same(host.json('verify', 'erin', stdin=lines(hotp(secret, 502)))['verdict'], 'accepted',
     'the next one logs in')
for name, first, verdict in (('1200 ahead', 1703, 'wrong'), ('10 behind', 490, 'replayed')):
    run = status(1, 'resync: a counter %s' % name, 'resync', 'erin',
                 stdin=lines(hotp(secret, first), hotp(secret, first + 1)))
    same(run.stdout, verdict + ' token\n', 'is %s' % verdict)
    ok('button' in run.stderr and 'counter' in run.stderr and 'clock' not in run.stderr,
       'which is told of a button, not of a clock', run.stderr)

# the record
events = [(e['user'], e['verdict'], e['device']) for e in host.json('log')['events']
          if e['action'] == 'resync']
ok(('alice', 'accepted', 'phone') in events and ('alice', 'replayed', 'phone') in events
   and ('erin', 'accepted', 'token') in events, 'log tells of it', events)
host.check_messages()
done()
