/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is believed, and what comes of every way to answer. The service is a child of this process,
 * whose socket stands in a directory of root's. */
#include "config.h"

#include "client.h"
#include "err.h"
#include "tap.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_ROOM (16 * 1024) /* what client.c has for a message */
#define SAYS_YES "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}}"

static const struct call call = {.method = CALL_CHECK, .user = "alice", .code = "123456"};
static char directory[256], path[300];
static uid_t stranger;
static struct reply reply;
static struct err err;

/* --- the clock and the descriptors of the client ---------------------------------------------- */

static int lowest = 99; /* descriptor that the client has used */
static time_t send_time, receive_time;
static bool after_hangup;               /* sends when the service is gone */
static int64_t skipped_ms, slowness_ms; /* each wait takes so long */
static bool impatient;

/* Notes how long the client would wait. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    static int (*real)(int, int, int, const void *, socklen_t);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
    if (level == SOL_SOCKET && option == SO_SNDTIMEO) {
        send_time = ((const struct timeval *)value)->tv_sec;
        lowest = fd < lowest ? fd : lowest;
    }
    return real(fd, level, option, value, size);
}

/* The same, and lets it wait less: its clock goes on as if it had waited. */
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*real)(struct pollfd *, nfds_t, int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "poll");
    if (after_hangup && count == 1 && fds[0].events == POLLOUT)
        (void)real(&(struct pollfd){.fd = fds[0].fd}, 1, -1);
    if (count == 1 && fds[0].events == POLLIN && (timeout + 500) / 1000 > receive_time)
        receive_time = (timeout + 500) / 1000;
    int ready = real(fds, count, impatient && timeout > 50 ? 50 : timeout);
    if (ready == 0)
        skipped_ms += timeout;
    skipped_ms += slowness_ms;
    return ready;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int r = (int)syscall(SYS_clock_gettime, clock, now);

    now->tv_sec += skipped_ms / 1000;
    return r;
}

static unsigned open_files(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned count = 0;

    while (list != NULL && readdir(list) != NULL)
        count++;
    if (list != NULL)
        closedir(list);
    return count;
}

/* --- the service ------------------------------------------------------------------------------ */

/* What it does with its one connection. */
struct script {
    const char *text;
    size_t length; /* bytes sent */
    size_t chunk;  /* so many at a time, each when the client has read the one before; 0: at once */
    bool deaf;     /* sends without having read */
    bool waits;    /* until the client is gone */
    bool signals;  /* interrupts the client before it answers */
    bool foreign;  /* is not root's */
};

static int listener = -1;
static int handled[2]; /* a byte for each signal */

static void on_signal(int number)
{
    (void)number;
    if (write(handled[1], "x", 1) != 1)
        _exit(3);
}

static bool place_socket(const char *where, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)unlink(where);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", where);
    listener = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    return listener >= 0 &&
           bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
           chmod(where, 0666) == 0;
}

/* Whether the client sleeps, which it does in its one recv. */
static bool client_sleeps(void)
{
    char name[64], text[512] = "";
    snprintf(name, sizeof(name), "/proc/%d/stat", (int)getppid());
    FILE *file = fopen(name, "r");
    size_t length = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

    if (file != NULL)
        fclose(file);
    const char *end = length > 0 ? strrchr(text, ')') : NULL;
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

static void interrupt_client(void)
{
    char byte;

    for (int i = 0; i < 3; i++) {
        while (!client_sleeps())
            sched_yield();
        if (kill(getppid(), SIGUSR1) != 0 || read(handled[0], &byte, 1) != 1)
            _exit(4);
    }
}

/* Whether it was asked what was to be asked. */
static bool hear(int fd)
{
    char expected[4096], got[4096];
    size_t length = 0, used = 0;

    if (call_write(&call, expected, sizeof(expected), &length) != 0)
        return false;
    while (used < length) {
        ssize_t n = recv(fd, got + used, sizeof(got) - used, 0);
        if (n <= 0)
            return false;
        used += (size_t)n;
    }
    return used == length && memcmp(got, expected, length) == 0;
}

static void say(int fd, const struct script *script)
{
    const size_t chunk = script->chunk > 0 ? script->chunk : script->length;

    for (size_t sent = 0; sent < script->length;) {
        size_t part = script->length - sent < chunk ? script->length - sent : chunk;
        ssize_t n = send(fd, script->text + sent, part, MSG_NOSIGNAL);
        int unread = 1;
        if (n <= 0)
            return;
        sent += (size_t)n;
        while (script->chunk > 0 && ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0)
            sched_yield();
    }
}

static int serve(const struct script *script)
{
    char byte;

    alarm(60); /* the parent's is not inherited */
    if (script->foreign && (setuid(stranger) != 0 || listen(listener, 5) != 0))
        return 5;
    if (write(handled[1], "r", 1) != 1) /* ready */
        return 6;
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return 7;
    bool heard = script->deaf || hear(fd);
    if (script->signals)
        interrupt_client();
    say(fd, script);
    if (script->waits)
        heard = recv(fd, &byte, 1, 0) <= 0 && heard;
    close(fd);
    return heard ? 0 : 1;
}

static bool bare, stayed_bare; /* the client's host has closed standard input */

static int ask_client(void)
{
    if (!bare)
        return client_ask(path, &call, &reply, &err);
    int kept = dup(0);
    close(0);
    int r = client_ask(path, &call, &reply, &err);
    stayed_bare = fcntl(0, F_GETFD) < 0;
    (void)dup2(kept, 0);
    close(kept);
    return r;
}

/* Asks a service of that script: the result of the client; *served is that of the service. */
static int ask(const struct script *script, int *served)
{
    char byte;
    int status = -1;

    err = (struct err){0};
    if (pipe(handled) != 0 || !place_socket(path, SOCK_STREAM) ||
        (!script->foreign && listen(listener, 5) != 0))
        return -1000;
    pid_t child = fork();
    if (child == 0)
        _exit(serve(script));
    int r = -1001;
    if (child > 0 && read(handled[0], &byte, 1) == 1)
        r = ask_client();
    if (r == ERR_NO_SERVICE)
        kill(child, SIGKILL); /* nobody has come to it */
    if (child > 0)
        waitpid(child, &status, 0);
    *served = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    struct pollfd again = {.fd = listener, .events = POLLIN};
    if (poll(&again, 1, 0) != 0)
        ok(false, "the client came twice");
    close(listener);
    close(handled[0]);
    close(handled[1]);
    return r;
}

/* --- what it says ----------------------------------------------------------------------------- */

#define SAYING(literal) .text = (literal), .length = sizeof(literal)

static void test_answers(void)
{
    static const struct {
        const char *name;
        struct script script;
        int result;
        bool yes;
    } cases[] = {
        {"yes", {SAYING(SAYS_YES)}, 0, true},
        {"yes, byte by byte", {SAYING(SAYS_YES), .chunk = 1}, 0, true},
        {"yes, in threes", {SAYING(SAYS_YES), .chunk = 3}, 0, true},
        {"yes, after three signals", {SAYING(SAYS_YES), .signals = true}, 0, true},
        {"yes, and more that nobody asked for", {SAYING(SAYS_YES "\0" SAYS_YES)}, 0, true},
        {"wrong, and let in",
         {SAYING("{\"parameters\":{\"verdict\":\"wrong\",\"admit\":\"yes\"}}")},
         ERR_SERVICE,
         false},
        {"a question back", {SAYING("{\"parameters\":{\"ask\":true}}")}, ERR_SERVICE, false},
        {"yes and no",
         {SAYING("{\"parameters\":{\"verdict\":\"wrong\",\"admit\":\"no\",\"verdict\":"
                 "\"accepted\",\"admit\":\"yes\"}}")},
         ERR_SERVICE,
         false},
        {"no verdict", {SAYING("{\"parameters\":{\"admit\":null}}")}, 0, false},
        {"grace that is no success",
         {SAYING("{\"parameters\":{\"verdict\":\"grace\",\"admit\":\"ignore\"}}")},
         ERR_SERVICE,
         false},
        {"enrolment for a code",
         {SAYING("{\"parameters\":{\"verdict\":\"unenrolled\",\"enroll\":true}}")},
         ERR_SERVICE,
         false},
        {"tokens for a wrong code",
         {SAYING("{\"parameters\":{\"verdict\":\"wrong\",\"tokens_due\":true}}")},
         ERR_SERVICE,
         false},
        {"no members", {SAYING("{\"parameters\":{}}")}, 0, false},
        {"an empty object", {SAYING("{}")}, ERR_SERVICE, false},
        {"an empty message", {SAYING("")}, ERR_SERVICE, false},
        {"garbage", {SAYING("\xff\xfe\x01 garbage")}, ERR_SERVICE, false},
        {"half an answer", {.text = SAYS_YES, .length = 30}, ERR_SERVICE, false},
        {"all but its end", {.text = SAYS_YES, .length = sizeof(SAYS_YES) - 1}, ERR_SERVICE, false},
        {"nothing", {.text = "", .length = 0}, ERR_SERVICE, false},
        {"nothing, unheard", {.text = "", .length = 0, .deaf = true}, ERR_SERVICE, false},
        {"yes with more to come, and nothing more",
         {SAYING("{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},"
                 "\"continues\":true}")},
         ERR_SERVICE,
         false},
        {"yes with more to come, and garbage",
         {SAYING("{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},"
                 "\"continues\":true}\0x")},
         ERR_SERVICE,
         false},
        {"yes with more to come, and no verdict",
         {SAYING("{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},"
                 "\"continues\":true}\0{\"parameters\":{}}")},
         0,
         false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int served = -1;
        reply = (struct reply){0};
        int r = ask(&cases[i].script, &served);
        ok(r == cases[i].result && served == 0 &&
               (reply.outcome.admit == ADMIT_YES) == cases[i].yes &&
               (reply.outcome.verdict == VERDICT_ACCEPTED) == cases[i].yes && !reply.enroll &&
               !reply.tokens_due && (r == 0 || err.code == r),
           "%s: %s", cases[i].name, err_sentence(r));
    }
    ok(send_time == 5 && receive_time == 20, "it waits 5 s to send and 20 s for an answer");
}

static void test_silence(void)
{
    static const struct script scripts[] = {
        {.text = "", .length = 0, .waits = true},
        {.text = SAYS_YES, .length = 20, .waits = true},
    };

    impatient = true;
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        int served = -1;
        reply = (struct reply){0};
        ok(ask(&scripts[i], &served) == ERR_SERVICE && served == 0 &&
               reply.outcome.admit == ADMIT_NO && strstr(err.what, "try again") != NULL &&
               strcmp(err.where, path) == 0,
           "a service that says %zu bytes and no more: %s", scripts[i].length, err.what);
    }
    impatient = false;
}

/* A service that goes away takes nobody along. */
static void test_hangup(void)
{
    static const struct script script = {.text = "", .deaf = true};
    int served = -1;

    after_hangup = true;
    reply = (struct reply){0};
    int r = ask(&script, &served);
    after_hangup = false;
    ok(r == ERR_SERVICE && served == 0 && reply.outcome.admit == ADMIT_NO,
       "a service that leaves before it was asked: %s", err.what);
}

/* A byte now and then does not keep anybody waiting for ever. */
static void test_dribble(void)
{
    static const struct {
        int64_t each_ms;
        int result;
    } cases[] = {{300, 0}, {1000, ERR_SERVICE}};
    static const struct script script = {SAYING(SAYS_YES), .chunk = 1};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int served = -1;
        reply = (struct reply){0};
        slowness_ms = cases[i].each_ms;
        int r = ask(&script, &served);
        slowness_ms = 0;
        ok(r == cases[i].result && (reply.outcome.admit == ADMIT_YES) == (r == 0),
           "%zu bytes, one in %d ms: %s", sizeof(SAYS_YES), (int)cases[i].each_ms,
           r == 0 ? "an answer" : err.what);
    }
}

static void test_lengths(void)
{
    static char text[CLIENT_ROOM + 1];
    const char *const before =
        "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},\"x\":\"";

    for (size_t length = CLIENT_ROOM; length <= CLIENT_ROOM + 1; length++) {
        int served = -1;
        memset(text, 'x', length);
        memcpy(text, before, strlen(before));
        memcpy(text + length - 3, "\"}", 3);
        const struct script script = {.text = text, .length = length};
        reply = (struct reply){0};
        int r = ask(&script, &served);
        ok(r == (length == CLIENT_ROOM ? 0 : ERR_SERVICE) &&
               (reply.outcome.admit == ADMIT_YES) == (r == 0),
           "an answer of %zu bytes: %s", length, err.what);
    }
    static char password[CLIENT_ROOM];
    memset(password, 'p', sizeof(password) - 1);
    const struct call large = {.method = CALL_CHECK, .user = "a", .password = password};
    ok(place_socket(path, SOCK_STREAM) && listen(listener, 5) == 0, "a service");
    struct pollfd asked = {.fd = listener, .events = POLLIN};
    ok(client_ask(path, &large, &reply, &err) == ERR_TOO_LONG && poll(&asked, 1, 0) == 0 &&
           strstr(err.what, "ppp") == NULL,
       "is not asked what is too long: %s", err.what);
    close(listener);
}

static unsigned visits;

static int visit(void *context, const struct account *account)
{
    char name[32];

    snprintf(name, sizeof(name), "user-%u", ++visits);
    if (strcmp(account->name, name) != 0)
        ok(false, "account %u is %s", visits, account->name);
    return visits == *(unsigned *)context ? 77 : 0;
}

/* Many messages, whole and in pieces that end anywhere. */
static void test_streams(void)
{
    static char text[128 * 1024];
    static const size_t chunks[] = {0, 1000, 7777, 16384, 50000};
    size_t used = 0, length = 0;
    unsigned stop_at = 0;

    for (unsigned i = 1; i <= 300; i++) {
        struct account account = {.email = "a@example.org"};
        snprintf(account.name, sizeof(account.name), "user-%u", i);
        if (reply_write_account(&account, text + used, sizeof(text) - used, &length) != 0)
            ok(false, "account %u", i);
        used += length;
    }
    const struct reply nothing = {0};
    ok(reply_write(CALL_LIST, &nothing, text + used, sizeof(text) - used, &length) == 0,
       "300 accounts, %zu bytes", used);
    used += length;
    for (size_t i = 0; i <= ARRAY_SIZE(chunks); i++) {
        const bool stops = i == ARRAY_SIZE(chunks);
        const struct script script = {.text = text, .length = used, .chunk = stops ? 0 : chunks[i]};
        int served = -1;
        visits = 0;
        stop_at = stops ? 200 : 0;
        reply = (struct reply){.each_account = visit, .context = &stop_at};
        int r = ask(&script, &served);
        ok(r == (stops ? 77 : 0) && visits == (stops ? 200 : 300) && served == 0,
           "in pieces of %zu bytes: %u visits", script.chunk, visits);
    }
}

static void test_refusals(void)
{
    static const int codes[] = {ERR_PERMISSION, ERR_PROOF,   ERR_REFUSED,   ERR_NOT_SERVED,
                                ERR_STORE_BUSY, ERR_INVALID, ERR_NOT_FOUND, ERR_SERVICE};
    const struct outcome locked = {.verdict = VERDICT_LOCKED, .locked_until = 42};
    int served = -1;

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        char text[1024];
        const struct err said = {.code = codes[i], .where = "there", .what = "that is why"};
        size_t length = 0;
        if (reply_write_err(&said, &locked, text, sizeof(text), &length) != 0)
            ok(false, "writing it");
        const struct script script = {.text = text, .length = length};
        reply = (struct reply){0};
        ok(ask(&script, &served) == codes[i] && served == 0 && err.code == codes[i] &&
               strcmp(err.where, "there") == 0 && strcmp(err.what, "that is why") == 0 &&
               reply.outcome.admit == ADMIT_NO &&
               reply.outcome.locked_until == (codes[i] == ERR_REFUSED ? 42 : 0),
           "it refuses: %s", err_sentence(codes[i]));
    }
    static const struct script busy = {
        SAYING("{\"error\":\"" CALL_INTERFACE ".Busy\",\"parameters\":{}}")};
    ok(ask(&busy, &served) == ERR_BUSY && err.code == ERR_BUSY, "it is busy");
    static const struct script unknown = {SAYING(
        "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"x\"}}")};
    ok(ask(&unknown, &served) == ERR_NOT_SERVED && err.code == ERR_NOT_SERVED,
       "it does not know that, and has done nothing");
}

/* --- where it is ------------------------------------------------------------------------------ */

static int ask_at(const char *where)
{
    err = (struct err){0};
    reply = (struct reply){0};
    return client_ask(where, &call, &reply, &err);
}

/* Not the same as nobody: whoever starts a setuid program may have made it so. */
static void test_unseen(void)
{
    struct rlimit before, none;
    int free_fd = dup(0);

    getrlimit(RLIMIT_NOFILE, &before);
    bool placed = place_socket(path, SOCK_STREAM) && listen(listener, 5) == 0;
    close(free_fd);
    none = (struct rlimit){.rlim_cur = (rlim_t)free_fd, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    int r = ask_at(path);
    setrlimit(RLIMIT_NOFILE, &before);
    struct pollfd asked = {.fd = listener, .events = POLLIN};
    ok(placed && r == ERR_SERVICE && poll(&asked, 1, 0) == 0, "no descriptor left: %s", err.what);
    close(listener);
    (void)unlink(path);
}

static void test_nobody(void)
{
    char where[400];
    static const char *const absent[] = {"",         "totpd",  "./totpd",
                                         "../totpd", "@totpd", "/nonexistent/totpd"};

    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        ok(ask_at(absent[i]) == ERR_NO_SERVICE && err.what[0] != '\0', "nobody is at '%s': %s",
           absent[i], err.what);
    (void)unlink(path);
    ok(ask_at(path) == ERR_NO_SERVICE, "nor where there is no socket: %s", err.what);
    ok(place_socket(path, SOCK_STREAM) && ask_at(path) == ERR_NO_SERVICE,
       "nor where nobody listens: %s", err.what);
    close(listener);
    ok(ask_at(path) == ERR_NO_SERVICE, "nor any more: %s", err.what);
    ok(place_socket(path, SOCK_SEQPACKET) && listen(listener, 5) == 0 &&
           ask_at(path) == ERR_NO_SERVICE,
       "nor on another kind of socket: %s", err.what);
    close(listener);
    (void)unlink(path);
    test_unseen();
    /* The kernel takes 107 bytes and a NUL byte; the longer one is put there by a shorter name. */
    for (size_t length = 107; length <= 108; length++) {
        char other[400], name[128];
        size_t used = strlen(directory);
        memset(name, 'n', sizeof(name));
        name[length - used - 1] = '\0';
        snprintf(where, sizeof(where), "%s/%s", directory, name);
        snprintf(other, sizeof(other), "%s/s", directory);
        bool placed = place_socket(other, SOCK_STREAM) && listen(listener, 5) == 0 &&
                      rename(other, where) == 0;
        struct pollfd asked = {.fd = listener, .events = POLLIN};
        impatient = true;
        int r = ask_at(where);
        impatient = false;
        ok(placed && strlen(where) == length &&
               r == (length == 107 ? ERR_SERVICE : ERR_NO_SERVICE) &&
               poll(&asked, 1, 0) == (length == 107),
           "a path of %zu bytes: %s", length, err.what);
        close(listener);
        (void)unlink(where);
    }
}

enum fault {
    FAULT_NONE,
    DIRECTORY_OF_GROUP,
    DIRECTORY_OF_ALL,
    DIRECTORY_STICKY,
    DIRECTORY_OF_STRANGER,
    DIRECTORY_LINK,
    SOCKET_OF_STRANGER,
    SOCKET_LINK,
    SOCKET_FILE,
    SOCKET_DIRECTORY,
};

/* Makes the place wrong, or right again. */
static bool spoil(enum fault fault)
{
    char aside[320];

    snprintf(aside, sizeof(aside), "%s.real", path);
    switch (fault) {
    case FAULT_NONE:
        return chmod(directory, 0755) == 0 && chown(directory, 0, 0) == 0;
    case DIRECTORY_OF_GROUP:
        return chmod(directory, 0775) == 0;
    case DIRECTORY_OF_ALL:
        return chmod(directory, 0757) == 0;
    case DIRECTORY_STICKY:
        return chmod(directory, 01777) == 0;
    case DIRECTORY_OF_STRANGER:
        return chown(directory, stranger, 0) == 0;
    case SOCKET_OF_STRANGER:
        return chown(path, stranger, 0) == 0;
    case SOCKET_LINK:
        return rename(path, aside) == 0 && symlink(aside, path) == 0;
    case SOCKET_FILE:
        return unlink(path) == 0 && close(open(path, O_CREAT | O_CLOEXEC, 0600)) == 0;
    case SOCKET_DIRECTORY:
        return unlink(path) == 0 && mkdir(path, 0755) == 0;
    case DIRECTORY_LINK:
        break;
    }
    return true;
}

static void test_untrusted(void)
{
    static const char *const names[] = {
        [FAULT_NONE] = "nothing",
        [DIRECTORY_OF_GROUP] = "its directory is the group's too",
        [DIRECTORY_OF_ALL] = "its directory is everybody's",
        [DIRECTORY_STICKY] = "its directory is like /tmp",
        [DIRECTORY_OF_STRANGER] = "its directory is a stranger's",
        [DIRECTORY_LINK] = "its directory is a link",
        [SOCKET_OF_STRANGER] = "the socket is a stranger's",
        [SOCKET_LINK] = "the socket is a link",
        [SOCKET_FILE] = "it is a file",
        [SOCKET_DIRECTORY] = "it is a directory",
    };
    char link[300], through[400], aside[320];

    snprintf(link, sizeof(link), "%s.link", directory);
    snprintf(through, sizeof(through), "%s/totpd", link);
    snprintf(aside, sizeof(aside), "%s.real", path);
    ok(symlink(directory, link) == 0, "a link to the directory");
    for (unsigned i = FAULT_NONE; i < ARRAY_SIZE(names); i++) {
        bool placed = place_socket(path, SOCK_STREAM) && listen(listener, 5) == 0 && spoil(i);
        struct pollfd asked = {.fd = listener, .events = POLLIN};
        impatient = true;
        int r = ask_at(i == DIRECTORY_LINK ? through : path);
        impatient = false;
        ok(placed && r == (i == FAULT_NONE ? ERR_SERVICE : ERR_UNTRUSTED) &&
               poll(&asked, 1, 0) == (i == FAULT_NONE) && reply.outcome.admit == ADMIT_NO,
           "what is wrong is that %s: %s", names[i], err.what);
        close(listener);
        (void)remove(path);
        (void)unlink(aside);
        if (!spoil(FAULT_NONE))
            ok(false, "mending it");
    }
}

/* Root made the socket, but somebody else listens: he is told nothing. */
static void test_stranger(void)
{
    const struct script script = {SAYING(SAYS_YES), .deaf = true, .foreign = true, .waits = true};
    int served = -1;

    reply = (struct reply){0};
    ok(ask(&script, &served) == ERR_UNTRUSTED && served == 0 && reply.outcome.admit == ADMIT_NO,
       "a stranger's yes is not believed: %s", err.what);
}

/* --- a guest ---------------------------------------------------------------------------------- */

static void test_descriptors(void)
{
    static const struct script script = {SAYING(SAYS_YES)};
    const unsigned before = open_files();
    int served = -1;

    lowest = 99;
    bare = true;
    int r = ask(&script, &served);
    bare = false;
    ok(r == 0 && reply.outcome.admit == ADMIT_YES && stayed_bare && lowest > 2,
       "standard input is left closed, and never a socket");
    ok(open_files() == before, "no descriptor stays behind");
}

int main(void)
{
    const struct passwd *somebody = getpwnam("games");
    const struct sigaction action = {.sa_handler = on_signal};

    alarm(120);
    umask(022);
    if (geteuid() != 0) {
        tap_skip("only root can play the service");
        return tap_done();
    }
    stranger = somebody != NULL ? somebody->pw_uid : 65534;
    sigaction(SIGUSR1, &action, NULL);
    snprintf(directory, sizeof(directory), "%s/run", tap_dir());
    snprintf(path, sizeof(path), "%s/totpd", directory);
    if (!ok(mkdir(directory, 0755) == 0, "a directory of root's"))
        return tap_done();
    test_answers();
    test_silence();
    test_hangup();
    test_dribble();
    test_lengths();
    test_streams();
    test_refusals();
    test_nobody();
    test_untrusted();
    test_stranger();
    test_descriptors();
    return tap_done();
}
