#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""totp-mail with sendmails of every kind: what arrives is what was meant, and what does not arrive
is logged and recorded."""
import base64
import ctypes
import email
import email.header
import email.policy
import email.utils
import json
import os
import pty
import pwd
import re
import resource
import signal
import socket
import subprocess
import sys
import time
sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from host import Host, done, ok, same, skip, temporary  # noqa: E402

BUILD = os.path.abspath(os.environ['builddir'])
PROGRAM = os.path.join(BUILD, 'mail', 'totp-mail')
PRELOADED = os.path.join(BUILD, '.libs', 'mail_host.so')
PATIENCE = 60
CODE, TOKENS = '12345678', 'abcd-efgh-ijkl\nmnop-qrst-uvwx'
NOW = 1795262400  # 2026-11-21 12:00:00 UTC
HEAD = ['To', 'Subject', 'Date', 'Message-ID', 'Auto-Submitted', 'MIME-Version', 'Content-Type',
        'Content-Transfer-Encoding']
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24  # <linux/prctl.h>, <linux/capability.h>
ERROR = '<3>'  # LOG_ERR; the facility is that of openlog

host = Host()
place = temporary()
log = os.path.join(place, 'log')
sendmail = os.path.join(place, 'sendmail')
config = os.path.join(place, 'totp.conf')  # of totp-mail
KEEP = 'cat >"$d/message.new"; echo "$*" >"$d/arguments"; env >"$d/environment"\n' \
       'mv "$d/message.new" "$d/message"'


def path(name):
    return os.path.join(place, name)


def put_sendmail(script=KEEP):
    with open(sendmail + '.new', 'w', encoding='utf-8') as file:
        file.write("#!/bin/sh\nd='%s'\n%s\n" % (place, script))
    os.chmod(sendmail + '.new', 0o755)
    os.rename(sendmail + '.new', sendmail)


def notice(**changes):
    made = {'config': config, 'sendmail': sendmail + ' -oi  -t', 'store': 'sqlite:' + host.db,
            'host': 'host.example.org', 'kind': 'code', 'to': 'alice@example.org',
            'full_name': 'Alice', 'user': 'alice', 'service': 'sshd', 'rhost': '192.0.2.1',
            'time': NOW, 'until': NOW + 600, 'text': CODE}
    made.update(changes)
    return made


def line(**changes):
    return (json.dumps(notice(**changes)) + '\n').encode()


ENVIRONMENT = {'PATH': '/nowhere', 'SECRET': 'hunter2', 'LANGUAGE': 'xx', 'LC_ALL': 'C',
               'TOTP_TEST_LOG': log, 'TOTP_TEST_LOCALE': place, 'LD_PRELOAD': PRELOADED,
               'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}


def start(stdin, **rest):
    return subprocess.Popen([PROGRAM, *rest.pop('words', [])], stdin=stdin, env=ENVIRONMENT,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **rest)


def forget():
    for name in ('message', 'arguments', 'environment', 'log'):
        if os.path.exists(path(name)):
            os.unlink(path(name))


def configure(made):
    """What is so on this host."""
    with open(config, 'w', encoding='utf-8') as file:
        for name, member in (('store', 'store'), ('sendmail', 'sendmail'), ('mail_from', 'from'),
                             ('mail_languages', 'languages')):
            file.write('%s = "%s"\n' % (name, made.get(member, '')))
    os.chmod(config, 0o644)


def ask(data, words=('--config', config)):
    """As systemd starts it, which waits for it: exit status, answer, what it says."""
    forget()
    ours, its = socket.socketpair()
    with ours, its:
        process = start(its, words=words)
        its.close()
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        said = process.communicate(timeout=PATIENCE)[1].decode()
        try:
            return process.returncode, ours.recv(100), said
        except ConnectionResetError:  # it has not read all of it
            return process.returncode, b'', said


def send(data):
    """To a host that is as the notice says: the exit status, where the answer is as that says."""
    try:
        configure(json.loads(data))
    except ValueError:
        configure(notice())
    status, answer, _ = ask(data)
    return status if answer == (b'' if status == 2 else b'\n') else (status, answer)


def content(name):
    if not os.path.exists(path(name)):
        return ''
    with open(path(name), encoding='utf-8', newline='') as file:
        return file.read()


def read_message():
    """It must have come."""
    with open(path('message'), 'rb') as file:
        data = file.read()
    return data, email.message_from_bytes(data, policy=email.policy.default)


def read_address(data):
    """Words side by side are one, as RFC 2047 says; not so where Python's parser reads a name."""
    name, address = email.utils.parseaddr(email.message_from_bytes(data)['To'])
    return str(email.header.make_header(email.header.decode_header(name))), address


def events():
    """Those of messages that did not go."""
    return [event for event in json.loads(host.run('--json', 'log').stdout)['events']
            if event['action'] == 'mail']


def soon(condition):
    """Whether it becomes true: looked at often, as nothing tells of it."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


# --- what arrives -------------------------------------------------------------------------------

def test_message():
    put_sendmail()
    same(send(line()), 0, 'a code is sent')
    data, message = read_message()
    same(message.keys(), HEAD, 'with this head and no more')
    same([(a.display_name, a.addr_spec) for a in message['To'].addresses],
         [('Alice', 'alice@example.org')], 'to its owner')
    same(message['Subject'], 'One-time code for host.example.org', 'of this subject')
    ok(abs(message['Date'].datetime.timestamp() - time.time()) < 3600, 'of today')
    ok(re.fullmatch(r'<[0-9a-f]{32}@host\.example\.org>', message['Message-ID']),
       'of one identifier')
    same([message['Auto-Submitted'], message['MIME-Version'], message.get_content_type(),
          message.get_content_charset(), message['Content-Transfer-Encoding'],
          message.defects, [v.defects for v in message.values()]],
         ['auto-generated', '1.0', 'text/plain', 'utf-8', 'quoted-printable', [],
          [()] * len(HEAD)], 'and well-formed')
    body = message.get_content()
    for text in ('\n    12345678\n', 'the account alice on host.example.org:',
                 'until 2026-11-21 12:10:00 UTC', 'Time: 2026-11-21 12:00:00 UTC\n',
                 'Service: sshd\n', 'Remote host: 192.0.2.1\n', 'Nobody will ever ask you'):
        ok(text in body, 'the body says: ' + text.strip(), body)
    ok('Done by' not in body, 'and no more than is known')
    ok(b'\r' not in data and b'\0' not in data and max(map(len, data.split(b'\n'))) <= 76,
       'its lines are short, and end as sendmail takes them')
    same(content('arguments'), '-oi -t\n', 'sendmail has its arguments')
    environment = dict(e.split('=', 1) for e in content('environment').splitlines())
    environment.pop('PWD')
    me = pwd.getpwuid(os.geteuid())
    same(environment, {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C.UTF-8',
                       'HOME': me.pw_dir, 'USER': me.pw_name, 'LOGNAME': me.pw_name},
         'and its own environment')
    same([content('log'), events()], ['', []], 'nothing is logged or recorded')


def test_sender():
    send(line(**{'from': 'totp@example.org'}))
    _, message = read_message()
    same([message.keys(), message['From']], [HEAD[:1] + ['From'] + HEAD[1:], 'totp@example.org'],
         'a sender')
    same(content('arguments'), '-oi -t -f totp@example.org\n', 'is the one on the envelope')
    for own in ('-f x@example.org', '-fx@example.org'):
        send(line(**{'from': 'totp@example.org', 'sendmail': sendmail + ' -t ' + own}))
        same([content('arguments'), read_message()[1]['From']],
             ['-t %s\n' % own, 'totp@example.org'], 'unless the command has one: ' + own)
    words = ' '.join('x' * 31)
    send(line(**{'from': 'totp@example.org', 'sendmail': sendmail + ' ' + words}))
    same(content('arguments'), words + ' -f totp@example.org\n', 'nor is it one word too many')
    longest = '-' + 'a' * 241 + '@example.org'
    send(line(**{'from': longest}))
    same(content('arguments'), '-oi -t -f %s\n' % longest, 'it is one word, however it begins')


def test_texts():
    send(line(actor='root', kind='device-added', device='phone', text=''))
    body = read_message()[1].get_content()
    ok('The device "phone" was added' in body and 'Done by: root\n' in body and
       'If you did not do this' in body, 'a notice says who did it', body)
    send(line(actor='alice', kind='device-added', device='phone', text=''))
    ok('Done by' not in read_message()[1].get_content(), 'unless they did it')
    send(line(kind='tokens', text=TOKENS))
    ok('\n    abcd-efgh-ijkl\n    mnop-qrst-uvwx\n\n' in read_message()[1].get_content(),
       'backup tokens stand in lines of their own')
    for kind, left, says in (('token-used', 2, '2 backup tokens are left'),
                             ('token-used', 1, '1 backup token is left'),
                             ('token-used', 0, 'None is left'),
                             ('tokens-renewed', 10, 'given 10 new backup tokens'),
                             ('tokens-renewed', 0, 'were revoked'),
                             ('device-removed', 0, 'no device in use any more, and without one'),
                             ('device-removed', -1, 'tokens were removed with the last one'),
                             ('device-disabled', 0, 'no device in use any more, and without one'),
                             ('account-disabled', 0, 'codes are not accepted any more. Whether'),
                             ('password', 1, 'The password of the account alice on '
                              'host.example.org was changed.'),
                             ('password', 0, 'The password of the account alice on '
                              'host.example.org was removed.')):
        send(line(kind=kind, left=left, text=''))
        ok(says in re.sub(r'\s+', ' ', read_message()[1].get_content()), '%s, %d' % (kind, left))
    for kind, left in (('device-added', 0), ('device-removed', 1), ('device-disabled', 1)):
        send(line(kind=kind, left=left, text=''))
        ok('in use any more' not in re.sub(r'\s+', ' ', read_message()[1].get_content()),
           '%s, %d: another is left' % (kind, left))
    for left, says in ((1, 'changed'), (0, 'removed')):
        send(line(kind='password', left=left, text=''))
        same(read_message()[1]['Subject'], 'A password was %s on host.example.org' % says,
             'the subject of a password %s' % says)
    for until, says in ((NOW + 60, 'is locked until 2026-11-21 12:01:00 UTC'),
                        (253402300799, 'until an administrator unlocks it')):
        send(line(kind='locked', until=until, text=''))
        ok(says in re.sub(r'\s+', ' ', read_message()[1].get_content()), 'locked ' + says)


def test_names():
    """A reader gets the name back, but for what nobody can print."""
    for name, shown in (('Älice Müller', None), ('Alice "Al" O\'Neil, (Dr.) <x@y>; \\ : @', None),
                        ('=?UTF-8?Q?Bcc?= x', None), ('\U0001f4f1' * 64, None),
                        ('ä' * 128, None), ('x' * 256, None), ('a ' * 127 + 'b', None),
                        ('Alice\nBcc: x@example.org', 'Alice?Bcc: x@example.org'),
                        ('Alice\r\n\r\nbody', 'Alice????body'), ('\x01\x7f\x1b[2J', '???[2J'),
                        ('Al\udcffice', 'Al?ice'), ('a\u202eb', 'a?b'), ('a\u2028b', 'a?b'),
                        ('?=', None), ('_', None), ('=20', None)):
        same(send(line(full_name=name)), 0, 'a name: %r' % name[:30])
        data, message = read_message()
        same([message.keys(), read_address(data)], [HEAD, (shown or name, 'alice@example.org')],
             'comes back, and nothing else')
        ok(max(map(len, data.split(b'\n'))) <= 76, 'in short lines')
    send(line(full_name=''))
    same(read_message()[1]['To'], 'alice@example.org', 'no name')
    send(line(host='Hélas', kind='locked', text=''))
    message = read_message()[1]
    same([message['Subject'], message['Message-ID'].endswith('@localhost>')],
         ['An account was locked on Hélas', True], 'a host that is no name of DNS')


def test_hostile():
    evil = '\n\n.\nBcc: x@example.org\n\x1b[2J\udc80'
    shown = evil.replace('\n', '\\x0a').replace('\x1b', '\\x1b').replace('\udc80', '\\x80')
    send(line(kind='device-removed', text='', service='s' + evil, rhost='r' + evil,
              actor='a' + evil, device='d' + evil, user='u' + evil, host='h' + evil))
    message = read_message()[1]
    body = message.get_content()
    same(message.keys(), HEAD, 'hostile values: the head is as ever')
    same(message['Subject'], 'A device was removed on h' +
         re.sub('[\n\x1b\udc80]', '?', evil), 'the subject is one line')
    for text in ('Service: s' + shown, 'Remote host: r' + shown, 'Done by: a' + shown):
        ok('\n' + text + '\n' in body, 'as a line: ' + text, body)
    ok('\n.\n' not in body and '\nBcc' not in body, 'nothing begins a line of its own', body)


def test_languages():
    for language in ('de', 'fr'):
        made = os.path.join(place, language, 'LC_MESSAGES')
        os.makedirs(made)
        catalog = os.path.join(BUILD, 'po', language + '.mo')
        if not os.path.exists(catalog):
            skip('languages', 'built without translations')
            return
        os.symlink(catalog, os.path.join(made, 'totp.mo'))
    for languages, subject, text in (
            ('de', 'Einmalcode für host.example.org',
             'Dies ist ein Einmalcode für das Konto alice'),
            ('fr:de', 'Code à usage unique pour host.example.org',
             'Voici un code à usage unique pour le compte alice'),
            ('nl:de', 'Einmalcode für host.example.org', 'bis 2026-11-21 12:10:00 UTC'),
            ('', 'One-time code for host.example.org', 'This is a one-time code')):
        same(send(line(languages=languages)), 0, 'in %r' % languages)
        message = read_message()[1]
        ok(message['Subject'] == subject and text in message.get_content() and
           message.keys() == HEAD and CODE in message.get_content(), 'its words', message)


# --- what does not ------------------------------------------------------------------------------

def failed(name, says, status=1, over_pipe=False, **changes):
    """One log line and one event; neither shows the code or the whole address."""
    before = len(events())
    if over_pipe:
        same(hand_over(**changes)[0], 0, name)
        soon(lambda: len(events()) > before)
    else:
        same(send(line(**changes)), status, name)
    lines = content('log').splitlines()
    what = 'the message "%s" for user=alice was not handed over: ' % changes.get('kind', 'code')
    ok(len(lines) == 1 and lines[0].startswith(ERROR + what) and says in lines[0],
       'is logged: ' + says, lines)
    ok(CODE[:4] not in content('log') and 'alice@example.org' not in content('log') and
       'abcd' not in content('log'), 'without what is secret', lines)
    found = events()
    same(len(found) - before, 1, 'is recorded')
    same({k: found[-1].get(k) for k in ('user', 'verdict', 'method', 'service', 'rhost')},
         {'user': 'alice', 'verdict': 'failed', 'method': changes.get('kind', 'code'),
          'service': 'sshd', 'rhost': '192.0.2.1'}, 'as what it is')
    return lines[0] if lines else ''


def test_failures():
    failed('a sendmail that is not there', 'cannot be started', sendmail=path('none') + ' -t')
    failed('one that is no program', 'cannot be started', sendmail=place)
    failed('one without a path', 'must begin with a slash', sendmail='sendmail -t',
           over_pipe=True)
    failed('none', 'it is empty here', sendmail='')
    failed('one of too many words', 'more than 32 words', sendmail=sendmail + ' x' * 40)
    put_sendmail('echo "postdrop: queue file write error" >&2; exit 75')
    text = failed('one that fails',
                  'sendmail ended with status 75: postdrop: queue file write error',
                  kind='device-removed', text='')
    ok(sendmail in text, 'is named', text)
    put_sendmail('kill -9 $$')
    failed('one that is killed', 'sendmail was killed by signal 9')
    put_sendmail('cat >&2; exit 1')
    failed('one that prints the message', 'sendmail ended with status 1')
    put_sendmail("echo 'no mailbox <Alice@Example.org>'; exit 1")
    failed('one that prints the address', 'ended with status 1: no mailbox <a***@e***.org>')
    put_sendmail("echo '550 <Alice@Example.org>: alice@example.org unknown'; exit 1")
    failed('one that prints it twice', 'status 1: 550 <a***@e***.org>: a***@e***.org unknown')
    encoded = [base64.b64encode(b'x' * n + CODE.encode()).decode() for n in range(3)]
    for code in (CODE, '1234 5678', '12-34-56-78', 'x%s' % CODE[2:7], '1234=\n5678', *encoded,
                 'base64 ' + encoded[0][:7], encoded[1][:6] + '\n' + encoded[1][6:],
                 CODE.encode().hex(), ' '.join('=%X' % ord(c) for c in CODE[3:7])):
        put_sendmail('echo "bad: %s"; exit 1' % code)
        text = failed('one that prints %r' % code, 'ended with status 1')
        ok('bad' not in text, 'is not quoted', text)
    put_sendmail('echo fine; echo ABCD.EFGH; exit 1')
    text = failed('one that prints a token', 'ended with status 1', kind='tokens', text=TOKENS)
    ok('fine' not in text, 'is not quoted', text)
    put_sendmail("printf 'a\\033[2J\\nfake line\\n'; exit 1")
    text = failed('one that prints control characters', 'ended with status 1: a\\x1b[2J')
    ok('fake' not in text, 'of what it prints one line is logged', text)
    put_sendmail('head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 3')
    failed('one that prints two megabytes', 'ended with status 3')
    put_sendmail('exec <&-; exit 0')
    same([send(line()), content('log')], [0, ''], 'one that reads nothing, and says it is done')
    put_sendmail('echo "postdrop: 2026-11-21 queue full, see base64(1) deadbeef"; exit 75')
    failed('one that fails for a reason', '75: postdrop: 2026-11-21 queue full, see base64(1)')


def test_addresses():
    put_sendmail()
    for address in ('', 'alice', 'a@example.org\nBcc: x@example.org', '"a\nBcc: x@y"@example.org',
                    'a@example.org, x@example.org', 'ä@example.org', '-oQ/tmp@example.org x'):
        failed('an address that is none: %r' % address, 'the address is none', to=address)
        ok(not os.path.exists(path('message')), 'sendmail is not asked')
    failed('a sender that is none', 'mail_from: the address is none', over_pipe=True,
           **{'from': 'x@example.org\nBcc: y@example.org'})
    ok(not os.path.exists(path('message')), 'sendmail is not asked')


def test_store():
    put_sendmail('exit 1')
    same(send(line(store='sqlite:' + path('none.db'))), 1, 'a store that is not there')
    lines = content('log').splitlines()
    ok(len(lines) == 2 and 'is not recorded: ' in lines[1], 'is logged too', lines)
    ok(not os.path.exists(path('none.db')), 'and not made')


# --- over the socket ----------------------------------------------------------------------------

def test_settings():
    """Whoever asks may have been taken over: what is run and written is not theirs to say."""
    own = path('own.conf')
    put_sendmail()
    with open(path('evil'), 'w', encoding='utf-8') as file:
        file.write("#!/bin/sh\necho >'%s'\n" % path('harm'))
    os.chmod(path('evil'), 0o755)
    configure(notice(languages='', **{'from': 'totp@example.org'}))
    evil = {'sendmail': path('evil'), 'from': 'x@example.org', 'languages': 'de'}
    status, answer, _ = ask(line(**evil))
    same([status, answer, os.path.exists(path('harm')), content('arguments')],
         [0, b'\n', False, '-oi -t -f totp@example.org\n'], 'the sendmail is that of this host')
    message = read_message()[1]
    same([message['From'], message['Subject']],
         ['totp@example.org', 'One-time code for host.example.org'], 'so are sender and language')
    with open(config, 'a', encoding='utf-8') as file:
        file.write('[service su]\nsendmail = %s -su\n' % sendmail)
    ask(line(service='su', **evil))
    same(content('arguments'), '-su -f totp@example.org\n', 'as the section of the service has it')
    configure(notice(sendmail=path('none')))
    other, before = path('other.db'), len(events())
    for name, changes in (('another store', {'store': 'sqlite:' + other}), ('none', {'store': ''}),
                          ('another configuration', {'config': own}), ('none', {'config': ''})):
        status, answer, said = ask(line(**changes))
        same([status, answer, len(events()), content('log'), os.path.exists(other)],
             [2, b'', before, '', False], 'a notice of %s is not taken' % name)
        ok('another configuration or store' in said and config in said, 'and it says so', said)
    same([*ask(line(**evil))[:2], len(events()) - before, os.path.exists(path('harm'))],
         [1, b'\n', 1, False], 'a failure is recorded here')


def test_configuration():
    put_sendmail()
    configure(notice())
    with open(config, 'a', encoding='utf-8') as file:
        file.write('sendmials = x\n')
    status, answer, said = ask(line())
    same([status, answer, content('message')], [2, b'', ''], 'a configuration that is not one')
    ok('there is no such option' in said, 'is named', said)
    os.unlink(config)
    same(ask(line())[:2], (2, b''), 'one that is not there')
    status, answer, said = ask(line(), words=())
    same([status, answer, content('message')], [2, b'', ''], 'the default is another')
    same(ask(line(), words=['--config', 'totp.conf'])[:2], (2, b''), 'a path from nowhere')
    same(hand_over()[0], 0, 'over a pipe')
    ok(soon(lambda: content('message')), 'what is said is believed: they could do it themselves')


# --- in the background --------------------------------------------------------------------------

def be_setuid():
    for limit, least in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 4),
                         (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_STACK, 256 * 1024)):
        # To raise the hard one takes a capability that not every root has.
        resource.setrlimit(limit, (least, resource.getrlimit(limit)[1]))
    os.setresgid(65533, 65533, 65533)
    os.setresuid(65533, 0, 0)


def be_weak():
    """As above, where root may not raise a hard limit."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, 64))
    if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0) != 0:
        raise OSError('a capability cannot be dropped')
    be_setuid()


def hand_over(preparation=None, **changes):
    """As proc_start does it: exit status, seconds. Standard error is closed with it: nobody who
    waits for its end waits for sendmail."""
    forget()
    reading, writing = os.pipe()
    os.write(writing, line(**changes))
    os.close(writing)
    begin = time.monotonic()
    with open(reading, 'rb') as stdin:
        process = start(stdin, start_new_session=True, preexec_fn=preparation)
        said = process.communicate(timeout=PATIENCE)
    return process.returncode, said, time.monotonic() - begin


def test_setuid():
    """Started by a person's su: they are its real user, and their limits are its own."""
    if os.geteuid() != 0:
        skip('started by a setuid program', 'run as root')
        return
    put_sendmail('grep -E "^(Uid|Gid|Groups)" /proc/$$/status >"$d/ids"\n' + KEEP)
    same(hand_over(be_setuid)[:2], (0, (b'', b'')), 'started by a setuid program')
    ok(soon(lambda: content('message')), 'it sends, whatever limits it was given')
    same(re.sub(r'\s+', ' ', content('ids')), 'Uid: 0 0 0 0 Gid: 0 0 0 0 Groups: ',
         'and is root, whom nobody else can stop')
    same(hand_over(be_weak)[:2], (0, (b'', b'')), 'by a root who may not raise hard limits')
    ok(soon(lambda: content('message')), 'it sends all the same')
    put_sendmail('(ulimit -n; ulimit -s; ulimit -u) >"$d/ids"\n' + KEEP)
    hand_over(be_weak)
    ok(soon(lambda: content('message')) and content('ids').split()[:2] == ['64', '8192'],
       'with as many files as it may, and as large a stack as a login has', content('ids'))


def test_background():
    put_sendmail()
    times = []
    for _ in range(10):
        status, said, seconds = hand_over()
        times.append(seconds)
        if not (status == 0 and said == (b'', b'') and soon(lambda: content('message'))):
            break
    same([status, said, len(times)], [0, (b'', b''), 10], 'it goes into the background at once')
    print('# whoever hands over a notice waits %.1f ms, at most %.1f'
          % (sorted(times)[5] * 1000, max(times) * 1000))
    os.mkfifo(path('fifo'))
    put_sendmail('trap "" TERM; echo $$ >"$d/pid.new"; mv "$d/pid.new" "$d/pid"; read x <"$d/fifo"')
    status, said, seconds = hand_over()
    same([status, said], [0, (b'', b'')], 'a sendmail that hangs')
    ok(soon(lambda: content('pid')), 'is not waited for: %.1f ms' % (seconds * 1000))
    before, pid = len(events()), int(content('pid'))
    with open('/proc/%d/stat' % pid) as file:
        parent = int(file.read().rpartition(')')[2].split()[1])
    with open('/proc/%d/limits' % parent) as file:
        same([text.split()[4] for text in file if text.startswith('Max core')], ['0'],
             'who waits for it leaves no core')
    same([os.readlink('/proc/%d/fd/%d' % (parent, n)) for n in range(3)] if os.geteuid() == 0
         else ['/dev/null'] * 3, ['/dev/null'] * 3, 'and holds nothing of the caller')
    os.kill(parent, signal.SIGTERM)
    os.kill(pid, signal.SIGKILL)
    ok(soon(lambda: len(events()) > before), 'whatever ends it, that is recorded')
    ok(soon(lambda: 'sendmail was killed by signal 9' in content('log')), 'and logged',
       content('log'))


# --- what is no notice --------------------------------------------------------------------------

def test_refusals():
    put_sendmail()
    configure(notice())
    for data, name in ((b'', 'nothing'), (b'\n', 'an empty line'), (line()[:-1], 'no whole line'),
                       (line()[:40], 'half a line'), (b'x' * 20000 + b'\n', 'too long a line'),
                       (line(kind='codes'), 'of no kind'), (line(bcc='x'), 'of another member')):
        same([send(data), content('message')], [2, ''], name + ' is no notice')
    ours, its = socket.socketpair()
    with ours:
        begin = time.monotonic()
        process = start(its)
        its.close()
        ours.sendall(line()[:-1])
        said = process.communicate(timeout=PATIENCE)[1]
        ok(process.returncode == 2 and b'no notice' in said and time.monotonic() - begin < 10,
           'one that does not end is waited for, for two seconds')
    for words in (['--help'], ['--config'], ['--config', config, 'x'], ['-c', config]):
        process = start(subprocess.DEVNULL, words=words)
        said = process.communicate(timeout=PATIENCE)[1].decode()
        ok(process.returncode == 2 and said.startswith('totp-mail: ')
           and 'no argument but --config FILE' in said, 'other arguments are refused', said)
    ours, its = pty.openpty()
    process = start(its)
    said = process.communicate(timeout=PATIENCE)[1].decode()
    ok(process.returncode == 2 and 'started by those' in said, 'a person is told what it is', said)
    os.close(ours)
    os.close(its)


test_message()
test_sender()
test_texts()
test_names()
test_hostile()
test_languages()
test_failures()
test_addresses()
test_store()
test_settings()
test_configuration()
test_background()
test_setuid()
test_refusals()
done()
