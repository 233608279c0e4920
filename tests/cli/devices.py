#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verbs about devices and codes: enroll, confirm, verify, qr, backup."""
import re
import sys
sys.dont_write_bytecode = True
from host import Host, done, hotp, ok, same, totp, wrong

FIELDS = ['user', 'device', 'type', 'state', 'algorithm', 'digits', 'period', 'secret', 'uri']
SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'  # RFC 4226, appendix D

host = Host()
status = host.status


# enroll
device = host.enroll('alice', confirm=False)
same(list(device), FIELDS, 'enroll has the fields of the contract')
same([device[f] for f in FIELDS[:7]], ['alice', 'phone', 'totp', 'pending', 'SHA1', 6, 30],
     'a device by default')
ok(re.fullmatch('[A-Z2-7]{32}', device['secret']), 'its secret has 160 bits', device['secret'])
ok(device['uri'].startswith('otpauth://totp/') and device['secret'] in device['uri'], 'its URI')
run = status(0, 'enroll for people', 'enroll', 'bob', '--no-confirm')
grouped = re.search(r'^Secret +(([A-Z2-7]{4} ?){8})$', run.stdout, re.M)
ok(grouped and 'URI     otpauth://totp/' in run.stdout, 'the URI, and the secret in fours', run.stdout)
ok("'totpctl confirm bob'" in run.stderr, 'it says how to confirm', run.stderr)
again = host.json('qr', 'bob')
same(again['secret'], grouped.group(1).replace(' ', ''), 'qr shows the same secret again')
same(list(again), FIELDS, 'qr has the fields of enroll')
ok(again['uri'] in run.stdout and again['uri'] in host.run('qr', 'bob').stdout, 'qr for people')

# confirm
code = totp(device['secret'])
status(1, 'confirm: a wrong code', 'confirm', 'alice', stdin=wrong(device['secret']) + '\n')
status(1, 'confirm: no code at all', 'confirm', 'alice', stdin='hello\n')
status(2, 'confirm: no line', 'confirm', 'alice')
status(3, 'confirm: no such device', 'confirm', 'alice', 'pager', stdin=code + '\n')
confirmed = host.json('confirm', 'alice', stdin=code + '\n')
same(list(confirmed), ['user', 'device', 'state', 'backup_tokens'], 'confirm: its fields')
same((confirmed['device'], confirmed['state'], len(confirmed['backup_tokens'])),
     ('phone', 'active', 10), 'confirm activates and issues tokens')
status(3, 'nothing is pending any more', 'confirm', 'alice', stdin=code + '\n')
run = status(0, 'confirm for people', 'confirm', 'bob', stdin=totp(again['secret']) + '\n')
same(len(re.findall(r'^\w{4}-\w{4}-\w{4}$', run.stdout, re.M)), 10, 'a token a line, nothing else')
ok(len(run.stdout.splitlines()) == 10 and 'keep them' in run.stderr, 'and a word about them')

# verify
verdict = host.json('verify', 'alice', stdin=totp(device['secret'], 1) + '\n')
same(verdict, {'user': 'alice', 'verdict': 'accepted', 'method': 'totp', 'device': 'phone'},
     'verify accepts')
run = status(1, 'verify: the same code again', 'verify', 'alice', stdin=code + '\n')
same(run.stdout.split()[0], 'replayed', 'it is replayed')
for typed, expected in ((wrong(device['secret']), 'wrong'), ('hello', 'malformed'),
                        ('', 'malformed'), ('１２３４５６', 'malformed')):
    run = host.run('--json', 'verify', 'alice', stdin=typed + '\n')
    ok(run.returncode == 1 and '"verdict":"%s"' % expected in run.stdout,
       'verify: %s is %s' % (ascii(typed), expected), run.stdout + run.stderr)
token = confirmed['backup_tokens'][3]
run = status(0, 'verify: a backup token', 'verify', 'alice', stdin=token.upper() + '\n')
ok(run.stdout == 'accepted backup\n' and '9 backup tokens' in run.stderr, 'it tells how many are left',
   run.stdout + run.stderr)
status(1, 'a backup token again', 'verify', 'alice', stdin=token + '\n')
host.run('add', 'carol')
same(host.run('--json', 'verify', 'carol', stdin='123456').stdout,
     '{"user":"carol","verdict":"unenrolled","method":null,"device":null}\n', 'verify: unenrolled')
host.hidden += confirmed['backup_tokens'] + [code]

# a first code that verify has, as a login may
first = host.enroll('zoe', confirm=False)
run = status(0, 'verify: the first code of a device', 'verify', 'zoe',
             stdin=totp(first['secret']) + '\n')
ok(run.stdout == 'accepted totp phone\n' and "'totpctl backup new zoe'" in run.stderr,
   'activates it, and says that there are no backup tokens', run.stdout + run.stderr)
show = host.json('show', 'zoe')
same((show['devices'][0]['state'], show['backup_tokens']['left']), ('active', 0), 'as it is')
run = status(0, 'verify: its second', 'verify', 'zoe', stdin=totp(first['secret'], 1) + '\n')
same(run.stderr, '', 'says nothing more')

# backup
same(host.json('backup', 'status', 'alice'), {'user': 'alice', 'left': 9, 'issued': 10},
     'backup status')
same(host.run('backup', 'status', 'alice').stdout, '9 of 10 left\n', 'backup status for people')
fresh = host.json('backup', 'new', 'alice', '--count', '3')
same((list(fresh), len(set(fresh['backup_tokens']))), (['user', 'backup_tokens'], 3), 'backup new')
status(1, 'the old tokens are gone', 'verify', 'alice', stdin=confirmed['backup_tokens'][0] + '\n')
same(len(host.run('backup', 'new', 'alice').stdout.splitlines()), 10, 'backup new for people')
same(host.json('backup', 'revoke', 'alice'), {'user': 'alice', 'backup_tokens': []},
     'backup revoke')
same(host.json('backup', 'status', 'alice')['left'], 0, 'none is left')
status(3, 'backup: no such user', 'backup', 'new', 'nobody-here')
for words in (['new', 'alice', '--count', '0'], ['new', 'alice', '--count=51'], ['list', 'alice'],
              ['status', 'alice', '--count', '2'], ['new']):
    status(2, 'backup: %s' % ' '.join(words), 'backup', *words)

# other kinds of devices
kinds = host.enroll('dora', '--algorithm', 'sha256', '--digits=8', '--period', '60',
                    '--device', 'ein Gerät', confirm=False)
same([kinds[f] for f in ('device', 'algorithm', 'digits', 'period')],
     ['ein Gerät', 'SHA256', 8, 60], 'SHA256, 8 digits, 60 s')
token = host.json('enroll', 'erin', '--type', 'hotp', '--counter', '5', '--secret-stdin',
                  stdin='gezd gnbv gy3t qojq-gezd gnbv gy3t qojq\n')
same(list(token), FIELDS[:7] + ['counter'] + FIELDS[7:], 'hotp has a counter')
same((token['period'], token['counter'], token['secret']), (None, 5, SECRET), 'and a given secret')
same(hotp(SECRET, 5), '254676', 'RFC 4226: the code of counter 5')
same(host.json('confirm', 'erin', stdin='254676\n')['device'], token['device'], 'it is confirmed')
same(host.json('verify', 'erin', stdin='287922\n')['method'], 'hotp', 'counter 6 is accepted')
status(1, 'counter 5 is not', 'verify', 'erin', stdin='254676\n')

# labels
same([host.enroll('fred', confirm=False)['device'] for _ in range(2)], ['phone', 'phone-2'],
     'the first label that is free')
status(1, 'two are pending: which one?', 'confirm', 'fred', stdin='123456\n')
status(1, 'a label that is taken', 'enroll', 'alice', '--device', 'phone', '--no-confirm')
status(0, 'unless it is replaced', 'enroll', 'alice', '--device', 'phone', '--replace')
same({d['state'] for d in host.json('show', 'alice')['devices']}, {'active', 'pending'},
     'the old one stays until the new one is confirmed')
new = host.json('enroll', 'alice', '--device', 'phone', '--replace')
host.json('confirm', 'alice', 'phone', stdin=totp(new['secret']) + '\n')
same([d['state'] for d in host.json('show', 'alice')['devices']], ['active'], 'then it goes')
same(host.json('qr', 'alice')['secret'], new['secret'], 'and the new one is there')
for verb in 'disable', 'enable', 'qr', 'remove':
    status(3, '%s --device: no such device' % verb, verb, 'fred', '--device', 'pager')
spare = host.json('qr', 'fred', '--device', 'phone-2')
run = status(0, 'confirm --device', 'confirm', 'fred', '--device', 'phone-2',
             stdin=totp(spare['secret']) + '\n')
same([d['device'] for d in host.json('show', 'fred')['devices']], ['phone-2'],
     'others that waited have gone with the first one')
host.enroll('fred', '--device', 'phone', confirm=False)
for verb, states in (('disable', ['disabled', 'pending']), ('enable', ['active', 'pending']),
                     ('remove', ['pending'])):
    status(0, '%s --device' % verb, verb, 'fred', '--device', 'phone-2')
    same(sorted(d['state'] for d in host.json('show', 'fred')['devices']), states, 'that one alone')
for n in range(4):
    host.enroll('fred', confirm=False)
status(1, 'no more than max_devices', 'enroll', 'fred')

# secrets of one's own
run = status(0, 'a short secret', 'enroll', 'gina', '--secret-stdin', '--no-confirm',
             stdin='GEZDGNBVGY3TQOJQ\n')
ok('fewer than 128 bits' in run.stderr, 'is remarked on', run.stderr)
for name, typed in (('shorter than 80 bits', 'GEZDGNBVGY3TQ'), ('longer than 512 bits', 'A' * 105),
                    ('not base32', 'GEZDGNBVGY3TQOJ!' * 2), ('empty', ''),
                    ('longer than a line', 'A ' * 300), ('with a NUL byte', 'GEZD\0GNBVGY3TQOJQ')):
    run = status(2, 'a secret %s' % name, 'enroll', 'hugo', '--secret-stdin', stdin=typed + '\n')
    ok(typed == '' or typed[:12] not in run.stderr, 'is not repeated', run.stderr)
status(3, 'and nothing was enrolled', 'show', 'hugo')
run = host.run('enroll', 'ivan', '--secret-stdin', '--json', stdin=SECRET)
same(run.returncode, 0, 'a line without its end is a line')
host.check_messages()
done()
