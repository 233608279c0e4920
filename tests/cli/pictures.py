#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""QR codes drawn and saved, scanned by zbarimg."""
import os
import shutil
import stat
import subprocess
import sys
sys.dont_write_bytecode = True
from host import Host, done, ok, same, skip, totp
from screen import paint, read_blocks, read_hashes, scan_picture

if not shutil.which('zbarimg') or not shutil.which('rsvg-convert'):
    skip('pictures', 'zbarimg (zbar-tools) and rsvg-convert (librsvg2-bin) are needed')
    done()

host = Host()


def scan(path):
    run = subprocess.run(['zbarimg', '-q', '--raw', path], capture_output=True, text=True)
    return run.stdout.strip()


picture = os.path.join(host.dir, 'picture.png')
vector = os.path.join(host.dir, 'picture.svg')
for kind in ([], ['--algorithm', 'SHA256', '--digits', '8', '--period', '60'],
             ['--algorithm', 'SHA512', '--type', 'hotp']):
    device = host.json('enroll', 'alice', '--device', 'phone', *kind, '--png', picture,
                       '--svg', vector)
    host.hidden.append(device['secret'])
    name = ' '.join(kind) or 'the default'
    same(scan(picture), device['uri'], 'PNG: ' + name)
    subprocess.run(['rsvg-convert', '-w', '600', '-o', picture, vector], check=True)
    same(scan(picture), device['uri'], 'SVG: ' + name)
    for style, rows in (('utf8', read_blocks), ('ascii', read_hashes)):
        drawn = paint(rows(host.run('qr', 'alice', '--qr', style).stdout))
        same(scan_picture(drawn), device['uri'], '%s: %s' % (style, name))
ok(host.run('qr', 'alice').stdout.startswith('URI '), 'nothing is drawn where there is no terminal')

# what was scanned is what logs in
device = host.json('enroll', 'bob', '--algorithm', 'SHA256', '--digits', '8', '--period', '60',
                   '--png', picture)
secret = dict(p.split('=') for p in scan(picture).split('?')[1].split('&'))['secret']
run = host.run('confirm', 'bob', stdin=totp(secret, 0, 60, 8, 'SHA256') + '\n')
same(run.returncode, 0, 'the code of a scanned secret, SHA256, 8 digits, 60 s, is right')

# files
same([stat.S_IMODE(os.stat(p).st_mode) for p in (picture, vector)], [0o600, 0o600],
     'pictures are nobody else\'s')
os.remove(vector)
os.symlink('/dev/null', vector)
run = host.run('qr', 'alice', '--svg', vector)
ok(run.returncode == 4 and os.path.islink(vector), 'a link is not written through', run.stderr)
for name, path in (('a directory', host.dir), ('nowhere', '/nonexistent/x.png')):
    run = host.run('enroll', 'carol', '--png', path)
    ok(run.returncode == 4 and 'URI ' in run.stdout and path in run.stderr and 'pending' in run.stderr,
       'a picture that cannot be saved: %s' % name, run.stdout + run.stderr)
same(len([f for f in os.listdir(host.dir) if f.startswith('picture')]), 2, 'nothing is left beside')
long = Host('issuer = %s\nlabel = %s\n' % ('é' * 120, 'ü' * 120))
run = long.run('enroll', 'alice', '--qr', 'utf8', '--png', picture)
ok(run.returncode in (0, 2) and 'otpauth://' in run.stdout, 'a very long URI', run.stderr)
host.check_messages()
done()
