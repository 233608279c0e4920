#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verbs about the host: init, config; what is wrong with its files; who may."""
import json
import os
import stat
import subprocess
import sys
sys.dont_write_bytecode = True
from host import TOTPCTL, Host, done, ok, same


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


# init
host = Host(init=False)
status = host.status
status(4, 'no store and no key yet', 'list')
ok("'totpctl init'" in host.messages, 'the message says what to do', host.messages)
made = host.json('init')
same(made, {'store': 'sqlite:' + host.db, 'key_file': host.key, 'created': True}, 'init')
same([mode(p) for p in (os.path.dirname(host.key), host.key, os.path.dirname(host.db), host.db)],
     [0o755, 0o600, 0o700, 0o600], 'the modes of what it made')
key = open(host.key).read()
same(host.json('init')['created'], False, 'init again makes nothing')
ok('found the key' in host.run('init').stdout and open(host.key).read() == key, 'the key stays')
device = host.enroll('alice')
host.json('init')
same(host.json('qr', 'alice')['secret'], device['secret'], 'and what it sealed opens')

# a lost key is not replaced
os.rename(host.key, host.key + '.lost')
run = status(4, 'init without the key of a store', 'init')
ok('a new key opens nothing' in run.stderr and not os.path.exists(host.key), 'makes no new one',
   run.stderr)
status(4, 'nor does anything else', 'add', 'bob')
os.rename(host.dir + '/lib', host.dir + '/elsewhere')
open(host.dir + '/lib', 'w').close()
run = status(4, 'init where the store cannot be looked for', 'init')
ok('cannot be seen' in run.stderr and not os.path.exists(host.key), 'makes no new key', run.stderr)
os.remove(host.dir + '/lib')
os.rename(host.dir + '/elsewhere', host.dir + '/lib')
os.chmod(host.db, 0o644)
status(4, 'init where the store is refused', 'init')
ok(not os.path.exists(host.key), 'nor there')
os.chmod(host.db, 0o600)
os.rename(host.key + '.lost', host.key)
status(0, 'the key is back', 'show', 'alice')

# another key
other = Host()
run = host.run('--key-file', other.key, 'qr', 'alice')
same(run.returncode, 4, 'with another key file it is unusable')
same(host.run('--key-file', other.key, 'verify', 'alice', stdin='123456').returncode, 4,
     'and never "not enrolled"')

# bad files
for name, path, damage, repair in (
        ('a key everyone may read', host.key, lambda p: os.chmod(p, 0o644),
         lambda p: os.chmod(p, 0o600)),
        ('a key that is a link', host.key, lambda p: (os.rename(p, p + '.x'), os.symlink(p + '.x', p)),
         lambda p: os.rename(p + '.x', p)),
        ('a configuration everyone may write', host.config, lambda p: os.chmod(p, 0o666),
         lambda p: os.chmod(p, 0o644)),
        ('a store that is a directory', host.db, lambda p: (os.rename(p, p + '.x'), os.mkdir(p)),
         lambda p: (os.rmdir(p), os.rename(p + '.x', p))),
        ('a store that is a FIFO', host.db, lambda p: (os.rename(p, p + '.x'), os.mkfifo(p, 0o600)),
         lambda p: os.rename(p + '.x', p))):
    damage(path)
    run = status(4, name, 'show', 'alice')
    ok(path in run.stderr, name + ': the message names it', run.stderr)
    repair(path)
status(0, 'all is well again', 'show', 'alice')
os.truncate(other.db, 0)
same(other.run('list').returncode, 4, 'a store that is empty')
for words in (['--config', host.dir + '/none'], ['--key-file', host.dir + '/none'],
              ['--store', 'sqlite:%s/none/totp.db' % host.dir], ['--store', 'mysql:x'],
              ['--store', 'sqlite:relative']):
    run = subprocess.run([TOTPCTL, *(['--config', host.config] if words[0] != '--config' else []),
                          *words, 'list'], capture_output=True, text=True)
    same((run.returncode, run.stdout), (4, ''), ' '.join(words).replace(host.dir, 'DIR'))
for name, line in (('an unknown key', 'windows = 1\n'), ('a bad value', 'window = x\n')):
    bad = Host(line, init=False)
    run = bad.run('init')
    ok(run.returncode == 4 and '%s:3' % bad.config in run.stderr, name + ' is refused with its line',
       run.stderr)

# config
host = Host('window = 3\nprompt = "Code (6 digits): "\n[service sshd]\nwindow = 2\n')
plain = host.run('config').stdout
ok('\nwindow = 3\n' in plain and '\nprompt = "Code (6 digits): "\n' in plain, 'config', plain)
ok('\nwindow = 2\n' in host.run('config', 'sshd').stdout, 'config of a service')
again = os.path.join(host.dir, 'again.conf')
with open(again, 'w') as f:
    f.write(host.run('config', 'sshd').stdout)
os.chmod(again, 0o644)
same(subprocess.run([TOTPCTL, '--config', again, 'config'], capture_output=True, text=True).stdout,
     host.run('config', 'sshd').stdout, 'config parses back to itself')
run = status(2, "config ''", 'config', '')
ok("the service's name is empty" in run.stderr and run.stdout == '', 'is no service', run.stderr)
document = host.json('config', 'sshd')
same(list(document), ['config'], 'config as a document')
same(list(document['config']), [l.split(' = ')[0] for l in plain.splitlines()], 'of every option')
same([document['config'][k] for k in ('window', 'prompt', 'echo', 'lock_time', 'store')],
     [2, 'Code (6 digits): ', False, '1m', 'sqlite:' + host.db], 'typed')
same(json.loads(subprocess.run(host.command('--store', 'sqlite:/x/y', '--json', 'config'),
                               capture_output=True, text=True).stdout)['config']['store'],
     'sqlite:/x/y', 'the command line wins')

# every option as something else than its default: in the file, for the service, in drop-ins
OTHER = {
    'store': 'sqlite:/srv/totp/a, b.db', 'key_file': '/srv/totp/key', 'mode': 'auto',
    'password': 'store', 'use_authtok': 'yes', 'unenrolled': 'enroll', 'enroll_by': '2031-02-28',
    'enroll_qr': 'ascii', 'grace': '90m', 'exempt_users': 'backup, DOM\\eve',
    'exempt_groups': 'robots, night shift',
    'exempt_networks': '192.0.2.0/24, 2001:db8::/32, ::1', 'audit_only': 'yes', 'window': '2',
    'look_ahead': '11', 'max_drift': '1', 'max_failures': '6', 'lock_time': '61s',
    'lock_time_max': '2h', 'failure_limit': '50', 'fail_delay': '3s', 'max_devices': '4',
    'prompt': '"  Code \\"now\\", 100%: "', 'echo': 'yes', 'issuer': 'Bücher, Inc.',
    'label': '%u on %s', 'digits': '8', 'algorithm': 'SHA512', 'period': '60',
    'backup_tokens': '3', 'email_devices': 'yes', 'email_code_lifetime': '5m', 'email_interval': '2m',
    'notify': 'lock, password', 'sendmail': '"/opt/mta/bin/sendmail -t"', 'mail_from': 'totp@example.org',
    'mail_languages': 'de:fr', 'event_retention': '1d', 'socket': '/run/elsewhere', 'quiet': 'yes',
    'debug': 'yes'}
DROPPED = 'enroll_by', 'exempt_users', 'exempt_networks', 'grace', 'label'


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def config(path, *words):
    run = subprocess.run([TOTPCTL, '--config', path, *words], capture_output=True, text=True)
    return run.stdout if run.returncode == 0 else run.stderr


def settings(names):
    return ''.join('%s = %s\n' % (name, OTHER[name]) for name in names)


same(list(OTHER), list(document['config']), 'all options are tried')
tried = write(os.path.join(host.dir, 'tried.conf'),
              'window = 9\nunenrolled = ignore\n[service sudo]\nwindow = 8\n[service sshd]\n'
              + settings(sorted(set(OTHER) - set(DROPPED))))
os.mkdir(tried + '.d', 0o755)
write(tried + '.d/10-first.conf', 'grace = 5m\nexempt_users = alice\nenroll_by = 2030-01-01\n')
write(tried + '.d/20-second.conf', '[service sshd]\n' + settings(DROPPED))
first = config(tried, 'config', 'sshd')
same(sorted(line.split(' = ')[0] for line in first.splitlines()
            if line in config(tried, 'config').splitlines()), [], 'for the service all is otherwise')
printed = write(os.path.join(host.dir, 'printed.conf'), first)
same(config(printed, 'config', 'sshd'), first, 'it parses back to itself')
same(config(printed, '--json', 'config', 'sshd'), config(tried, '--json', 'config', 'sshd'),
     'also as a document')
values = json.loads(config(tried, '--json', 'config', 'sshd'))['config']
same([values[name] for name in ('enroll_by', 'exempt_networks', 'label', 'grace', 'use_authtok')],
     ['2031-02-28', '192.0.2.0/24, 2001:db8::/32, ::1', '%u on %s', '90m', True], 'with what was set')
plain = config(tried, 'config', 'sudo').splitlines()
ok({'window = 8', 'unenrolled = ignore', 'grace = 5m', 'exempt_users = alice',
    'enroll_by = 2030-01-01', 'exempt_networks = '} <= set(plain), 'and what another service has',
   '\n'.join(plain))

# results that do not arrive
with open('/dev/full', 'w') as full:
    run = host.run('config', stdout=full)
    ok(run.returncode == 4 and 'No space left' in run.stderr, 'a full disk is told', run.stderr)
run = subprocess.run(['sh', '-c', '"$@" >&-', 'sh', *host.command('list')], capture_output=True,
                     text=True)
ok(run.returncode == 4, 'a closed standard output is told', run.stderr)
run = subprocess.run(['sh', '-c', '"$@" >&- <&- 2>&-', 'sh', *host.command('add', 'zoe')])
same((run.returncode, host.run('show', 'zoe').returncode), (0, 0),
     'without descriptors 0 to 2 the store is no worse for it')

# who may
if os.geteuid() == 0:
    binary = os.open(TOTPCTL, os.O_RDONLY)  # nobody may not be able to reach it by its path
    run = subprocess.run(host.command('list'), executable='/proc/self/fd/%d' % binary, cwd='/',
                         pass_fds=[binary], capture_output=True, text=True, user=65534, group=65534,
                         extra_groups=[])
else:
    os.chmod(host.key, 0)
    run = host.run('list')
ok(run.returncode == 4 and 'root rights are needed' in run.stderr, 'who is not root is told so',
   '%d %s' % (run.returncode, run.stderr))
host.check_messages()
done()
