/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "file.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A path in the test's directory; valid for the next few calls. */
static const char *in_dir(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", tap_dir(), name);
    return path;
}

static void put(const char *path, const char *text, size_t length, mode_t mode)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || fwrite(text, 1, length, file) != length || fclose(file) != 0 ||
        chmod(path, mode) != 0) {
        perror(path);
        exit(1);
    }
}

static bool holds(const char *path, const char *text)
{
    char content[256] = "";
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(content, 1, sizeof(content) - 1, file);

    if (file != NULL)
        fclose(file);
    return file != NULL && length == strlen(text) && strcmp(content, text) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 ? status.st_mode & 07777 : (mode_t)-1;
}

/* Opens and checks: both must answer alike, and name path and remedy. */
static void check_both(const char *path, mode_t forbidden, int expected, const char *remedy)
{
    struct err opened = {0}, checked = {0};
    int fd = -1, result = file_open(path, forbidden, &fd, &opened);
    int result_check = file_check(path, forbidden, &checked);
    bool told =
        expected == 0 || (strcmp(opened.where, path) == 0 && strcmp(checked.where, path) == 0 &&
                          opened.what[0] != '\0' && strstr(opened.what, remedy) != NULL &&
                          strcmp(opened.what, checked.what) == 0);

    ok(result == expected && result_check == expected && told && (fd >= 0) == (expected == 0),
       "%s: %s", strrchr(path, '/') + 1, expected == 0 ? "accepted" : opened.what);
    ok(expected != 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec when open");
    file_close(&fd);
}

static void test_modes(void)
{
    static const struct {
        mode_t mode, forbidden;
        int result;
        const char *remedy;
    } rows[] = {
        {0600, FILE_PRIVATE, 0, ""},
        {0400, FILE_PRIVATE, 0, ""},
        {0644, FILE_PRIVATE, ERR_FILE_MODE, "0644, but nobody else may read it: run 'chmod 600 /"},
        {0640, FILE_PRIVATE, ERR_FILE_MODE, "'chmod 600 /"},
        {0604, FILE_PRIVATE, ERR_FILE_MODE, "'chmod 600 /"},
        {0620, FILE_PRIVATE, ERR_FILE_MODE, "nobody else may write to it"},
        {0601, FILE_PRIVATE, ERR_FILE_MODE, "'chmod 600 /"},
        {0644, FILE_PUBLIC, 0, ""},
        {0600, FILE_PUBLIC, 0, ""},
        {0664, FILE_PUBLIC, ERR_FILE_MODE, "0664, but nobody else may write to it"},
        {0646, FILE_PUBLIC, ERR_FILE_MODE, "'chmod 644 /"},
        {0777, FILE_PUBLIC, ERR_FILE_MODE, "'chmod 755 /"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char name[32];

        snprintf(name, sizeof(name), "mode-%zu", i);
        put(in_dir(name), "x", 1, rows[i].mode);
        check_both(in_dir(name), rows[i].forbidden, rows[i].result, rows[i].remedy);
    }
}

static void test_types(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    put(in_dir("file"), "x", 1, 0600);
    (void)!symlink("file", in_dir("link"));
    (void)!symlink("nothing", in_dir("dangling"));
    (void)!symlink("circle", in_dir("circle"));
    mkdir(in_dir("directory"), 0700);
    mkfifo(in_dir("fifo"), 0600);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("socket"));
    (void)!bind(listener, (struct sockaddr *)&address, sizeof(address));
    file_close(&listener);
    check_both(in_dir("link"), 0, ERR_FILE_LINK, "symbolic link");
    check_both(in_dir("dangling"), 0, ERR_FILE_LINK, "symbolic link");
    check_both(in_dir("circle"), 0, ERR_FILE_LINK, "symbolic link");
    check_both(in_dir("directory"), 0, ERR_FILE_TYPE, "not a regular file");
    check_both(in_dir("fifo"), 0, ERR_FILE_TYPE, "not a regular file");
    check_both(in_dir("socket"), 0, ERR_FILE_TYPE, "not a regular file");
    check_both("/dev/null", 0, ERR_FILE_TYPE, "not a regular file");
    check_both(in_dir("nothing"), 0, ERR_FILE_MISSING, "does not exist");
    check_both(in_dir("file/below"), 0, ERR_SYSTEM, "Not a directory");
}

static void test_owner(void)
{
    check_both("/etc/passwd", FILE_PUBLIC, 0, "");
    if (geteuid() != 0) {
        tap_skip("only root can give a file away");
        return;
    }
    put(in_dir("theirs"), "x", 1, 0600);
    if (chown(in_dir("theirs"), 12345, 0) != 0) {
        tap_skip("chown does not work here");
        return;
    }
    check_both(in_dir("theirs"), FILE_PRIVATE, ERR_FILE_OWNER, "12345, but must belong to root");
}

static void test_check_dir(void)
{
    struct err err = {0};

    mkdir(in_dir("private"), 0700);
    (void)!symlink("private", in_dir("to-private"));
    put(in_dir("plain"), "", 0, 0600);
    ok(file_check_dir(in_dir("private"), FILE_PRIVATE, &err) == 0, "a private directory");
    chmod(in_dir("private"), 0750);
    ok(file_check_dir(in_dir("private"), FILE_PRIVATE, &err) == ERR_FILE_MODE &&
           strstr(err.what, "chmod 700 ") != NULL,
       "one others may read: %s", err.what);
    ok(file_check_dir(in_dir("private"), FILE_PUBLIC, &err) == 0,
       "which is right for a public one");
    ok(file_check_dir(in_dir("to-private"), 0, &err) == ERR_FILE_LINK, "a link to one: %s",
       err.what);
    ok(file_check_dir(in_dir("plain"), 0, &err) == ERR_FILE_TYPE, "a file: %s", err.what);
    ok(file_check_dir(in_dir("no-such"), 0, &err) == ERR_FILE_MISSING, "nothing: %s", err.what);
}

static void test_dirname(void)
{
    static const char *const rows[][2] = {
        {"/a/b", "/a"}, {"/a", "/"},    {"/", "/"},           {"//", "/"}, {"a", "."},
        {"a/b", "a"},   {"a/b/", "a"},  {"a/", "."},          {"", "."},   {"/a//b//", "/a"},
        {"//a", "/"},   {"../b", ".."}, {"/a/../b", "/a/.."},
    };
    char out[8];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ok(file_dirname(rows[i][0], out, sizeof(out)) == 0 && strcmp(out, rows[i][1]) == 0,
           "the directory of '%s' is '%s'", rows[i][0], out);
    ok(file_dirname("/1234567/x", out, sizeof(out)) == ERR_TOO_LONG, "8 bytes do not fit into 8");
}

static void test_make_dir(void)
{
    struct err err = {0};
    bool created = false;

    umask(0077);
    ok(file_make_dir(in_dir("one//two/three/"), 0700, &created, &err) == 0 && created &&
           mode_of(in_dir("one")) == 0755 && mode_of(in_dir("one/two")) == 0755 &&
           mode_of(in_dir("one/two/three")) == 0700,
       "three levels under umask 077");
    ok(umask(0) == 0077, "the umask is as it was");
    ok(file_make_dir(in_dir("one/four"), 0755, &created, &err) == 0 &&
           mode_of(in_dir("one/four")) == 0755,
       "one more under umask 0");
    umask(022);
    ok(file_make_dir(in_dir("one/four"), 0755, &created, &err) == 0 && !created,
       "it is there the second time");
    ok(file_make_dir(in_dir("one/four"), 0755, NULL, &err) == 0, "created may be NULL");
    ok(file_make_dir(in_dir("one/four"), 0700, &created, &err) == ERR_FILE_MODE,
       "one that is too open: %s", err.what);
    put(in_dir("one/file"), "", 0, 0600);
    ok(file_make_dir(in_dir("one/file"), 0700, &created, &err) == ERR_FILE_TYPE, "a file: %s",
       err.what);
    ok(file_make_dir(in_dir("one/file/five"), 0700, &created, &err) == ERR_SYSTEM,
       "below a file: %s", err.what);
    (void)!symlink("four", in_dir("one/link"));
    ok(file_make_dir(in_dir("one/link"), 0755, &created, &err) == ERR_FILE_LINK, "a link: %s",
       err.what);
}

/* How many entries the directory has: none may be left behind. */
static unsigned entries(const char *path)
{
    DIR *directory = opendir(path);
    unsigned count = 0;

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count - 2;
}

static void test_write(void)
{
    struct err err = {0};

    mkdir(in_dir("w"), 0700);
    umask(0077);
    ok(file_write(in_dir("w/a"), 0644, false, "first", 5, &err) == 0 &&
           mode_of(in_dir("w/a")) == 0644 && holds(in_dir("w/a"), "first"),
       "mode 0644 under umask 077");
    umask(0);
    ok(file_write(in_dir("w/b"), 0600, true, "", 0, &err) == 0 && mode_of(in_dir("w/b")) == 0600 &&
           holds(in_dir("w/b"), ""),
       "mode 0600 under umask 0, replacing nothing");
    umask(022);
    ok(file_write(in_dir("w/a"), 0600, false, "second", 6, &err) == ERR_EXISTS &&
           holds(in_dir("w/a"), "first") && strcmp(err.where, in_dir("w/a")) == 0,
       "without replace, what exists stays");
    ok(file_write(in_dir("w/a"), 0600, true, "second", 6, &err) == 0 &&
           holds(in_dir("w/a"), "second") && mode_of(in_dir("w/a")) == 0600,
       "with replace, it is exchanged, its mode too");
    (void)!symlink("a", in_dir("w/link"));
    ok(file_write(in_dir("w/link"), 0600, true, "third", 5, &err) == ERR_FILE_LINK &&
           holds(in_dir("w/a"), "second"),
       "a link is not replaced: %s", err.what);
    ok(file_write(in_dir("w/link"), 0600, false, "third", 5, &err) == ERR_EXISTS &&
           holds(in_dir("w/a"), "second"),
       "nor written through");
    mkdir(in_dir("w/d"), 0700);
    ok(file_write(in_dir("w/d"), 0600, true, "x", 1, &err) == ERR_FILE_TYPE, "a directory: %s",
       err.what);
    ok(file_write(in_dir("w/none/x"), 0600, true, "x", 1, &err) == ERR_SYSTEM, "nowhere: %s",
       err.what);
    ok(entries(in_dir("w")) == 4, "nothing is left beside the files");
}

/* A disk that fills up, as a limit on the size of files. */
static void test_write_fails(void)
{
    static const char big[8192];
    struct rlimit before, small;
    struct err err = {0};
    int result;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    result = file_write(in_dir("w/a"), 0600, true, big, sizeof(big), &err);
    setrlimit(RLIMIT_FSIZE, &before);
    ok(result == ERR_SYSTEM && holds(in_dir("w/a"), "second") && entries(in_dir("w")) == 4,
       "a write that fails half-way leaves the old file and nothing else: %s", err.what);
    const uid_t self = geteuid();
    chmod(in_dir("w"), 0500);
    if (self == 0 && seteuid(65534) != 0) /* root may write everywhere */
        ok(false, "becoming somebody else");
    result = file_write(in_dir("w/a"), 0600, true, "x", 1, &err);
    if (self == 0 && seteuid(0) != 0)
        ok(false, "becoming root again");
    chmod(in_dir("w"), 0700);
    ok(result == ERR_SYSTEM && holds(in_dir("w/a"), "second"), "a directory we may not write: %s",
       err.what);
}

/* The lines, each with a '|' behind it, then the result. */
static void read_lines(const char *text, size_t length, const char *expected, int expected_result,
                       unsigned expected_number)
{
    char seen[4096] = "", *line;
    int fd = -1, result;

    put(in_dir("lines"), text, length, 0600);
    if (file_open(in_dir("lines"), 0, &fd, NULL) != 0)
        return;
    struct file_lines lines = FILE_LINES_INIT(fd);
    while ((result = file_next_line(&lines, &line)) > 0) {
        strcat(seen, line);
        strcat(seen, "|");
    }
    ok(result == expected_result && strcmp(seen, expected) == 0 && lines.number == expected_number,
       "%zu bytes make %u lines, then %d", length, lines.number, result);
    file_lines_clear(&lines);
    file_close(&fd);
}

static void test_lines(void)
{
    char text[3 * FILE_LINE_SIZE], expected[3 * FILE_LINE_SIZE];
    char *line;
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    struct file_lines lines = FILE_LINES_INIT(fd);

    read_lines("", 0, "", 0, 0);
    read_lines("\n", 1, "|", 0, 1);
    read_lines("a", 1, "a|", 0, 1);
    read_lines("a\n", 2, "a|", 0, 1);
    read_lines("a\n\nb\r\nc", 7, "a||b\r|c|", 0, 4);
    read_lines("a\nb\0c\n", 6, "a|", ERR_SYNTAX, 2);
    read_lines("\0", 1, "", ERR_SYNTAX, 1);

    memset(text, 'x', sizeof(text));
    snprintf(expected, sizeof(expected), "%.1023s|", text);
    read_lines(text, 1023, expected, 0, 1);
    read_lines(text, 1024, "", ERR_TOO_LONG, 1);
    text[1023] = '\n';
    read_lines(text, 1024, expected, 0, 1);
    text[1023] = 'x';
    text[1024] = '\n';
    read_lines(text, 1025, "", ERR_TOO_LONG, 1);

    for (size_t i = 0; i < sizeof(text); i++) /* lines that cross the buffer's end */
        text[i] = i % 100 == 99 ? '\n' : 'y';
    memcpy(expected, text, sizeof(text));
    for (size_t i = 99; i < sizeof(text); i += 100)
        expected[i] = '|';
    expected[3000] = '\0';
    read_lines(text, 3000, expected, 0, 30);

    ok(file_next_line(&lines, &line) == ERR_SYSTEM, "a directory has no lines");
    memset(lines.buffer, 'k', sizeof(lines.buffer));
    file_lines_clear(&lines);
    ok(lines.buffer[0] == 0 && memcmp(lines.buffer, lines.buffer + 1, FILE_LINE_SIZE - 1) == 0,
       "file_lines_clear leaves nothing");
    file_close(&fd);
}

static void test_close(void)
{
    int fd = open("/", O_RDONLY | O_CLOEXEC), number = fd;

    errno = EXDEV;
    file_close(&fd);
    ok(fd == -1 && errno == EXDEV && fcntl(number, F_GETFD) < 0, "file_close closes, keeps errno");
    errno = EXDEV;
    file_close(&fd);
    ok(fd == -1 && errno == EXDEV, "and takes what is closed");
}

/* In a child, with each of the 8 sets of standard descriptors closed. */
static int hold_with(unsigned closed)
{
    struct file_stdio held = {0};
    int fd, errors = 0;

    for (int i = 0; i < 3; i++)
        if (closed & 1U << i)
            close(i);
        else
            fcntl(i, F_SETFD, 0);
    errors += file_stdio_hold(&held) != 0;
    fd = open("/", O_RDONLY | O_CLOEXEC);
    errors += fd < 3;
    file_close(&fd);
    for (int i = 0; i < 3; i++) {
        bool ours = closed & 1U << i;

        errors += held.held[i] != ours;
        errors += fcntl(i, F_GETFD) != (ours ? FD_CLOEXEC : 0);
        errors += ours && (write(i, "x", 1) >= 0 || errno != EBADF);
    }
    file_stdio_release(&held);
    for (int i = 0; i < 3; i++)
        errors += (fcntl(i, F_GETFD) < 0) != ((closed & 1U << i) != 0);
    file_stdio_release(&held);
    return errors;
}

static void test_stdio(void)
{
    for (unsigned closed = 0; closed < 8; closed++) {
        int status = -1;
        pid_t child = fork();

        if (child == 0)
            _exit(hold_with(closed));
        ok(waitpid(child, &status, 0) == child && status == 0,
           "standard descriptors closed %u are held and released", closed);
    }
}

int main(void)
{
    alarm(60); /* a FIFO that makes us wait is a failure, not a hang */
    umask(022);
    test_modes();
    test_types();
    test_owner();
    test_check_dir();
    test_dirname();
    test_make_dir();
    test_write();
    test_write_fails();
    test_lines();
    test_close();
    test_stdio();
    return tap_done();
}
