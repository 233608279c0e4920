#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verbs about accounts: add, set, enable, disable, lock, unlock, remove, passwd, list, show."""
import sys
sys.dont_write_bytecode = True
from host import Host, done, hotp, ok, same, totp, wrong

ACCOUNT = ['user', 'email', 'full_name', 'role', 'enabled', 'closed', 'has_password',
           'password_expired', 'failures', 'locked_until']
DEVICE = ['device', 'type', 'algorithm', 'digits', 'period', 'state', 'created', 'last_used', 'drift']

host = Host('max_failures = 2\nlock_time = 1h\n')
status = host.status


# add and show
run = status(0, 'add', 'add', 'alice')
same(run.stdout, '', 'add prints no result')
ok("no login user 'alice'" in run.stderr, 'add remarks that nobody can log in by that name')
same(host.run('add', 'quiet', '--quiet').stderr, '', '--quiet silences that')
status(0, 'add with everything', 'add', 'bob', '--email', 'bob@example.org', '--full-name',
       'Bób B', '--role=admin', '--password-stdin', stdin='hunter2 hunter2\n')
host.hidden.append('hunter2')
status(1, 'an account that exists', 'add', 'alice')
show = host.json('show', 'alice')
same(list(show), ACCOUNT + ['devices', 'backup_tokens'], 'show has the fields of the contract')
same(show, {'user': 'alice', 'email': None, 'full_name': None, 'role': 'user', 'enabled': True,
            'closed': False, 'has_password': False, 'password_expired': False, 'failures': 0,
            'locked_until': None,
            'devices': [], 'backup_tokens': {'left': 0, 'issued': 0}}, 'a new account')
show = host.json('show', 'bob')
same((show['email'], show['full_name'], show['role'], show['has_password']),
     ('bob@example.org', 'Bób B', 'admin', True), 'what add was given')

# set
status(0, 'set', 'set', 'bob', 'email=', 'full_name=Robert', 'role=user')
show = host.json('show', 'bob')
same((show['email'], show['full_name'], show['role']), (None, 'Robert', 'user'), 'what set changed')
status(2, 'set: not an address', 'set', 'bob', 'email=a b@c')
status(2, 'set: not a role', 'set', 'bob', 'role=king')
status(2, 'set: no such field', 'set', 'bob', 'shell=/bin/sh')
status(2, 'set: twice', 'set', 'bob', 'email=', 'email=a@b.c')
status(0, 'set: grace=clear', 'set', 'bob', 'grace=clear')
status(0, 'set: all there is', 'set', 'bob', 'email=', 'full_name=Robert', 'role=user', 'grace=clear')
for field in 'grace=', 'grace=1h', 'grace=cleared', 'grace=CLEAR':
    run = status(2, 'set: %s' % field, 'set', 'bob', field)
    ok('grace=clear;' in run.stderr, 'it says what there is', run.stderr)
status(2, 'set: grace twice', 'set', 'bob', 'grace=clear', 'grace=clear')
status(3, 'set: the grace of nobody', 'set', 'nobody-here', 'grace=clear')
same([e['action'] for e in host.json('log', 'bob')['events']][-2:], ['clear-grace', 'role-user'],
     'log tells of it')
run = status(2, 'set: no value', 'set', 'bob', 'hunter2')
status(2, 'set: nothing', 'set', 'bob')
status(2, 'set: a control character', 'set', 'bob', 'full_name=a\x1b[2Jb')

# passwd
status(0, 'passwd', 'passwd', 'alice', stdin='correct horse\n')
ok(host.json('show', 'alice')['has_password'], 'passwd sets a password')
status(2, 'an empty password', 'passwd', 'alice', stdin='\n')
ok(host.json('show', 'alice')['has_password'], 'an empty password changes nothing')
run = status(0, 'passwd --expire', 'passwd', 'alice', '--expire')
same(run.stdout + run.stderr, '', 'asks and says nothing')
show = host.json('show', 'alice')
same((show['has_password'], show['password_expired']), (True, True), 'the password has expired')
same(host.json('list')['users'][0]['password_expired'], True, 'as list knows')
ok('set, to be changed at the next login\n' in host.run('show', 'alice').stdout, 'and show says')
status(0, 'a new password', 'passwd', 'alice', stdin='battery staple\n')
same(host.json('show', 'alice')['password_expired'], False, 'has not expired')
status(2, 'passwd --expire --delete', 'passwd', 'alice', '--expire', '--delete')
ok(host.json('show', 'alice')['has_password'], 'changes nothing')
status(0, 'passwd --delete', 'passwd', 'alice', '--delete')
run = status(1, 'passwd --expire without a password', 'passwd', 'alice', '--expire')
ok('no password' in run.stderr and not host.json('show', 'alice')['password_expired'], 'is told so',
   run.stderr)
status(3, 'passwd --expire of nobody', 'passwd', 'nobody-here', '--expire')
same([e['action'] for e in host.json('log', 'alice')['events']][-4:],
     ['passwd', 'expire', 'passwd', 'passwd'], 'log tells of it')
ok(not host.json('show', 'alice')['has_password'], 'passwd --delete clears it')
status(3, 'the password of nobody', 'passwd', 'nobody-here', stdin='x\n')

# lock, failures, list
device = host.enroll('carol', '--type', 'hotp')
for name in 'first', 'second':
    status(1, 'a wrong code, the %s' % name, 'verify', 'carol',
           stdin=wrong(device['secret'], range(200)) + '\n')
show = host.json('show', 'carol')
same((show['failures'], bool(show['locked_until'])), (2, True), 'failures lock the account')
code = hotp(device['secret'], 1)
run = status(5, 'a locked account', 'verify', 'carol', stdin=code + '\n')
ok('locked until 20' in run.stderr, 'verify tells until when', run.stderr)
same([u['user'] for u in host.json('list', '--locked')['users']], ['carol'], 'list --locked')
status(0, 'unlock', 'unlock', 'carol')
show = host.json('show', 'carol')
same((show['failures'], show['locked_until']), (0, None), 'unlock clears both')
status(0, 'the code was not consumed while locked', 'verify', 'carol', stdin=code + '\n')
status(0, 'lock', 'lock', 'alice')
ok(host.json('show', 'alice')['closed'], 'lock closes the account')
same([u['user'] for u in host.json('list', '--locked')['users']], ['alice'],
     'list --locked has those who are closed')
status(0, 'unlock opens it', 'unlock', 'alice')
ok(not host.json('show', 'alice')['closed'], 'unlock opened it')

host2 = Host('max_failures = 1\nfailure_limit = 1\n')
device2 = host2.enroll('dora', '--type', 'hotp')
host2.run('verify', 'dora', stdin=wrong(device2['secret'], range(200)))
same(host2.json('show', 'dora')['locked_until'], '9999-12-31T23:59:59Z', 'a lock until unlocked')
ok('totpctl unlock' in host2.run('show', 'dora').stdout, 'show names the way out')

# enable, disable
status(0, 'disable', 'disable', 'carol')
ok(not host.json('show', 'carol')['enabled'], 'disable switches two-factor login off')
run = host.run('--json', 'verify', 'carol', stdin='123456')
ok(run.returncode == 1 and '"disabled"' in run.stdout, 'verify says disabled', run.stdout)
status(0, 'enable', 'enable', 'carol')
status(0, 'disable a device', 'disable', 'carol', device['device'])
same(host.json('show', 'carol')['devices'][0]['state'], 'disabled', 'the device is disabled')
status(0, 'enable a device', 'enable', 'carol', device['device'])
status(3, 'enable no such device', 'enable', 'carol', 'pager')
host.enroll('erin', confirm=False)
status(1, 'a pending device cannot be switched on', 'enable', 'erin', 'phone')

# show and list
show = host.json('show', 'carol')
same(list(show['devices'][0]), DEVICE[:5] + ['counter'] + DEVICE[5:],
     'fields of an hotp device')
same((show['devices'][0]['period'], show['devices'][0]['counter']), (None, 2), 'and its counter')
same(list(host.json('show', 'erin')['devices'][0]), DEVICE, 'fields of a totp device')
users = host.json('list')
same(list(users), ['users'], 'list is one object')
same([u['user'] for u in users['users']], ['alice', 'bob', 'carol', 'erin', 'quiet'],
     'list is in order of name')
same(list(users['users'][0]), ACCOUNT + ['backup_tokens'], 'list has no devices')
same([u['user'] for u in host.json('list', '--pending')['users']], ['erin'], 'list --pending')
same([len(host.json('list', '--unused-for', t)['users']) for t in ('0', '90d')], [5, 0],
     'list --unused-for')
table = host.run('list').stdout.splitlines()
ok(len(table) == 6 and table[0].startswith('USER') and len({l.find(r) for l, r in zip(
    table[1:], ['user', 'user', 'user', 'user', 'user'])}) == 1, 'the table is aligned',
   '\n'.join(table))
text = host.run('show', 'carol').stdout
ok('hotp SHA1, 6 digits, counter 2' in text and 'carol' in text, 'show for people', text)

# remove
status(0, 'remove a device', 'remove', 'carol', device['device'])
same(host.json('show', 'carol')['devices'], [], 'the device is gone')
status(3, 'remove it again', 'remove', 'carol', device['device'])
status(0, 'remove an account', 'remove', 'carol')
for words in (['show'], ['remove'], ['lock'], ['unlock'], ['enable'], ['disable'],
              ['resync'], ['set', 'email='], ['qr'], ['confirm'], ['verify'], ['passwd', '--delete']):
    run = status(3, '%s: no such user' % words[0], words[0], 'carol', *words[1:], stdin='123456\n')
    same(run.stderr, "totpctl: carol: there is no such user: see 'totpctl list'\n", 'is told so')
for name in ('', '..', '-x', 'a b', 'a/b', 'x' * 300, 'a\nb', '\udcff'):
    ok(host.run('add', '--', name).returncode == 2, 'no account called %a' % name[:20])
host.check_messages()
done()
