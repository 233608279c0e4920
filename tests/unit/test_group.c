/* SPDX-License-Identifier: BSD-2-Clause */
/* The groups of this host, and then those of a user database that is made up, and can fail. */
#include "config.h"

#include "group.h"
#include "tap.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 1000 /* groups of one user */
#define FIRST_OF_MANY 50000
#define HUGE_RECORD (300 * 1024)
#define NEVER_ENOUGH SIZE_MAX

#define INTERPOSED __attribute__((visibility("default")))
#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL)              \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* --- the user database ------------------------------------------------------------------------ */

static bool made_up;              /* else this host's own */
static unsigned lookups;          /* of any kind */
static unsigned interruptions[2]; /* to come: of getpwnam_r, of getgrnam_r */
static bool membership_fails;     /* getgrouplist */
static unsigned allocation_fails; /* the n-th; 0: none */
static unsigned allocations;
static long live;             /* allocations that have not been freed */
static const char *asked_for; /* whose groups */

static const struct {
    const char *name;
    gid_t gid;
    int error;
    size_t size; /* of its record */
} made_groups[] = {
    {"users", 100, 0, 64},       {"domain users", 4242, 0, 64},
    {"DOM\\staff", 4243, 0, 64}, {"huge", 4244, 0, HUGE_RECORD},
    {"wheel", 10, 0, 64},        {"last", FIRST_OF_MANY + MANY - 1, 0, 64},
    {"broken", 100, EIO, 64},    {"endless", 100, 0, NEVER_ENOUGH},
    {"lost", 100, ENOENT, 64},   {"gone", 100, ESRCH, 64},
};

static const struct {
    const char *name;
    int error;
    size_t size;
    bool many;
} made_users[] = {
    {"alice", 0, 64, false},    {"many", 0, 64, true},       {"verbose", 0, HUGE_RECORD, false},
    {"broken", EIO, 64, false}, {"lost", ENOENT, 64, false}, {"endless", 0, NEVER_ENOUGH, false},
};

static const gid_t gids_of_alice[] = {100, 4242, 4243, 4244};

INTERPOSED int getgrnam_r(const char *name, struct group *group, char *room, size_t size,
                          struct group **found)
{
    REAL(getgrnam_r);

    lookups++;
    if (!made_up)
        return real(name, group, room, size, found);
    *found = NULL;
    if (interruptions[1] > 0) {
        interruptions[1]--;
        return EINTR;
    }
    for (size_t i = 0; i < ARRAY_SIZE(made_groups); i++) {
        if (strcmp(made_groups[i].name, name) != 0)
            continue;
        if (made_groups[i].error != 0 || size < made_groups[i].size)
            return made_groups[i].error != 0 ? made_groups[i].error : ERANGE;
        memset(room, 'x', made_groups[i].size);
        *group = (struct group){.gr_name = room, .gr_gid = made_groups[i].gid};
        *found = group;
    }
    return 0;
}

INTERPOSED int getpwnam_r(const char *name, struct passwd *record, char *room, size_t size,
                          struct passwd **found)
{
    REAL(getpwnam_r);

    lookups++;
    if (!made_up)
        return real(name, record, room, size, found);
    *found = NULL;
    if (interruptions[0] > 0) {
        interruptions[0]--;
        return EINTR;
    }
    for (size_t i = 0; i < ARRAY_SIZE(made_users); i++) {
        if (strcasecmp(made_users[i].name, name) != 0)
            continue;
        if (made_users[i].error != 0 || size < made_users[i].size)
            return made_users[i].error != 0 ? made_users[i].error : ERANGE;
        memset(room, 0, made_users[i].size);
        memcpy(room, made_users[i].name, strlen(made_users[i].name));
        *record = (struct passwd){.pw_name = room, .pw_gid = 100};
        *found = record;
    }
    return 0;
}

INTERPOSED int getgrouplist(const char *user, gid_t primary, gid_t *gids, int *count)
{
    int room = *count;
    REAL(getgrouplist);

    lookups++;
    if (!made_up)
        return real(user, primary, gids, count);
    if (membership_fails)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(made_users); i++)
        if (strcmp(made_users[i].name, user) == 0)
            asked_for = made_users[i].name;
    if (strcmp(user, "many") == 0) {
        *count = MANY + 1;
        for (int i = 0; i < *count && i < room; i++)
            gids[i] = i == 0 ? primary : FIRST_OF_MANY + (gid_t)i - 1;
    } else {
        *count = ARRAY_SIZE(gids_of_alice);
        for (int i = 0; i < *count && i < room; i++)
            gids[i] = gids_of_alice[i];
    }
    return *count <= room ? *count : -1;
}

static bool fails_now(void)
{
    allocations++;
    if (allocations != allocation_fails)
        return false;
    errno = ENOMEM;
    return true;
}

/* The linker puts these in the place of the C library's: valgrind takes over any other. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size)
{
    if (fails_now())
        return NULL;
    live++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (fails_now())
        return NULL;
    live++;
    return __real_calloc(count, size);
}

void __wrap_free(void *memory)
{
    live -= memory != NULL;
    __real_free(memory);
}

/* ---------------------------------------------------------------------------------------------- */

static const char *find(const char *list, const char *user)
{
    static char name[GROUP_NAME_SIZE];

    memset(name, 'z', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    group_find(list, user, name);
    return name;
}

/* Whoever runs this is in the groups the C library says. */
static void test_this_host(void)
{
    const struct passwd *me = getpwuid(getuid());
    gid_t gids[256];
    int count = ARRAY_SIZE(gids);
    unsigned seen = 0;

    if (me == NULL || getgrouplist(me->pw_name, me->pw_gid, gids, &count) < 0) {
        tap_skip("this user is not in the user database");
        return;
    }
    for (int i = 0; i < count; i++) {
        const struct group *group = getgrgid(gids[i]);
        char list[600], name[GROUP_NAME_SIZE];

        if (group == NULL || strlen(group->gr_name) >= sizeof(name))
            continue;
        snprintf(name, sizeof(name), "%s", group->gr_name);
        snprintf(list, sizeof(list), "no-such-group, %s ,no-other", name);
        ok(strcmp(find(name, me->pw_name), name) == 0 && strcmp(find(list, me->pw_name), name) == 0,
           "%s is in %s", me->pw_name, name);
        ok(find(name, "no-such-user")[0] == '\0', "nobody else is");
        seen++;
    }
    if (seen == 0)
        tap_skip("this user's groups have no names");
    ok(find("no-such-group,nor-this", me->pw_name)[0] == '\0', "no group that does not exist");
    ok(find("", me->pw_name)[0] == '\0', "none of no list");
}

static void test_made_up(void)
{
    static const struct {
        const char *list, *user, *found;
    } rows[] = {
        {"users", "alice", "users"}, /* her primary one */
        {"domain users", "alice", "domain users"},
        {" wheel ,\tdomain users , users", "alice", "domain users"},
        {"DOM\\staff", "alice", "DOM\\staff"},
        {"users,domain users", "alice", "users"},
        {"domain users,users", "alice", "domain users"},
        {"wheel", "alice", ""},
        {"domain,user,users x", "alice", ""},
        {"4242,100", "alice", ""}, /* names, not numbers */
        {"absent,users", "alice", "users"},
        {"lost,gone,users", "alice", "users"},
        {"huge", "alice", "huge"},
        {"users", "verbose", "users"},
        {"last", "many", "last"},
        {"last", "alice", ""},
        {"domain users", "many", ""},
        {"users", "mallory", ""},
        {"users", "", ""},
        {"users", "lost", ""},
        {"", "alice", ""},
        /* What cannot be told, although it may have been yes. */
        {"broken", "alice", ""},
        {"broken,users", "alice", ""},
        {"endless,users", "alice", ""},
        {"users", "broken", ""},
        {"users", "endless", ""},
        {"users,broken", "alice", "users"},
    };

    made_up = true;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        long before = live;
        const char *found = find(rows[i].list, rows[i].user);
        long left = live - before;

        ok(strcmp(found, rows[i].found) == 0 && left == 0,
           "\"%s\" of \"%s\": \"%s\", and %ld allocations left", rows[i].list, rows[i].user, found,
           left);
    }
    asked_for = NULL;
    ok(strcmp(find("users", "ALICE"), "users") == 0 && asked_for != NULL &&
           strcmp(asked_for, "alice") == 0,
       "memberships are looked up under the name the user database gives");
    lookups = 0;
    ok(find("", "alice")[0] == '\0' && lookups == 0, "without a list nothing is looked up");
}

/* Lets one allocation after the other fail; how many there were. */
static unsigned fail_allocations(const char *list, const char *user, unsigned *wrong)
{
    unsigned n = 1;

    for (*wrong = 0;; n++) {
        const char *found;

        allocations = 0;
        allocation_fails = n;
        found = find(list, user);
        allocation_fails = 0;
        if (allocations < n)
            break;
        *wrong += found[0] != '\0';
    }
    return n - 1;
}

static void test_faults(void)
{
    long before;
    unsigned wrong = 0, tried;

    made_up = true;
    before = live;
    interruptions[0] = interruptions[1] = 3;
    ok(strcmp(find("users", "alice"), "users") == 0 && interruptions[0] + interruptions[1] == 0,
       "an interrupted look-up is made again");
    membership_fails = true;
    ok(find("users", "alice")[0] == '\0', "memberships that cannot be told are none");
    membership_fails = false;
    tried = fail_allocations("absent,huge", "alice", &wrong);
    ok(wrong == 0 && tried > 10 && strcmp(find("absent,huge", "alice"), "huge") == 0,
       "any of %u allocations fails: no group", tried);
    tried = fail_allocations("last", "many", &wrong);
    ok(wrong == 0 && tried > 3 && strcmp(find("last", "many"), "last") == 0,
       "the same with a thousand groups, any of %u", tried);
    ok(live == before, "nothing is left behind");
}

int main(void)
{
    alarm(60);
    setvbuf(stdout, NULL, _IONBF, 0);
    test_this_host();
    test_made_up();
    test_faults();
    return tap_done();
}
