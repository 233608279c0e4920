# SPDX-License-Identifier: BSD-2-Clause
"""Outgoing mail: a sendmail that keeps what it is given, a message a file, and totp-mail behind its
socket, as systemd starts it."""
import atexit
import email
import email.policy
import os
import re
import socket
import subprocess
import threading
import time

TOTP_MAIL = os.path.join(os.environ['builddir'], 'mail', 'totp-mail')
PATIENCE = 30

# A message is there at once, with all that is in it. It fails as long as there is a reason.
SENDMAIL = '''#!/bin/sh
set -e
if [ -e "$1/reason" ]; then cat "$1/reason"; exit 75; fi
new=$(mktemp "$1/new.XXXXXX")
cat >"$new"
mv "$new" "$1/sent.${new##*.}"
'''


class Message:
    def __init__(self, data):
        self.text = email.message_from_bytes(data, policy=email.policy.default)
        self.to = self.text['To']
        self.body = self.text.get_content()
        # What is to be typed or copied stands in lines of its own.
        self.values = re.findall(r'^ {4}(\S+)$', self.body, re.M)

    @property
    def code(self):
        """The only one it has; '' where it has none."""
        return self.values[0] if len(self.values) == 1 else ''


class Tray:
    """In a directory that root owns, or it is not believed. socket_path: where the service would have
    its own, of the configuration that is named; None: totp-mail is started where it is installed."""

    def __init__(self, directory, socket_path=None, config_path=None):
        self.kept = os.path.join(directory, 'sent')
        self.script = os.path.join(directory, 'sendmail')
        self.seen, self.waiting = set(), []
        os.mkdir(self.kept, 0o700)
        with open(self.script, 'w', encoding='ascii') as f:
            f.write(SENDMAIL)
        os.chmod(self.script, 0o755)
        self.sendmail = '%s %s' % (self.script, self.kept)
        if socket_path is not None:
            os.mkdir(os.path.dirname(socket_path), 0o755)
            self.command = [TOTP_MAIL, '--config', config_path]
            self.listen(os.path.join(os.path.dirname(socket_path), 'mail'))

    def config(self):
        return 'sendmail = "%s"\nemail_devices = yes\n' % self.sendmail

    def listen(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()
        atexit.register(self.listener.close)

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with connection:
                subprocess.Popen(self.command, stdin=connection, stdout=subprocess.DEVNULL)

    def fail(self, reason=None):
        """From now on, for this reason; or no more."""
        path = os.path.join(self.kept, 'reason')
        if reason is None:
            os.unlink(path)
            return
        with open(path, 'w', encoding='utf-8') as f:
            f.write(reason)

    def collect(self):
        paths = [os.path.join(self.kept, n) for n in os.listdir(self.kept) if n.startswith('sent.')]
        for path in sorted(set(paths) - self.seen, key=lambda p: os.stat(p).st_mtime_ns):
            self.seen.add(path)
            with open(path, 'rb') as f:
                self.waiting.append(Message(f.read()))

    def take(self, subject=''):
        """The first message that was not taken whose subject has this. It must come."""
        end = time.monotonic() + PATIENCE
        while True:
            self.collect()
            for message in self.waiting:
                if subject in message.text['Subject']:
                    self.waiting.remove(message)
                    return message
            if time.monotonic() > end:
                raise AssertionError('no message %r has come' % subject)
            time.sleep(0.01)
