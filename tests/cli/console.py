# SPDX-License-Identifier: BSD-2-Clause
"""A command on a terminal of its own."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios


class Terminal:
    """A command in a terminal of its own, under a small shell that can stop and continue it."""

    def __init__(self, command, columns=120, locale='C.UTF-8'):
        self.seen = ''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
            os.environ['LC_ALL'] = locale
            shell(command)

    def wait_for(self, text):
        """What was printed up to text and with it, or all there was."""
        while text not in self.seen:
            if not select.select([self.fd], [], [], 60)[0]:
                break
            try:
                got = os.read(self.fd, 65536)
            except OSError:  # the other side is gone
                break
            if not got:
                break
            self.seen += got.decode(errors='replace')
        end = self.seen.find(text) + len(text) if text in self.seen else len(self.seen)
        before, self.seen = self.seen[:end], self.seen[end:]
        return before

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The rest of the output, and how the command ended."""
        rest = self.wait_for('ENDED') + self.wait_for('\n')
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        return re.sub(r'ENDED.*', '', rest), re.search(r'ENDED (-?\d+)', rest + 'ENDED 999').group(1)


def shell(command):
    """Runs command in the foreground; when it stops, says so and continues it."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(command[0], command)
    status = os.waitpid(pid, os.WUNTRACED)[1]
    while os.WIFSTOPPED(status):
        os.tcsetpgrp(0, os.getpgrp())
        print('STOPPED echo %d' % bool(termios.tcgetattr(0)[3] & termios.ECHO), flush=True)
        os.tcsetpgrp(0, pid)
        os.kill(pid, signal.SIGCONT)
        status = os.waitpid(pid, os.WUNTRACED)[1]
    os.tcsetpgrp(0, os.getpgrp())
    print('ENDED %d' % os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)
