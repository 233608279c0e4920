#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the command line takes and refuses; what help says."""
import re
import subprocess
import sys
sys.dont_write_bytecode = True
from host import TOTPCTL, Host, done, ok, same

VERBS = ('init add enroll confirm verify qr list show set enable disable lock unlock resync remove passwd '
         'recover backup log stats config help').split()
LATER = 'import export rekey snapshot restore doctor try'.split()
FLAGS = ('--json --quiet --help --version --password-stdin --secret-stdin --replace --no-confirm '
         '--pending --locked --delete --expire --follow --prometheus --mail-backup-tokens').split()

host = Host()
host.enroll('alice')


def plain(*words):
    return subprocess.run([TOTPCTL, *words], capture_output=True, text=True, input='')


# help
run = plain('help')
same((run.returncode, run.stderr), (0, ''), 'help')
same(re.findall(r'^  ([a-z]+) ', run.stdout, re.M), VERBS, 'help lists every verb')
same(plain('--help').stdout, run.stdout, '--help is help')
ok(re.fullmatch(r'totpctl \d+\.\d+\.\d+\n', plain('--version').stdout), '--version')
options = {}
for verb in VERBS:
    run = plain('help', verb)
    options[verb] = set(re.findall(r'^  (--[a-z-]+)', run.stdout, re.M))
    ok(run.returncode == 0 and ' %s' % verb in run.stdout.splitlines()[0] and '--json' in options[verb],
       'help %s' % verb, run.stdout)
    same(plain(verb, '--help').stdout, run.stdout, '%s --help' % verb)
everything = set().union(*options.values())

# refused
for verb in VERBS:
    needed = {'backup': ['new'], 'set': ['alice']}.get(verb, [])
    for option in sorted(everything - options[verb]):
        words = [option] if option in FLAGS else [option, '1']
        run = host.run(verb, *needed, 'alice', *words)
        ok(run.returncode == 2 and option in run.stderr and 'usage: totpctl' in run.stderr
           and run.stdout == '', '%s does not take %s' % (verb, option), run.stderr)
for verb in LATER + ['Enroll', 'x', '']:
    run = host.run(verb, 'alice')
    ok(run.returncode == 2 and 'no verb' in run.stderr, 'there is no verb %r' % verb, run.stderr)
for words in (['enroll', 'alice', '--type', 'sms'], ['enroll', 'alice', '--mail', 'a@b.c'],
              ['enroll', 'alice', '--qr', 'png'], ['enroll', 'alice', '--json', '--qr', 'utf8'],
              ['enroll', 'alice', '--algorithm', 'MD5'], ['enroll', 'alice', '--algorithm', ''],
              ['enroll', 'alice', '--digits', '5'], ['enroll', 'alice', '--digits', '9'],
              ['enroll', 'alice', '--digits', '06x'], ['enroll', 'alice', '--digits', '-6'],
              ['enroll', 'alice', '--period', '14'], ['enroll', 'alice', '--period', '301'],
              ['enroll', 'alice', '--period', '30s'], ['enroll', 'alice', '--counter', '1'],
              ['enroll', 'alice', '--type', 'hotp', '--period', '30'],
              ['enroll', 'alice', '--type', 'hotp', '--counter', '9223372036854775807'],
              ['enroll', 'alice', '--device', ''], ['enroll', 'alice', '--device', 'x' * 65],
              ['enroll', 'alice', '--device', 'a\nb'], ['enroll', 'alice', '--replace=yes'],
              ['enroll', 'alice', '--digits', '6', '--digits', '6'], ['enroll', 'alice', '--digits'],
              ['enroll', '../alice'], ['enroll'], ['enroll', 'alice', 'bob'],
              ['add', 'zoe', '--role', 'root'], ['add', 'zoe', '--email', 'nobody'],
              ['add', 'zoe', '--full-name', 'a\x07'], ['add', 'zoe', '--password', 'hunter2'],
              ['add', 'zoe', '--password-stdin=hunter2'], ['list', '--unused-for', 'long'],
              ['list', '--unused-for', '-1d'], ['list', 'alice'], ['show'], ['log', 'a', 'b'],
              ['log', '--since', 'yesterday'], ['log', '--since', '2026-02-30'],
              ['verify', 'alice', 'hunter2'], ['passwd', 'alice', 'hunter2'],
              ['confirm', 'alice', 'phone', 'hunter2'], ['resync', 'alice', 'phone', 'hunter2'],
              ['resync'], ['recover'], ['recover', 'alice', 'hunter2'],
              ['recover', 'alice', '--password', 'hunter2'],
              ['passwd', 'alice', '--expire', '--delete'], ['passwd', 'alice', '--expire=1d'],
              ['set', 'alice', 'grace=hunter2'], ['set', 'alice', 'grace'], ['init', 'hunter2'],
              ['confirm', 'alice', 'phone', '--device', 'phone'], ['verify'], ['unlock'],
              ['set', 'email=a@b.c'], ['set', 'alice'], ['backup', 'new'],
              ['remove', 'alice', 'phone', '--device', 'tablet'], ['remove', '--device', 'phone'],
              ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'], ['-j', 'list'], ['list', '--nosuch=hunter2']):
    run = host.run(*words)
    ok(run.returncode == 2 and run.stdout == '' and run.stderr.startswith('totpctl: ')
       and 'hunter2' not in run.stderr, 'refused: %a' % ' '.join(words)[:60],
       '%d %s%s' % (run.returncode, run.stdout, run.stderr))
same([d['device'] for d in host.json('show', 'alice')['devices']], ['phone'], 'nothing came of it')

# what is missing, by name, and the usage of the verb
for words, says in ((['add'], 'name the user'), (['show'], 'name the user'),
                    (['set'], 'name the user, and give a field as KEY=VALUE'),
                    (['set', 'alice'], 'give a field as KEY=VALUE'),
                    (['set', 'email=a@b.c'], 'name the user'),
                    (['backup'], 'say new, status or revoke'), (['backup', 'new'], 'name the user'),
                    (['backup', 'alice'], 'followed by new, status or revoke'),
                    (['enroll', 'alice', '--nosuch'], 'there is no option --nosuch'),
                    (['enroll', 'alice', '--device'], 'its argument LABEL is missing'),
                    (['enroll', '--digits=6', '--digits=6'], 'it is given twice'),
                    (['--json', 'resync', 'alice', '--json'], 'it is given twice'),
                    (['list', '--json=yes'], 'it takes no argument')):
    run = host.run(*words)
    verb = next(word for word in words if word in VERBS)
    usage = run.stderr.partition('\nusage: totpctl ')[2].splitlines()
    ok(run.returncode == 2 and says in run.stderr.splitlines()[0] and len(usage) == 2
       and re.search(r'\] %s( |$)' % verb, usage[0]) and usage[1] == 'totpctl help %s tells more.' % verb,
       'what is wrong with %r' % ' '.join(words), run.stderr)
run = host.run('--nosuch', 'list')
ok(run.returncode == 2 and ' VERB [ARGUMENTS]\n' in run.stderr, 'before a verb there is none to show',
   run.stderr)
same(plain().returncode, 2, 'no verb at all')

# taken
for words in (['--json', 'list'], ['list', '--json'], ['list', '--json', '--pending'],
              ['--pending', 'list', '--json'], ['list', '--json', '--']):
    ok(host.run(*words).stdout.startswith('{"users":['), 'in any order: %s' % ' '.join(words))
run = plain('list', '--config=' + host.config)
ok(run.returncode == 0 and 'alice' in run.stdout, 'with an equals sign', run.stderr)
same(host.run('show', '--', '--json').returncode, 3, 'after -- there are words only')
host.check_messages()
done()
