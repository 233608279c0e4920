/* SPDX-License-Identifier: BSD-2-Clause */
/* What listens in the place of the service: who is not root's is never asked, whatever it would
 * say; and what root's own says in the wrong way lets nobody in. */
#include "config.h"

#include "impostor.h"
#include "login.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STRANGER 54321
#define YES "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\",\"method\":\"totp\"}}"

static int64_t step = STEP_GA;
static struct account alice;
static char directory[512];
static struct play *play;

/* --- places nobody but root can have made, or not --------------------------------------------- */

enum thing { SOCKET, DATAGRAM, STALE, NOTHING, REGULAR, FIFO, DIRECTORY, LINK, LINKED_DIRECTORY };

static const struct place {
    const char *name;
    enum thing thing;
    uid_t directory, owner, listener;
    mode_t mode; /* of the directory */
    bool suspect;
} places[] = {
    {"a socket of somebody's", SOCKET, 0, STRANGER, STRANGER, 0755, true},
    {"a socket of somebody's, where root listens", SOCKET, 0, STRANGER, 0, 0755, true},
    {"a socket of root's, where somebody listens", SOCKET, 0, 0, STRANGER, 0755, true},
    {"a directory of somebody's", SOCKET, STRANGER, 0, 0, 0755, true},
    {"a directory where all may write", SOCKET, 0, 0, 0, 0777, true},
    {"a directory where all may write, but not remove", SOCKET, 0, 0, 0, 01777, true},
    {"a directory where a group may write", SOCKET, 0, 0, 0, 0775, true},
    {"a link in the place of the directory", LINKED_DIRECTORY, 0, 0, 0, 0755, true},
    {"a link to a socket", LINK, 0, 0, 0, 0755, true},
    {"a file", REGULAR, 0, 0, 0, 0755, true},
    {"a FIFO", FIFO, 0, 0, 0, 0755, true},
    {"a directory", DIRECTORY, 0, 0, 0, 0755, true},
    {"a socket for datagrams", DATAGRAM, 0, 0, 0, 0755, false},
    {"a socket where nobody listens", STALE, 0, 0, 0, 0755, false},
    {"nothing", NOTHING, 0, 0, 0, 0755, false},
};

static char elsewhere[600];

static bool needs_people(const struct place *place)
{
    return place->directory != 0 || place->owner != 0 || place->listener != 0;
}

static void put(bool fine, const char *path)
{
    host_need(fine, path);
}

static pid_t make_place(const struct place *place)
{
    const char *path = service_socket();
    pid_t child = 0;

    snprintf(elsewhere, sizeof(elsewhere), "%s-elsewhere", directory);
    switch (place->thing) {
    case SOCKET:
        child = impostor_listen(impostor_socket(path, SOCK_STREAM, place->owner), place->listener);
        break;
    case LINKED_DIRECTORY:
        child = impostor_listen(impostor_socket(path, SOCK_STREAM, 0), 0);
        put(rename(directory, elsewhere) == 0 && symlink(elsewhere, directory) == 0, directory);
        return child;
    case LINK:
        child = impostor_listen(impostor_socket(elsewhere, SOCK_STREAM, 0), 0);
        put(symlink(elsewhere, path) == 0, path);
        break;
    case DATAGRAM:
    case STALE:
        close(impostor_socket(path, place->thing == STALE ? SOCK_STREAM : SOCK_DGRAM, 0));
        break;
    case REGULAR:
    case FIFO:
        put(mknod(path, (place->thing == FIFO ? S_IFIFO : S_IFREG) | 0666, 0) == 0, path);
        break;
    case DIRECTORY:
        put(mkdir(path, 0755) == 0, path);
        break;
    case NOTHING:
        break;
    }
    put(chown(directory, place->directory, (gid_t)-1) == 0 && chmod(directory, place->mode) == 0,
        directory);
    return child;
}

static void clear_place(const struct place *place, pid_t child)
{
    impostor_end(child);
    if (place->thing == LINKED_DIRECTORY)
        put(unlink(directory) == 0 && rename(elsewhere, directory) == 0, directory);
    put(chown(directory, 0, (gid_t)-1) == 0 && chmod(directory, 0755) == 0, directory);
    (void)remove(service_socket());
    (void)remove(elsewhere);
}

/* Root's process does without, and says why if there is something behind it; nobody else can. */
static void test_place(const struct place *place)
{
    struct login wrong = {.user = "alice", .answers = {CODE_WRONG}}, right = {.user = "alice"};
    struct login other = {.user = "games"};
    char code[9];

    if (needs_people(place) && !host_has_people()) {
        tap_skip("%s needs root", place->name);
        return;
    }
    impostor_say(YES, sizeof(YES));
    pid_t child = make_place(place);
    person_next_code(&alice, &step, code);
    right.answers[0] = other.answers[0] = code;
    wrong.lines = right.lines = place->suspect ? 2 : 1;
    const unsigned engines = redirect_given();
    login_expect(&wrong, PAM_AUTH_ERR, 1, place->name);
    ok(!place->suspect == (*login_log("the service is not asked: ") == '\0'), "the log tells");
    login_expect(&right, PAM_SUCCESS, 1, "the code is judged here");
    ok(redirect_given() == engines + 2 && play->received == 0, "nobody else has seen it");
    if (host_has_people()) {
        login_run_as(&other, 5, 5);
        ok(other.result == PAM_AUTHINFO_UNAVAIL && login_logs() == 1 && play->received == 0 &&
               *login_log("denied, this process is not root's") != '\0',
           "a user is denied");
    }
    clear_place(place, child);
}

/* --- what root's own says --------------------------------------------------------------------- */

#define PARAMETERS(members) "{\"parameters\":{" members "}}"
#define ERROR(name, members) "{\"error\":\"" name "\",\"parameters\":{" members "}}"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define OURS "org.pamtotp.Service."

static const struct talk {
    const char *name, *reply;
    int result;
} talks[] = {
    {"a proper one", YES, PAM_SUCCESS},
    {"one with more members", PARAMETERS("\"verdict\":\"accepted\",\"new\":[{}],\"admit\":\"yes\""),
     PAM_SUCCESS},
    {"a refusal", PARAMETERS("\"verdict\":\"wrong\",\"admit\":\"no\""), PAM_AUTH_ERR},
    {"without a verdict", PARAMETERS(""), PAM_AUTH_ERR},
    {"null for a verdict", PARAMETERS("\"verdict\":null,\"admit\":null"), PAM_AUTH_ERR},
    {"accepted, without admit", PARAMETERS("\"verdict\":\"accepted\""), PAM_AUTH_ERR},
    {"to be asked", PARAMETERS("\"ask\":true"), PAM_AUTHINFO_UNAVAIL},
    {"admit without a verdict", PARAMETERS("\"admit\":\"yes\""), PAM_AUTHINFO_UNAVAIL},
    {"admit, wrong", PARAMETERS("\"admit\":\"yes\",\"verdict\":\"wrong\""), PAM_AUTHINFO_UNAVAIL},
    {"admit, replayed", PARAMETERS("\"admit\":\"yes\",\"verdict\":\"replayed\""),
     PAM_AUTHINFO_UNAVAIL},
    {"admit, malformed", PARAMETERS("\"admit\":\"yes\",\"verdict\":\"malformed\""),
     PAM_AUTHINFO_UNAVAIL},
    {"admit, locked", PARAMETERS("\"admit\":\"yes\",\"verdict\":\"locked\""), PAM_AUTHINFO_UNAVAIL},
    {"ignore, wrong", PARAMETERS("\"admit\":\"ignore\",\"verdict\":\"wrong\""),
     PAM_AUTHINFO_UNAVAIL},
    {"ignore, accepted", PARAMETERS("\"admit\":\"ignore\",\"verdict\":\"accepted\""),
     PAM_AUTHINFO_UNAVAIL},
    {"to be asked and admitted",
     PARAMETERS("\"ask\":true,\"admit\":\"yes\",\"verdict\":\"accepted\""), PAM_AUTHINFO_UNAVAIL},
    {"two verdicts", PARAMETERS("\"verdict\":\"wrong\",\"admit\":\"yes\",\"verdict\":\"accepted\""),
     PAM_AUTHINFO_UNAVAIL},
    {"an unknown verdict", PARAMETERS("\"verdict\":\"Accepted\",\"admit\":\"yes\""),
     PAM_AUTHINFO_UNAVAIL},
    {"a number for a verdict", PARAMETERS("\"verdict\":6,\"admit\":\"yes\""), PAM_AUTHINFO_UNAVAIL},
    {"truth for admit", PARAMETERS("\"verdict\":\"accepted\",\"admit\":true"),
     PAM_AUTHINFO_UNAVAIL},
    {"a member that is wrong",
     PARAMETERS("\"verdict\":\"accepted\",\"admit\":\"yes\",\"failures\":-1"),
     PAM_AUTHINFO_UNAVAIL},
    {"a large number",
     PARAMETERS("\"verdict\":\"accepted\",\"admit\":\"yes\",\"failures\":99999999999999999999"),
     PAM_AUTHINFO_UNAVAIL},
    {"a device's name of 200 bytes",
     PARAMETERS("\"verdict\":\"accepted\",\"admit\":\"yes\",\"device\":"
                "\"" X50 X50 X50 X50 "\""),
     PAM_AUTHINFO_UNAVAIL},
    {"two sets of parameters",
     "{\"parameters\":{\"verdict\":\"wrong\"},\"parameters\":{\"verdict\":\"accepted\","
     "\"admit\":\"yes\"}}",
     PAM_AUTHINFO_UNAVAIL},
    {"no parameters", "{}", PAM_AUTHINFO_UNAVAIL},
    {"a text for parameters", "{\"parameters\":\"accepted\"}", PAM_AUTHINFO_UNAVAIL},
    {"an array", "[{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}}]",
     PAM_AUTHINFO_UNAVAIL},
    {"null", "null", PAM_AUTHINFO_UNAVAIL},
    {"nothing but its end", "", PAM_AUTHINFO_UNAVAIL},
    {"words", "accepted", PAM_AUTHINFO_UNAVAIL},
    {"a line end after it", YES "\n x", PAM_AUTHINFO_UNAVAIL},
    {"cut short", "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}",
     PAM_AUTHINFO_UNAVAIL},
    {"no UTF-8", PARAMETERS("\"verdict\":\"accepted\",\"admit\":\"yes\",\"device\":\"\377\""),
     PAM_AUTHINFO_UNAVAIL},
    {"more to come, and an end",
     "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},\"continues\":true}",
     PAM_AUTHINFO_UNAVAIL},
    {"an error beside it",
     "{\"error\":\"" OURS "Failed\",\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}}",
     PAM_AUTHINFO_UNAVAIL},
    {"a refusal with a verdict", ERROR(OURS "CodeRefused", "\"verdict\":\"accepted\""),
     PAM_AUTHINFO_UNAVAIL},
    {"Busy", ERROR(OURS "Busy", ""), PAM_AUTHINFO_UNAVAIL},
    {"Failed, with the number of success", ERROR(OURS "Failed", "\"code\":0"),
     PAM_AUTHINFO_UNAVAIL},
    {"Failed, as if it were not there", ERROR(OURS "Failed", "\"code\":33"), PAM_AUTHINFO_UNAVAIL},
    {"Failed, as if it were not to be trusted", ERROR(OURS "Failed", "\"code\":36"),
     PAM_AUTHINFO_UNAVAIL},
    {"an unknown error", ERROR("com.example.Success", ""), PAM_AUTHINFO_UNAVAIL},
    {"an error of varlink's", ERROR("org.varlink.service.PermissionDenied", ""),
     PAM_AUTHINFO_UNAVAIL},
    {"an error without parameters", "{\"error\":\"" OURS "Busy\"}", PAM_AUTHINFO_UNAVAIL},
};

/* Asked with a wrong code and a right one: the answer is the service's, and the engine's never:
 * what was asked may have been done. */
static void expect_talk(const char *name, int result, unsigned connections)
{
    struct login login = {.user = "alice"};
    const unsigned engines = redirect_given();
    char code[9];

    person_next_code(&alice, &step, code);
    for (int i = 0; i <= 1; i++) {
        login.answers[0] = i == 0 ? CODE_WRONG : code;
        login_run(&login);
        if (!ok(login.result == result && login_logs() == 1 && !login.leaked, "%s: %s", name,
                result == PAM_SUCCESS ? "accepted" : "denied"))
            tap_note("result %d (wanted %d), log: %s", login.result, result, log_line(0));
    }
    if (!ok(redirect_given() == engines && play->connections == connections, "%s: asked once",
            name))
        tap_note("%u asked the engine, %u connections", redirect_given() - engines,
                 play->connections);
}

static void test_talk(void)
{
    static char garbage[REPLY_MAX];
    pid_t child = impostor_listen(impostor_socket(service_socket(), SOCK_STREAM, 0), 0);

    for (size_t i = 0; i < ARRAY_SIZE(talks); i++) {
        impostor_say(talks[i].reply, strlen(talks[i].reply) + 1);
        expect_talk(talks[i].name, talks[i].result, 2);
    }
    impostor_say(YES, sizeof(YES) - 1);
    expect_talk("without its end", PAM_AUTHINFO_UNAVAIL, 2);
    impostor_say(YES, sizeof(YES) / 2);
    expect_talk("half of it", PAM_AUTHINFO_UNAVAIL, 2);
    memset(garbage, ' ', sizeof(garbage));
    memcpy(garbage + sizeof(garbage) - sizeof(YES), YES, sizeof(YES));
    impostor_say(garbage, sizeof(garbage));
    expect_talk("too long", PAM_AUTHINFO_UNAVAIL, 2);
    srand(1);
    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (char)rand();
    impostor_say(garbage, sizeof(garbage));
    expect_talk("noise", PAM_AUTHINFO_UNAVAIL, 2);
    impostor_say("", 0);
    expect_talk("an end in its place", PAM_AUTHINFO_UNAVAIL, 2);
    impostor_say("", 0);
    play->manner = HANG_UP;
    expect_talk("an end before the question", PAM_AUTHINFO_UNAVAIL, 2);
    impostor_say("", 0);
    play->manner = NEVER_ANSWER;
    expect_talk("nothing at all", PAM_AUTHINFO_UNAVAIL, 2);
    ok(impostor_patience() > 0 && impostor_patience() <= 30, "which is waited for %d seconds",
       (int)impostor_patience());
    impostor_end(child);
    unlink(service_socket());
}

/* Nobody takes the connection. Whoever can fill the queue must not choose the way it goes. */
static void test_full_queue(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int door = impostor_socket(service_socket(), SOCK_STREAM, 0), waiting[8], count = 0;
    struct login login = {.user = "alice"};
    const unsigned engines = redirect_given();
    char code[9];

    host_need(listen(door, 0) == 0, "listen");
    memcpy(address.sun_path, service_socket(), strlen(service_socket()));
    for (bool room = true; room && count < (int)ARRAY_SIZE(waiting); count++) {
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        room = connect(waiting[count], (const struct sockaddr *)&address, sizeof(address)) == 0;
    }
    person_next_code(&alice, &step, code);
    login.answers[0] = code;
    impostor_forget_patience();
    login_expect(&login, PAM_AUTHINFO_UNAVAIL, 1, "a queue that is full");
    ok(redirect_given() == engines && login.seconds < (double)impostor_patience(),
       "is waited for %.1f seconds at most", login.seconds * HASTE);
    while (count > 0)
        close(waiting[--count]);
    close(door);
    unlink(service_socket());
}

/* The words of a lie stay within the answer that was typed. */
static void test_length(void)
{
    static const char *const lengths[] = {"500", "512", "4096", "9223372036854775807"};
    pid_t child = impostor_listen(impostor_socket(service_socket(), SOCK_STREAM, 0), 0);
    char reply[256];

    host_service("test", "mode=combined", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct login login = {.user = "alice", .answers = {"password" CODE_GA}};
        int length = snprintf(reply, sizeof(reply),
                              PARAMETERS("\"verdict\":\"accepted\",\"admit\":\"yes\","
                                         "\"password_length\":%s"),
                              lengths[i]);
        impostor_say(reply, (size_t)length + 1);
        login_run(&login);
        ok(login.result != PAM_SUCCESS, "a password of %s bytes", lengths[i]);
    }
    host_service("test", "", NULL);
    impostor_end(child);
    unlink(service_socket());
}

int main(void)
{
    struct account games = {0};

    host_make(NULL);
    play = impostor_play();
    host_configure("max_failures = 100");
    snprintf(directory, sizeof(directory), "%.*s",
             (int)(strrchr(service_socket(), '/') - service_socket()), service_socket());
    person_init(&games, "games", SECRET_GA);
    person_save(&games, 1);
    person_init(&alice, "alice", SECRET_GA);
    person_save(&alice, 1);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        test_place(&places[i]);
    test_talk();
    test_length();
    test_full_queue();
    return host_done();
}
