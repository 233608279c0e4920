/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that decide who gets in; floor 1.
 *
 * 1. A path is opened once without following a link in its last component, the descriptor is
 * checked, and the descriptor is used.
 * 2. The owner must be root or the user this process acts as.
 * 3. A FIFO or a device never makes us wait.
 * 4. Every descriptor is close-on-exec. */
#ifndef TOTP_FILE_H
#define TOTP_FILE_H

#include "base.h"
#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

#define FILE_PRIVATE 0077 /* bits that a private file must not have */
#define FILE_PUBLIC 0022  /* bits that a file everyone may read must not have */

/* Opens a regular file for reading and sets *fd, which the caller closes (file_close). forbidden:
 * mode bits that must be off. ERR_FILE_*, ERR_SYSTEM; the message names the path and the remedy. */
int file_open(const char *path, mode_t forbidden, int *fd, struct err *err) MUST_CHECK;

/* The same checks without opening the contents: closing a descriptor would drop the locks SQLite
 * holds on that file elsewhere in this process. */
int file_check(const char *path, mode_t forbidden, struct err *err) MUST_CHECK;

/* The directory exists, is a directory itself (not a link), is owned as rule 2 says and has none of
 * the forbidden bits. */
int file_check_dir(const char *path, mode_t forbidden, struct err *err) MUST_CHECK;

/* Writes the directory part of path ("." when there is none). ERR_TOO_LONG. */
int file_dirname(const char *path, char *out, size_t size) MUST_CHECK;

/* Creates path and missing parents; the last one with mode, parents with 0755. An existing one is
 * checked by file_check_dir. *created (may be NULL) tells. The process's umask is neither used nor
 * changed. */
int file_make_dir(const char *path, mode_t mode, bool *created, struct err *err) MUST_CHECK;

/* Writes a new file whole or not at all: a temporary neighbour, fsync, then its name. With replace,
 * an existing regular file is exchanged; without, ERR_EXISTS. Exactly mode, whatever the umask. */
int file_write(const char *path, mode_t mode, bool replace, const void *data, size_t length,
               struct err *err) MUST_CHECK;

/* Closes *fd and sets it to -1; keeps errno. For CLEANUP; takes -1. */
void file_close(int *fd);

/* Lines of a small text file. A line ends with LF or the end of the file. */
#define FILE_LINE_SIZE 1024

struct file_lines {
    int fd; /* borrowed */
    unsigned number;
    size_t start, end;
    bool at_end;
    char buffer[FILE_LINE_SIZE];
};

#define FILE_LINES_INIT(descriptor) \
    {                               \
        .fd = (descriptor)          \
    }

/* 1 and *line (valid until the next call, without its LF), or 0 at the end, or ERR_TOO_LONG,
 * ERR_SYNTAX (a NUL byte), ERR_SYSTEM. lines->number is the number of the line returned or refused,
 * from 1. */
int file_next_line(struct file_lines *lines, char **line) MUST_CHECK;

/* Wipes the buffer: it may have held a key. For CLEANUP. */
void file_lines_clear(struct file_lines *lines);

/* Occupies descriptors 0 to 2 where the host has closed them, so that no library of ours opens a
 * file there; file_stdio_release closes what was occupied. */
struct file_stdio {
    bool held[3];
};

int file_stdio_hold(struct file_stdio *held) MUST_CHECK;
void file_stdio_release(struct file_stdio *held);

#endif
