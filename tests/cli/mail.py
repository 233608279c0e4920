#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""E-mail at the command line: devices whose codes are sent, backup tokens by e-mail, what is refused. The messages are real, sendmail is not."""
import json
import os
import re
import sys
sys.dont_write_bytecode = True
from console import Terminal
from host import Host, done, hotp, ok, same, skip
from mailhost import LATER, MailHost, actions, make_host, wrong_of

ALICE = 'a***@e***.org'
FIELDS = ['user', 'device', 'type', 'state', 'digits', 'address']
TOKEN = r'[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}'
AGAIN = "'totpctl enroll alice --type email' sends another"


def devices(host, user):
    return [(d['device'], d['type'], d['state']) for d in host.json('show', user)['devices']]


def test_usage():
    """What does not go together, whoever calls it."""
    host = MailHost('email_devices = yes\n')
    host.run('add', 'alice', '--email', 'alice@example.org')
    for words in (['--algorithm', 'SHA1'], ['--digits', '8'], ['--period', '30'], ['--counter', '0'],
                  ['--secret-stdin'], ['--qr', 'utf8'], ['--qr', 'none'], ['--png', 'x.png'],
                  ['--svg', 'x.svg']):
        run = host.status(2, 'enroll --type email %s' % ' '.join(words), 'enroll', 'alice', '--type',
                          'email', *words, stdin='GEZDGNBVGY3TQOJQ\n')
        ok(run.stderr.startswith('totpctl: %s: it does not go with --type email\n' % words[0]),
           'names the option', run.stderr)
    for words in ([], ['--no-confirm'], ['--json'], ['--type', 'email'],
                  ['--type', 'email', '--no-confirm']):
        run = host.status(2, 'enroll --mail-backup-tokens %s' % ' '.join(words), 'enroll', 'alice',
                          '--mail-backup-tokens', *words)
        ok("--mail-backup-tokens: " in run.stderr and "give it to 'totpctl confirm'" in run.stderr,
           'tells where to give it', run.stderr)
    same(devices(host, 'alice'), [], 'nothing came of it')
    for address in ('"a\nBcc: x@y"@example.org', '"a\\nBcc: x@y"@example.org', 'a@b\nBcc: x@y',
                    'a@b\r\n\r\nx', 'a@b, x@y', '<a@b>', 'a@b@c', 'a b@c', 'a', '@b', 'a@',
                    'ä@example.org', 'a' * 300 + '@example.org'):
        for words in (['set', 'alice', 'email=' + address], ['add', 'bob', '--email', address]):
            run = host.status(2, '%s: %a' % (words[0], address[:30]), *words)
            ok(run.stderr.startswith('totpctl: email: this is not one plain address local@domain')
               and run.stderr.count('\n') == 1, 'says so in one line', run.stderr)
    same((host.json('show', 'alice')['email'], host.run('show', 'bob').returncode),
         ('alice@example.org', 3), 'and nothing is set or added')
    ok(re.search(r'^  --verdict WORD .*failed', host.run('help', 'log').stdout, re.M),
       'help log: failed is a word of --verdict')
    off = Host('')
    off.run('add', 'alice', '--email', 'alice@example.org')
    run = off.status(1, 'without email_devices', 'enroll', 'alice', '--type', 'email')
    ok('email_devices=yes' in run.stderr, 'tells what switches them on', run.stderr)
    host.check_messages()


def test_enroll():
    host, tray = make_host()
    host.run('add', 'nina')
    run = host.status(1, 'enroll: no address', 'enroll', 'nina', '--type', 'email')
    ok('email=ADDRESS' in run.stderr, 'says how to set one', run.stderr)
    host.run('add', 'alice', '--email', 'alice@example.org')
    run = host.status(0, 'enroll --type email', 'enroll', 'alice', '--type', 'email')
    ok(run.stdout == '' and 'a code has been sent to %s\n' % ALICE in run.stderr
       and "'totpctl confirm alice'" in run.stderr, 'says where the code went, and no more',
       run.stdout + run.stderr)
    first = tray.take('One-time code')
    same((first.to, len(first.code)), ('alice@example.org', 8), 'it has come there')
    run = host.status(1, 'enroll: again at once', 'enroll', 'alice', '--type', 'email')
    ok('email_interval' in run.stderr, 'says how long to wait', run.stderr)
    same(devices(host, 'alice'), [('email', 'email', 'pending')], 'the first one waits')
    host.ahead = LATER
    device = host.json('enroll', 'alice', '--type', 'email', '--device', 'post', '--no-confirm')
    same(device, {'user': 'alice', 'device': 'post', 'type': 'email', 'state': 'pending', 'digits': 8,
                  'address': ALICE}, 'enroll --json')
    same(list(device), FIELDS, 'its fields, in order')
    same(devices(host, 'alice'), [('post', 'email', 'pending')], 'it takes the place of what waited')
    second = tray.take('One-time code')
    host.hidden += [first.code, second.code]
    return host, tray, second.code, first.code


def test_confirm(host, code, old):
    run = host.status(1, 'confirm: the code of an earlier one', 'confirm', 'alice', stdin=old + '\n')
    ok(AGAIN in run.stderr and 'email_interval' in run.stderr, 'says how to get another', run.stderr)
    run = host.status(1, 'confirm: no code', 'confirm', 'alice', stdin='123456\n')
    ok('8 digits' in run.stderr, 'says what one is', run.stderr)
    host.ahead += 601
    run = host.status(1, 'confirm: after its lifetime', 'confirm', 'alice', stdin=code + '\n')
    ok(AGAIN in run.stderr, 'says how to get another', run.stderr)
    host.ahead -= 601
    confirmed = host.json('confirm', 'alice', 'post', stdin=code[:4] + ' ' + code[4:] + '\n')
    same((list(confirmed), confirmed['device'], confirmed['state'], len(confirmed['backup_tokens'])),
         (['user', 'device', 'state', 'backup_tokens'], 'post', 'active', 10), 'confirm: the code')
    host.hidden += confirmed['backup_tokens']
    run = host.status(1, 'enroll: a second e-mail device', 'enroll', 'alice', '--type', 'email')
    ok('e-mail device already' in run.stderr, 'is one too many', run.stderr)
    run = host.status(1, 'set: another address', 'set', 'alice', 'email=a@example.com')
    ok("remove it first, with 'totpctl remove alice --device post'" in run.stderr and host.json('show', 'alice')['email'] == 'alice@example.org',
       'is refused, with the way to it', run.stderr)
    host.status(0, 'set: the same address', 'set', 'alice', 'email=alice@example.org')
    app = host.enroll('alice', '--type', 'hotp', confirm=False)
    run = host.status(1, "confirm: an app's wrong code", 'confirm', 'alice',
                      stdin=next(c for c in ('000000', '000001') if c != hotp(app['secret'], 0)) + '\n')
    ok('both clocks are right' in run.stderr and 'email' not in run.stderr, 'speaks of the app',
       run.stderr)
    host.run('remove', 'alice', app['device'])


def test_shown(host):
    device = host.json('show', 'alice')['devices'][0]
    same((list(device), device['algorithm'], device['digits'], device['period'], device['drift']),
         (['device', 'type', 'algorithm', 'digits', 'period', 'state', 'created', 'last_used', 'drift'],
          None, 8, None, None), 'show --json: what it does not have is null')
    ok(re.search(r'^Device +post: active, email, 8 digits, created ', host.run('show', 'alice').stdout,
                 re.M), 'show for people', host.run('show', 'alice').stdout)
    with open(host.config, encoding='utf-8') as f:
        text = f.read()
    document = host.json('show', 'alice')
    for config, says in ((text.replace('email_devices = yes', ''), 'email_devices=no'),
                         (text.replace('sendmail = ', 'mail_from = x@example.org\nsendmail = ""\n#'),
                          'sendmail=')):
        with open(host.config, 'w', encoding='utf-8') as f:
            f.write(config)
        ok(re.search(', last used .*, no code is sent: %s$' % says, host.run('show', 'alice').stdout, re.M),
           'show, with %s: that none is sent' % says, host.run('show', 'alice').stdout)
        same(host.json('show', 'alice'), document, 'show --json has no more')
    with open(host.config, 'w', encoding='utf-8') as f:
        f.write(text)
    ok('no code is sent' not in host.run('show', 'alice').stdout, 'and where they are, nothing')
    same(host.json('stats')['devices']['email'], {'pending': 0, 'active': 1, 'disabled': 0}, 'stats')
    ok(re.search(r'^email +0 +1 +0$', host.run('stats').stdout, re.M), 'stats for people')
    ok('totp_devices{type="email",state="active"} 1\n' in host.run('stats', '--prometheus').stdout,
       'stats --prometheus')
    for verb, says in (('qr', 'has no QR code'), ('resync', 'no clock or counter')):
        run = host.status(1, '%s of it' % verb, verb, 'alice', stdin='12345678\n12345678\n')
        ok(says in run.stderr and run.stdout == '', 'has no sense', run.stdout + run.stderr)


def test_verify(host, tray):
    """On a terminal "email" has one sent; elsewhere it is what was typed."""
    host.status(1, 'verify: "email" from a pipe is no code', 'verify', 'alice', stdin='email\n')
    host.ahead += LATER
    terminal = Terminal(host.command('verify', 'alice'))
    terminal.wait_for('Code ("email" sends one): ')
    terminal.type('email\n')
    said = terminal.wait_for('Code (sent to %s): ' % ALICE)
    ok(said.endswith('(sent to %s): ' % ALICE) and not terminal.echoes(), 'verify: email', said)
    code = tray.take('One-time code').code
    terminal.type(code + '\n')
    rest, status = terminal.end()
    ok(status == '0' and 'accepted email post' in rest and code not in rest, 'and its code', rest)
    verdict = json.loads(host.run('--json', 'verify', 'alice', stdin=code + '\n').stdout)
    same(verdict['verdict'], 'wrong', 'which is good once')
    ok(re.search(r'Z mail user=alice service=totpctl tty=\S+ method=code device=post',
                 host.run('log', 'alice').stdout), 'log: what was sent')
    sent = actions(host, 'alice', 'mail')
    same([(e['method'], e['verdict'], e['device']) for e in sent], [('code', None, 'email'), ('code', None, 'post'), ('code', None, 'post')], 'log --json')
    return code


def test_tries(host, tray):
    """Three wrong ones, and a code is void; another is to be had when the interval is over."""
    host.run('unlock', 'alice')
    terminal = Terminal(host.command('verify', 'alice'))
    terminal.wait_for('Code ("email" sends one): ')
    terminal.type('email\n')
    said = terminal.wait_for('Code (sent to %s): ' % ALICE)
    ok('still good' not in said, 'one that was sent just now: the prompt tells', said)
    code = tray.take('One-time code').code
    terminal.type('email\n')
    said = terminal.wait_for('Code (sent to %s): ' % ALICE)
    ok(re.search(r'the code that was sent to a\*\*\*@e\*\*\*\.org is still good; another can be sent in \d+ s',
                 said), 'email again: that one is good, and until when there is no other', said)
    terminal.type(wrong_of(code) + '\n')
    same(terminal.end()[1], '1', 'a wrong code')
    for _ in range(2):
        host.run('verify', 'alice', stdin=wrong_of(code) + '\n')
    host.status(1, 'after three the right one is void', 'verify', 'alice', stdin=code + '\n')
    terminal = Terminal(host.command('verify', 'alice'))
    terminal.wait_for('Code ("email" sends one): ')
    terminal.type('email\n')
    said = terminal.wait_for('Code ("email" sends one): ')
    ok('another can be sent in ' in said, 'email, too soon: when there is another', said)
    terminal.type('\x04')
    terminal.end()
    host.run('add', 'carl')
    terminal = Terminal(host.command('verify', 'carl'))
    terminal.wait_for('Code: ')
    terminal.type('email\n')
    said = terminal.wait_for('Code: ')
    ok('no code can be sent' in said, 'email, of whom has no such device', said)
    terminal.type('\x04')
    same(terminal.end()[1], '2', 'and nothing is judged')
    host.ahead += LATER
    terminal = Terminal(host.command('verify', 'alice'))
    terminal.wait_for('Code ("email" sends one): ')
    terminal.type('email\n')
    terminal.wait_for('Code (sent to ')
    terminal.type(tray.take('One-time code').code + '\n')
    same(terminal.end()[1], '0', 'the next code is good')
    host.hidden.append(code)


def test_terminal():
    """Enrolled in one go, and tokens that nobody sees."""
    host, tray = make_host()
    host.run('add', 'alice', '--email', 'alice@example.org')
    terminal = Terminal(host.command('enroll', 'alice', '--type', 'email', '--mail-backup-tokens'))
    shown = terminal.wait_for('First code: ')
    ok('a code has been sent to %s' % ALICE in shown and 'otpauth' not in shown and '█' not in shown
       and 'QR' not in shown, 'enroll on a terminal: where the code went', shown)
    code = tray.take('One-time code').code
    terminal.type('00000000\n' if code != '00000000' else '00000001\n')
    said = terminal.wait_for('First code: ')
    ok(AGAIN in said, 'a wrong code is told, and asked for again', said)
    terminal.type(code + '\n')
    rest, status = terminal.end()
    ok(status == '0' and 'backup tokens have been sent to %s' % ALICE in rest
       and not re.search(TOKEN, rest), 'the right one; its tokens are sent', rest)
    tokens = tray.take('Backup tokens').values
    same(len(tokens), 10, 'all of them')
    host.status(0, 'which are good', 'verify', 'alice', stdin=tokens[9] + '\n')
    tray.take('A device was added')
    host.hidden += [code, *tokens]
    host.check_messages()


def test_tokens():
    host, tray = make_host()
    host.run('add', 'alice', '--email', 'alice@example.org')
    device = host.enroll('alice', '--type', 'hotp', confirm=False)
    confirmed = host.json('confirm', 'alice', '--mail-backup-tokens', stdin=hotp(device['secret'], 0) + '\n')
    same(confirmed, {'user': 'alice', 'device': 'token', 'state': 'active', 'backup_tokens': [],
                 'backup_tokens_mailed_to': ALICE}, 'confirm --mail-backup-tokens')
    message = tray.take('Backup tokens')
    same((message.to, len([v for v in message.values if re.fullmatch(TOKEN, v)])),
         ('alice@example.org', 10), 'they have come')
    host.hidden += message.values
    host.status(0, 'and are good', 'verify', 'alice', stdin=message.values[0] + '\n')
    spare = host.enroll('alice', '--type', 'hotp', confirm=False)
    run = host.run('--json', 'confirm', 'alice', '--mail-backup-tokens',
                   stdin=hotp(spare['secret'], 0) + '\n')
    same(list(json.loads(run.stdout)), ['user', 'device', 'state', 'backup_tokens'],
         'a second device brings none')
    ok('no new backup tokens' in run.stderr, 'and says so', run.stderr)
    other = host.enroll('bob', '--type', 'hotp', confirm=False)
    run = host.status(1, 'without an address', 'confirm', 'bob', '--mail-backup-tokens',
                      stdin=hotp(other['secret'], 0) + '\n')
    ok('no e-mail address' in run.stderr, 'says what is missing', run.stderr)
    same(devices(host, 'bob'), [('token', 'hotp', 'pending')], 'and confirms nothing')
    for user, says in (('bob', "'totpctl set bob email=ADDRESS', or leave out --mail-backup-tokens"),
                       ('nobody-here', "'totpctl add USER --email ADDRESS'")):
        terminal = Terminal(host.command('enroll', user, '--device', 'new', '--mail-backup-tokens'))
        shown, status = terminal.end()
        ok(status == '1' and says in shown and 'leave out --mail-backup-tokens' in shown
           and 'otpauth' not in shown and 'Secret' not in shown,
           'enroll %s: refused before anything is made' % user, shown)
    same((devices(host, 'bob'), host.run('show', 'nobody-here').returncode),
         ([('token', 'hotp', 'pending')], 3), 'nothing was')
    people = host.enroll('zoe', '--type', 'hotp', confirm=False)
    host.run('set', 'zoe', 'email=zoe@example.org')
    run = host.status(0, 'for people', 'confirm', 'zoe', '--mail-backup-tokens',
                      stdin=hotp(people['secret'], 0) + '\n')
    ok(run.stdout == '' and 'have been sent to z***@e***.org' in run.stderr, 'where they went',
       run.stdout + run.stderr)
    run = host.run('backup', 'new', 'zoe')
    ok('keep them where the phone is not' in run.stderr and 'mailbox' not in run.stderr,
       'backup new: where to keep them', run.stderr)
    host.run('enroll', 'zoe', '--type', 'email')
    host.status(0, 'an e-mail device too', 'confirm', 'zoe', 'email',
                stdin=tray.take('One-time code').code + '\n')
    run = host.run('backup', 'new', 'zoe')
    ok('not in the mailbox' in run.stderr and 'phone' not in run.stderr,
       'backup new: where to keep them beside an e-mail device', run.stderr)
    host.check_messages()


def test_failures():
    """sendmail fails: said in the log. totp-mail cannot be had: said at once."""
    host, tray = make_host()
    host.run('add', 'alice', '--email', 'alice@example.org')
    tray.fail('the queue is full')
    same(host.run('enroll', 'alice', '--type', 'email').returncode, 0, 'a sendmail that fails')
    follower = Terminal(host.command('log', '--follow', '--verdict', 'failed'))
    line = follower.wait_for('failed') + follower.wait_for('\n')
    follower.type('\x03')
    follower.end()
    ok(re.search(r'Z mail failed user=alice .*method=code', line), 'log --verdict failed', line)
    event = actions(host, 'alice', 'mail')[-1]
    same((event['verdict'], event['method']), ('failed', 'code'), 'log --json')
    tray.fail()
    with open(host.config, encoding='utf-8') as f:
        text = f.read()
    with open(host.config, 'w', encoding='utf-8') as f:
        f.write(text.replace('socket = ', 'socket = /nonexistent'))
    with open(os.path.join(os.environ['builddir'], 'totpctl'), 'rb') as f:
        path = re.search(rb'/[^\0]*/totp-mail\0', f.read()).group()[:-1].decode()
    if os.path.exists(path):
        skip('totp-mail is not there', '%s is' % path)
        return
    host.run('add', 'carl', '--email', 'carl@example.org')
    run = host.run('enroll', 'carl', '--type', 'email')
    ok(run.returncode == 0 and 'no e-mail was sent: %s: ' % path in run.stderr
       and 'has been sent' not in run.stderr, 'no totp-mail: a warning', run.stderr)
    device = host.enroll('bob', '--type', 'hotp', confirm=False)
    host.run('set', 'bob', 'email=bob@example.org')
    run = host.run('--json', 'confirm', 'bob', '--mail-backup-tokens',
                   stdin=hotp(device['secret'], 0) + '\n')
    ok(run.returncode == 0 and 'mailed_to' not in run.stdout and 'backup new' in run.stderr,
       'backup tokens that went nowhere', run.stdout + run.stderr)
    host.run('passwd', 'bob', stdin='x\n')
    run = host.status(1, 'recover ends there', 'recover', 'bob', stdin='1\n2\n3\n')
    ok('was not sent' in run.stderr, 'and says so', run.stderr)
    host.check_messages()


test_usage()
if os.geteuid() != 0:
    skip('messages', 'needs root: no other is believed')
else:
    host, tray, code, old = test_enroll()
    test_confirm(host, code, old)
    test_shown(host)
    host.hidden.append(test_verify(host, tray))
    test_tries(host, tray)
    host.check_messages()
    test_terminal()
    test_tokens()
    test_failures()
done()
