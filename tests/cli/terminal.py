#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""totpctl on a terminal: prompts without echo, signals, enrolment with its first code."""
import re
import signal
import sqlite3
import sys
sys.dont_write_bytecode = True
from console import Terminal
from host import Host, done, ok, same, totp, wrong


host = Host()

# enroll, three tries
terminal = Terminal(host.command('enroll', 'alice'))
shown = terminal.wait_for('First code: ')
ok('█' in shown and 'otpauth://' in shown, 'enroll draws the code and prints the URI', shown)
secret = re.search('Secret +(.*)', shown).group(1).replace(' ', '').strip()
ok(not terminal.echoes(), 'the terminal does not echo')
terminal.type(wrong(secret) + '\n')
said = terminal.wait_for('First code: ')
ok('the code is wrong' in said, 'a wrong code is told, and asked for again', said)
code = totp(secret)
terminal.type(code + '\n')
rest, status = terminal.end()
same(status, '0', 'the first code activates')
ok(code not in rest and len(re.findall(r'\w{4}-\w{4}-\w{4}', rest)) == 10, 'tokens are shown', rest)
same(host.json('show', 'alice')['devices'][0]['state'], 'active', 'the device is active')
terminal = Terminal(host.command('enroll', 'bob', '--qr', 'none'))
shown = terminal.wait_for('First code: ')
ok('█' not in shown, '--qr none draws nothing')
bad = wrong(re.search('Secret +(.*)', shown).group(1).replace(' ', '').strip())
for _ in range(2):
    terminal.type(bad + '\n')
    terminal.wait_for('First code: ')
terminal.type(bad + '\n')
rest, status = terminal.end()
ok(status == '1' and 'pending' in rest, 'three wrong codes leave it pending', rest)
rest, status = Terminal(host.command('enroll', 'bob', '--no-confirm', '--qr', 'none')).end()
ok(status == '0' and 'pending' in rest and 'First code' not in rest, '--no-confirm does not ask')
rest, status = Terminal(host.command('--json', 'enroll', 'bob')).end()
ok(status == '0' and 'First code' not in rest, '--json does not ask', rest)

# widths and character sets
rest, status = Terminal(host.command('qr', 'alice'), columns=40).end()
ok(status == '0' and '█' not in rest and '40 columns' in rest and '--png' in rest
   and 'otpauth://' in rest, 'a narrow terminal is told so', rest)
rest, status = Terminal(host.command('qr', 'alice'), columns=80).end()
ok('█' in rest and max(map(len, rest.splitlines()[:20])) <= 80, '80 columns are enough', rest)
rest, status = Terminal(host.command('qr', 'alice'), columns=130, locale='C').end()
ok('##########' in rest and '█' not in rest, 'ASCII where the terminal is not UTF-8', rest)

# passwords
terminal = Terminal(host.command('passwd', 'alice'))
terminal.wait_for('New password: ')
terminal.type('hunter2\n')
terminal.wait_for('The same again: ')
terminal.type('hunter3\n')
rest, status = terminal.end()
ok(status == '1' and 'differ' in rest and 'hunter' not in rest, 'two that differ change nothing', rest)
terminal = Terminal(host.command('passwd', 'alice'))
for prompt in 'New password: ', 'The same again: ':
    terminal.wait_for(prompt)
    terminal.type('hunter2\n')
same(terminal.end()[1], '0', 'twice the same is set')
ok(host.json('show', 'alice')['has_password'], 'there is a password')
terminal = Terminal(host.command('verify', 'alice'))
terminal.wait_for('Code: ')
terminal.type('\x04')
rest, status = terminal.end()
ok(status == '2' and 'there was none' in rest, 'the end of input is no code', rest)
terminal = Terminal(host.command('verify', 'alice'))
terminal.wait_for('Code: ')
terminal.type('1' * 600 + '\n')
rest, status = terminal.end()
ok(status == '2' and '512' in rest, 'a line too long is refused, not cut', rest)

# two codes in a row
terminal = Terminal(host.command('resync', 'alice'))
terminal.wait_for('Code: ')
ok(not terminal.echoes(), 'resync asks without echo')
terminal.type(totp(secret, 50) + '\n')
said = terminal.wait_for('The next code: ')
ok('wait until the device shows another code' in said and not terminal.echoes(),
   'it says when to type the second', said)
terminal.type(totp(secret, 51) + '\n')
rest, status = terminal.end()
ok(status == '0' and 'accepted phone' in rest and totp(secret, 51) not in rest, 'and judges both', rest)
terminal = Terminal(host.command('--quiet', 'resync', 'alice'))
terminal.wait_for('Code: ')
terminal.type('123456\n')
said = terminal.wait_for('The next code: ')
ok('wait' not in said, '--quiet: the questions alone', said)
terminal.type('\x04')
rest, status = terminal.end()
ok(status == '2' and 'there was none' in rest, 'the end of input is no code', rest)
terminal = Terminal(host.command('resync', 'nobody-here'))
rest, status = terminal.end()
ok(status == '3' and 'Code' not in rest, 'nobody is asked for codes of who is not there', rest)

# grace, which goes by the terminal, and its end
kind = Host('grace = 1h\n')
spared = kind.enroll('gina')['secret']


def tickets():
    db = sqlite3.connect(kind.db)
    service = [row[0] for row in db.execute('SELECT service FROM ticket')]
    db.close()
    return service


terminal = Terminal(kind.command('verify', 'gina'))
terminal.wait_for('Code: ')
terminal.type(totp(spared, 1) + '\n')
terminal.end()
same(tickets(), ['totpctl'], 'a success is kept where there is grace')
kind.run('set', 'gina', 'full_name=Gina')
same(tickets(), ['totpctl'], 'whatever else is set')
same((kind.run('set', 'gina', 'grace=clear').returncode, tickets()), (0, []), 'until grace=clear')

# signals
for key, number in (('\x03', signal.SIGINT), ('\x1c', signal.SIGQUIT)):
    terminal = Terminal(host.command('verify', 'alice'))
    terminal.wait_for('Code: ')
    terminal.type('123' + key)
    said = terminal.wait_for('ENDED')
    echo = terminal.echoes()
    terminal.seen = 'ENDED' + terminal.seen
    same((terminal.end()[1], echo), (str(-number), True), 'signal %d ends it, with echo on' % number)
terminal = Terminal(host.command('verify', 'alice'))
terminal.wait_for('Code: ')
terminal.type('\x1a')
said = terminal.wait_for('Code: ')
ok('STOPPED echo 1' in said, 'stopped, the terminal echoes', said)
ok(not terminal.echoes(), 'continued, it does not')
terminal.type(totp(secret, 52) + '\n')
rest, status = terminal.end()
same(status, '0', 'and the code is read')
done()
