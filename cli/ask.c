/* SPDX-License-Identifier: BSD-2-Clause */
/* 1. The terminal echoes again whenever this process stops, dies or goes on: signals that would end
 * or stop it are held back until the terminal is as it was, and then let through.
 * 2. One byte is read at a time: what follows the line belongs to somebody else. */
#include "config.h"

#include "ask.h"

#include "file.h"
#include "language.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

bool ask_is_terminal(void)
{
    return isatty(STDIN_FILENO) != 0;
}

/* Waits for input on fd. Returns the number of a signal that came first, or 0. */
static int wait_for(int fd, int signals)
{
    struct pollfd ready[] = {{.fd = signals, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    struct signalfd_siginfo info;

    while (poll(ready, ARRAY_SIZE(ready), -1) < 0)
        if (errno != EINTR)
            return 0; /* the read tells what is wrong */
    if (ready[0].revents == 0 || read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

static int refuse(struct err *err, const char *where, const char *what)
{
    return err_set(err, ERR_INVALID, where, "%s", what);
}

/* Reads one line. signals: a descriptor for those held back, or -1; a *signal that came ends the
 * reading. */
static int read_line(int fd, int signals, struct answer *answer, int *signal, struct err *err)
{
    const char *where = signals >= 0 ? _("the terminal") : _("standard input");
    char line[ANSWER_SIZE] = "", byte = '\0';
    size_t length = 0;
    int r = 0;

    while (r == 0) {
        if (signals >= 0) {
            *signal = wait_for(fd, signals);
            if (*signal != 0)
                break;
        }
        ssize_t got = read(fd, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            r = err_set_errno(err, ERR_SYSTEM, errno, where, NULL);
        else if (got == 0 && length == 0)
            r = refuse(err, where, N_("a line was expected, and there was none"));
        else if (got == 0 || byte == '\n')
            break;
        else if (byte == '\0')
            r = refuse(err, where, N_("the line has a NUL byte in it: give plain text"));
        else if (length == sizeof(line) - 1)
            r = refuse(err, where, N_("the line is longer than 512 bytes"));
        else
            line[length++] = byte;
    }
    if (r == 0 && *signal == 0)
        r = answer_set_bytes(answer, line, length);
    secret_wipe(line, sizeof(line));
    return r;
}

static void print(int fd, const char *text)
{
    ssize_t written = write(fd, text, strlen(text));

    (void)written; /* a prompt that nobody sees is nothing to end for */
}

/* Asks once; *signal that came meanwhile is for the caller to raise. */
static int ask_terminal(int fd, const char *prompt, struct answer *answer, int *signal,
                        struct err *err)
{
    static const int held[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGPIPE, SIGTSTP};
    sigset_t set, before;
    struct termios usual, silent;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(held); i++)
        sigaddset(&set, held[i]);
    int signals CLEANUP(file_close) = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0 || tcgetattr(fd, &usual) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, _("the terminal"), NULL);
    silent = usual;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (sigprocmask(SIG_BLOCK, &set, &before) != 0)
        return err_set_errno(err, ERR_SYSTEM, errno, _("the terminal"), NULL);
    int r = 0;
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0) {
        r = err_set_errno(err, ERR_SYSTEM, errno, _("the terminal"),
                          _("echo cannot be switched off"));
    } else {
        print(fd, prompt);
        r = read_line(fd, signals, answer, signal, err);
        print(fd, "\n");
        while (tcsetattr(fd, TCSAFLUSH, &usual) != 0 && errno == EINTR)
            continue;
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}

int ask_secret(const char *prompt, struct answer *answer, struct err *err)
{
    int signal = 0;

    if (!ask_is_terminal())
        return read_line(STDIN_FILENO, -1, answer, &signal, err);
    (void)fflush(stdout);
    int tty CLEANUP(file_close) = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    for (;;) {
        signal = 0;
        int r = ask_terminal(tty >= 0 ? tty : STDIN_FILENO, _(prompt), answer, &signal, err);
        if (r != 0 || signal == 0)
            return r;
        (void)raise(signal); /* whoever comes back from that is asked again */
    }
}

int ask_new_password(struct answer *answer, struct err *err)
{
    struct answer first CLEANUP(answer_clear) = {0}, second CLEANUP(answer_clear) = {0};

    int r = ask_secret("New password: ", &first, err);
    if (r == 0 && first.length == 0)
        return err_set(err, ERR_INVALID, NULL, "an empty password is none: nothing was changed");
    if (r == 0 && ask_is_terminal()) {
        r = ask_secret("The same again: ", &second, err);
        if (r == 0 && strcmp(first.text, second.text) != 0)
            return err_set(err, ERR_REFUSED, NULL, "the two differ: nothing was changed");
    }
    if (r == 0)
        *answer = first;
    return r;
}
