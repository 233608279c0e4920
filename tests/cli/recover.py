#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A password that was forgotten: the verb recover, and why it cannot help; the device that replaces
one that is lost. The messages are real, sendmail is not."""
import json
import os
import re
import sys
sys.dont_write_bytecode = True
from console import Terminal
from host import done, hotp, ok, same, skip
from mailhost import LATER, actions, make_host, wrong_of

ALICE = 'a***@e***.org'
PASSWORD = 'open sesame'
SILENT = "totpctl: sendmail: no mail is sent: an administrator may set 'sendmail' in totp.conf\n"


def test_recover():
    host, tray = make_host('max_failures = 4\n')
    host.run('add', 'alice', '--email', 'alice@example.org')
    own = host.own('alice')
    host.status(3, 'recover: nobody', 'recover', 'nobody-here')
    host.status(2, 'recover: as root one says whom', 'recover')
    host.run('passwd', 'alice', stdin='forgotten\n')
    tray.take('A password was changed')
    run = host.status(2, 'recover: no answers', 'recover', 'alice')
    ok('a code has been sent to %s' % ALICE in run.stderr and 'three lines are needed' in run.stderr,
       'sends the code, and tells what it reads', run.stderr)
    mailed = tray.take('Code for a new password').code
    refused = []
    for name, first, second in (('a wrong mailed code', wrong_of(mailed), next(own)),
                                ('a wrong own code', mailed, '000000')):
        run = host.run('recover', 'alice', stdin='%s\n%s\n%s\n' % (first, second, PASSWORD))
        same((run.returncode, run.stdout), (1, 'wrong\n'), 'recover: ' + name)
        refused.append(run.stderr)
    told = [re.sub(r'.* is still good; another can be sent in \d+ s\n', '', text) for text in refused]
    same(told[0], told[1], 'is told in the same words as the other')
    ok(all('the code that was sent to %s is still good; another' % ALICE in text
           and 'has been sent' not in text for text in refused), 'that no other was sent', refused[0])
    same(host.json('show', 'alice')['failures'], 2, 'each counts')
    run = host.run('--json', 'recover', 'alice', stdin='%s\n%s\n%s\n' % (mailed, next(own), PASSWORD))
    same((run.returncode, json.loads(run.stdout)),
         (0, {'user': 'alice', 'verdict': 'accepted', 'method': 'hotp', 'device': 'token'}),
         'recover: both codes')
    tray.take('A password was changed')
    ok(host.json('show', 'alice')['failures'] == 0, 'and the count is clear')
    host.run('recover', 'alice')
    void = tray.take('Code for a new password').code
    used = next(own)
    host.run('verify', 'alice', stdin=used + '\n')
    for first, second in ((void, used), (void, 'hello'), (wrong_of(void), next(own))):
        run = host.run('--json', 'recover', 'alice', stdin='%s\n%s\nx\n' % (first, second))
        same((run.stderr.split('\n', 1)[1], json.loads(run.stdout)),
             (told[0], {'user': 'alice', 'verdict': 'wrong', 'method': None, 'device': None}),
             'which of them it was, and how, is not told')
    run = host.status(1, 'recover: after them', 'recover', 'alice')
    ok(re.search(r'another can be sent in \d+ s', run.stderr), 'says how long to wait', run.stderr)
    host.run('unlock', 'alice')
    same([(e['verdict'], e['device']) for e in actions(host, 'alice', 'recover')],
         [('wrong', None), ('wrong', None), ('accepted', 'token'), ('wrong', None),
          ('wrong', None), ('wrong', None)], 'log: each of them')
    ok(re.search(r'Z recover accepted user=alice service=totpctl method=hotp device=token',
                 host.run('log').stdout), 'log for people')
    host.hidden += [mailed, PASSWORD]
    return host, tray, own


def test_recover_terminal(host, tray, own):
    host.ahead = LATER
    before = changes(host)
    terminal = Terminal(host.command('recover', 'alice'))
    shown = terminal.wait_for('Code from the e-mail: ')
    ok('sent to ' + ALICE in shown and not terminal.echoes(), 'recover on a terminal', shown)
    mailed, code = tray.take('Code for a new password').code, next(own)
    for prompt, answer in ((None, mailed), ('A code of another device, or a backup token: ', code),
                           ('New password: ', PASSWORD), ('The same again: ', PASSWORD + '!')):
        if prompt is not None:
            terminal.wait_for(prompt)
        terminal.type(answer + '\n')
    rest, status = terminal.end()
    ok(status == '1' and 'differ' in rest and changes(host) == before,
       'two passwords that differ change nothing', rest)
    terminal = Terminal(host.command('recover', 'alice'))
    for prompt, answer in (('Code from the e-mail: ', mailed),
                           ('A code of another device, or a backup token: ', code),
                           ('New password: ', PASSWORD), ('The same again: ', PASSWORD)):
        terminal.wait_for(prompt)
        terminal.type(answer + '\n')
    rest, status = terminal.end()
    ok(status == '0' and 'accepted hotp token' in rest and 'the password is changed' in rest
       and PASSWORD not in rest and mailed not in rest, 'nor use up a code', rest)
    same(changes(host), before + 1, 'there is another password')
    host.ahead += LATER
    host.run('recover', 'alice')
    mailed = tray.take('Code for a new password').code
    host.status(2, 'an empty password', 'recover', 'alice', stdin='%s\n%s\n\n' % (mailed, next(own)))
    host.ahead += 601
    before = changes(host)
    run = host.run('recover', 'alice', stdin='%s\n%s\nx\n' % (mailed, next(own)))
    same((run.stdout, changes(host)), ('wrong\n', before), 'a code after its lifetime')
    for _ in range(3):
        run = host.run('recover', 'alice', stdin='12345678\n123456\nx\n')
    same((run.returncode, host.json('show', 'alice')['failures']), (1, 3),
         'guesses are counted, and then there is no code to guess')
    host.run('verify', 'alice', stdin='000000\n')
    same(host.run('verify', 'alice', stdin=next(own)).returncode, 5, 'one more locks the account')
    run = host.status(5, 'recover: a locked account', '--json', 'recover', 'alice')
    ok('the account is locked until 2' in run.stderr, 'is told until when', run.stderr)
    same(json.loads(run.stdout),
         {'user': 'alice', 'verdict': 'locked', 'method': None, 'device': None}, 'recover --json')
    host.check_messages()


def changes(host):
    """How often the password was recovered."""
    return sum(e['verdict'] == 'accepted' for e in actions(host, 'alice', 'recover'))


def reconfigure(host, old, new):
    """The same host with another configuration."""
    with open(host.config, encoding='utf-8') as f:
        text = f.read()
    with open(host.config, 'w', encoding='utf-8') as f:
        f.write(text.replace(old, new))
    return text


def verdict(host, word, says, name):
    """recover ends before a code is sent, and with one line about the reason."""
    run = host.run('--json', 'recover', 'bob')
    same((run.returncode, json.loads(run.stdout or '{}')),
         (5 if word == 'locked' else 1,
          {'user': 'bob', 'verdict': word, 'method': None, 'device': None}), name)
    ok(says in run.stderr and run.stderr.count('\n') == 1, 'says what to do', run.stderr)
    same(host.run('recover', 'bob').stdout, word + '\n', 'for people')


def refusal(host, says, name):
    run = host.status(1, name, 'recover', 'bob')
    ok(says in run.stderr and run.stderr.count('\n') == 1 and run.stdout == '', 'says what to do',
       run.stderr)


def test_reasons():
    """Each condition by its name."""
    host, tray = make_host('max_failures = 1\n')
    host.run('add', 'bob')
    verdict(host, 'unenrolled', "'totpctl enroll bob' makes one", 'recover: without a device')
    device = host.enroll('bob', '--type', 'hotp', confirm=False)
    verdict(host, 'unenrolled', "until 'totpctl confirm bob' has", 'recover: a device that waits')
    host.run('confirm', 'bob', stdin=hotp(device['secret'], 0) + '\n')
    refusal(host, "no e-mail address; 'totpctl set bob email=ADDRESS' sets one", 'recover: no address')
    host.run('set', 'bob', 'email=bob@example.org')
    refusal(host, "no password in the store to recover: 'totpctl passwd bob' sets one",
            'recover: no password')
    host.run('passwd', 'bob', stdin='forgotten\n')
    host.run('verify', 'bob', stdin='12345\n')
    verdict(host, 'locked', 'the account is locked until 2', 'recover: a lock')
    host.run('lock', 'bob')
    verdict(host, 'locked', "the account is closed: 'totpctl unlock bob' opens it", 'recover: closed')
    host.run('unlock', 'bob')
    host.run('disable', 'bob')
    verdict(host, 'disabled', "'totpctl enable bob' switches it on", 'recover: switched off')
    host.run('enable', 'bob')
    host.run('disable', 'bob', 'token')
    verdict(host, 'unenrolled', "'totpctl show bob' tells of those that are switched off",
            'recover: a device that is switched off')
    host.run('enroll', 'bob', '--type', 'email')
    host.status(0, 'an e-mail device', 'confirm', 'bob', 'email',
                stdin=tray.take('One-time code').code + '\n')
    host.run('backup', 'revoke', 'bob')
    refusal(host, "no backup token is left; 'totpctl passwd bob' sets a password",
            'recover: nothing beside the code')
    same(actions(host, 'bob', 'recover'), [], 'none of these is an attempt')
    tokens = host.json('backup', 'new', 'bob')['backup_tokens']
    terminal = Terminal(host.command('recover', 'bob'))
    terminal.wait_for('Code from the e-mail: ')
    mailed = tray.take('Code for a new password').code
    for prompt, answer in ((None, mailed), ('A backup token: ', tokens[0]), ('New password: ', PASSWORD),
                           ('The same again: ', PASSWORD)):
        said = terminal.wait_for(prompt) if prompt else ''
        ok(not prompt or said.endswith(prompt) and 'another device' not in said, 'recover: %s' % prompt,
           said)
        terminal.type(answer + '\n')
    rest, status = terminal.end()
    ok(status == '0' and rest.rstrip().endswith('accepted backup'), 'recover: with e-mail and a token',
       rest)
    host.hidden += [mailed, *tokens]
    host.check_messages()


def test_mailed_tokens():
    """Tokens that came to the mailbox that the code comes to are no second proof; the next are."""
    host, tray = make_host()
    host.run('add', 'alice', '--email', 'alice@example.org')
    host.run('passwd', 'alice', stdin='forgotten\n')
    terminal = Terminal(host.command('enroll', 'alice', '--type', 'email', '--mail-backup-tokens'))
    terminal.wait_for('First code: ')
    terminal.type(tray.take('One-time code').code + '\n')
    terminal.end()
    tokens = tray.take('Backup tokens').values
    sent = len(actions(host, 'alice', 'mail'))
    run = host.status(1, 'recover: with tokens that were mailed', 'recover', 'alice',
                      stdin='12345678\n%s\n%s\n' % (tokens[0], PASSWORD))
    same((len(actions(host, 'alice', 'mail')), 'been sent' in run.stderr, host.json(
        'backup', 'status', 'alice')['left']), (sent, False, 10), 'no code is sent, no token used')
    host.status(0, 'they log in', 'verify', 'alice', stdin=tokens[0] + '\n')
    own = host.own('alice')
    host.run('recover', 'alice')
    mailed = tray.take('Code for a new password').code
    run = host.run('--json', 'recover', 'alice', stdin='%s\n%s\n%s\n' % (mailed, tokens[1], PASSWORD))
    same((run.returncode, json.loads(run.stdout)['verdict']), (1, 'wrong'),
         'nor is one good beside an app, with the code that was sent')
    shown = host.json('backup', 'new', 'alice')['backup_tokens']
    run = host.run('--json', 'recover', 'alice', stdin='%s\n%s\n%s\n' % (mailed, shown[0], PASSWORD))
    same((run.returncode, json.loads(run.stdout)['method']), (0, 'backup'), 'one that was shown is')
    host.ahead = LATER
    host.run('recover', 'alice')
    mailed = tray.take('Code for a new password').code
    same(host.run('recover', 'alice', stdin='%s\n%s\n%s\n' % (mailed, next(own), PASSWORD)).returncode,
         0, "and an app's code")
    host.hidden += [mailed, PASSWORD, *tokens, *shown]
    host.check_messages()


def email_at_verify(host, user):
    """What is said to whoever types it."""
    terminal = Terminal(host.command('verify', user))
    terminal.wait_for('Code: ')
    terminal.type('email\n')
    said = terminal.wait_for('Code: ')
    terminal.type('\x04')
    terminal.end()
    return said.replace('\r', '')


def test_host(host, tray, own):
    """The host sends nothing: it is to blame, and not the account."""
    host.run('unlock', 'alice')
    host.ahead += LATER
    host.run('add', 'carl', '--email', 'carl@example.org')
    text = reconfigure(host, 'sendmail = ', 'sendmail =\n#')
    for words in (['recover', 'alice'], ['enroll', 'carl', '--type', 'email']):
        run = host.status(1, 'sendmail=: ' + words[0], *words)
        same(run.stderr, SILENT, 'blames the configuration')
    ok(SILENT in email_at_verify(host, 'alice'), 'verify, email: the same')
    reconfigure(host, 'sendmail =\n#', 'audit_only = yes\nsendmail = ')
    run = host.status(1, 'audit_only: recover', 'recover', 'alice')
    ok('audit_only=no' in run.stderr, 'blames the configuration', run.stderr)
    reconfigure(host, 'audit_only = yes', 'email_devices = no')
    reconfigure(host, 'email_devices = yes', '')
    ok('email_devices=yes' in email_at_verify(host, 'alice'), 'email_devices=no: verify, email')
    with open(host.config, 'w', encoding='utf-8') as f:
        f.write(text.replace('sendmail = "', 'sendmail = "/nonexistent'))
    missing = 'totpctl: /nonexistent%s: there is no such program: no e-mail leaves this host; see ' \
              'totp.conf(5)\n' % tray.script
    for words, status, rest in ((['enroll', 'carl', '--type', 'email'], 0, 'is pending until'),
                                (['recover', 'alice'], 1, 'the code was not sent'),
                                (['recover', 'alice'], 1, 'the code was not sent')):
        run = host.run(*words, stdin='1\n2\n3\n')
        ok(run.returncode == status and missing in run.stderr and rest in run.stderr
           and 'been sent' not in run.stderr and 'still good' not in run.stderr,
           'no sendmail: ' + words[0], run.stderr)
    follower = Terminal(host.command('log', '--follow', 'alice', '--verdict', 'failed'))
    line = follower.wait_for('failed') + follower.wait_for('\n')
    follower.type('\x03')
    follower.end()
    ok('mail failed user=alice' in line and 'method=recovery' in line, 'it is recorded all the same', line)
    with open(host.config, 'w', encoding='utf-8') as f:
        f.write(text)


def test_lost():
    """enroll --replace, as the manual has it."""
    host, _ = make_host()
    host.enroll('alice')
    same(host.run('disable', 'alice', 'phone').returncode, 0, 'a lost phone: disabled')
    new = host.enroll('alice', '--replace')
    same([(d['device'], d['state']) for d in host.json('show', 'alice')['devices']],
         [('phone', 'active')], 'the new one has its place')
    host.hidden.append(new['secret'])
    host.enroll('alice', '--device', 'tablet')
    run = host.status(1, 'of two', 'enroll', 'alice', '--replace')
    ok('name the one' in run.stderr, 'one is to be named', run.stderr)
    host.check_messages()


if os.geteuid() != 0:
    skip('messages', 'needs root: no other is believed')
else:
    made = test_recover()
    test_recover_terminal(*made)
    test_host(*made)
    test_reasons()
    test_mailed_tokens()
    test_lost()
done()
