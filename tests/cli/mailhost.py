# SPDX-License-Identifier: BSD-2-Clause
"""A throw-away host that sends e-mail, and whose clock can be set ahead."""
import os
import struct
import time
from host import Host, hotp
from tray import Tray

CLOCK = os.path.join(os.environ['builddir'], '.libs', 'frozen_clock.so')
LATER = 120  # seconds: longer than email_interval
os.environ['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'


class MailHost(Host):
    """With a clock that can be set ahead."""
    ahead = 0

    def command(self, *words):
        if not self.ahead:
            return super().command(*words)
        page = os.path.join(self.dir, 'clock')
        with open(page, 'wb') as f:  # as tests/pam/clock.h has it
            f.write(struct.pack('=q?', int(time.time()) + self.ahead, False).ljust(4096, b'\0'))
        return ['/usr/bin/env', 'LD_PRELOAD=' + CLOCK, 'TOTP_TEST_CLOCK=' + page,
                *super().command(*words)]

    def own(self, user, first=0):
        """The codes of a counter-based device of the user's, one after the other."""
        secret = self.enroll(user, '--type', 'hotp')['secret']
        return (hotp(secret, counter) for counter in range(first + 1, 100))


def make_host(extra=''):
    host = MailHost(init=False)
    path = os.path.join(host.dir, 'run', 'totpd')
    tray = Tray(host.dir, path, host.config)
    with open(host.config, 'a', encoding='utf-8') as f:
        f.write('socket = %s\n%s%s' % (path, tray.config(), extra))
    host.run('init', '--quiet')
    return host, tray


def wrong_of(code):
    return '00000000' if code != '00000000' else '00000001'


def actions(host, user, action):
    return [e for e in host.json('log', user)['events'] if e['action'] == action]
