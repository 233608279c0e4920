/* SPDX-License-Identifier: BSD-2-Clause */
/* The n-th allocation, write, random byte ... of an enrolment and of a login within grace fails,
 * for every n: nobody is let in who showed no code, no device is half active, and the next login
 * works. */
#include "config.h"

#include "app.h"
#include "faults.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

/* Somebody every host knows. */
#define USER "daemon"

#define POINTS_MAX 500

static struct login login; /* too large to have one in every test */
static struct account account;
static enum fault fault;
static unsigned nth, seen;
static bool rest;

static void arm(void)
{
    fault_arm(fault, nth, rest);
}

static void disarm(void)
{
    seen = fault_disarm();
}

static const char *answer(struct login *of)
{
    fault_pause();
    const char *given = app_answer(of);
    fault_resume();
    return given;
}

static void remove_person(void)
{
    struct store *store CLEANUP(store_close) = host_open();

    host_need(store_begin(store, STORE_WRITE, NULL) == 0, "store_begin");
    int r = store_remove(store, USER, NULL);
    host_need((r == 0 || r == ERR_NOT_FOUND) && store_commit(store, NULL) == 0, "store_remove");
}

/* What a run of faults came to. */
struct tally {
    unsigned runs, let_in, unearned, half, stuck, leaked;
};

/* Whole, or not at all: of a device that is not active nothing opens anything. */
static bool is_half(bool let_in)
{
    const bool known = person_load(USER, &account);
    const size_t active = known ? account_count(&account, DEVICE_ACTIVE) : 0;

    if (!known)
        return let_in;
    if (account.device_count > 1 || account.token_count != 10 * active)
        return true;
    for (size_t i = 0; i < account.device_count; i++)
        if (account.devices[i].at_login != (account.devices[i].state == DEVICE_PENDING))
            return true;
    /* What was let in shows an active device; what was not may have lost the answer alone. */
    return let_in && active != 1;
}

/* The next login ends in one active device, whatever the broken one has left. */
static bool is_stuck(void)
{
    const bool known = person_load(USER, &account);
    const bool active = known && account_count(&account, DEVICE_ACTIVE) == 1;
    char next[9] = "";

    login = (struct login){.user = USER, .answer = answer};
    if (active) {
        clock_set(clock_now() + 60);
        person_code(&account, clock_now() / 30, next);
        login.answer = NULL;
        login.answers[0] = next;
    }
    login_whole(&login);
    return login.result != PAM_SUCCESS || is_half(true);
}

static void enroll_once(struct tally *tally)
{
    remove_person();
    clock_set(TIME_GA);
    login = (struct login){.user = USER, .answer = answer, .before = arm, .after = disarm};
    login_whole(&login);
    const bool let_in = login.result == PAM_SUCCESS;
    tally->runs++;
    tally->let_in += let_in;
    tally->leaked += login.leaked;
    tally->unearned += let_in && strcmp(login.given[0], app_code(&login)) != 0;
    tally->half += is_half(let_in);
    tally->stuck += is_stuck();
}

/* Two logins under the fault: one where nothing was earned, which answers nothing, and one that
 * nothing is asked of. */
static void grace_once(struct tally *tally)
{
    clock_set(TIME_GA);
    person_init(&account, USER, SECRET_GA);
    person_save(&account, 1);
    login = (struct login){.user = USER, .rhost = "192.0.2.1", .answers = {CODE_GA}};
    login_run(&login);
    tally->stuck += login.result != PAM_SUCCESS;
    /* Elsewhere nothing was earned: no fault may make it so. */
    login = (struct login){.user = USER, .rhost = "192.0.2.2", .before = arm, .after = disarm};
    login_run(&login);
    tally->unearned += login.result == PAM_SUCCESS || login.result == RESULT_IGNORED;
    login = (struct login){.user = USER, .rhost = "192.0.2.1", .before = arm, .after = disarm};
    login_run(&login);
    tally->runs++;
    tally->let_in += login.result == PAM_SUCCESS;
    tally->unearned += login.result == RESULT_IGNORED;
    tally->leaked += login.leaked;
    login = (struct login){.user = USER, .rhost = "192.0.2.1"};
    login_run(&login);
    tally->stuck += login.result != PAM_SUCCESS || login.prompts != 0;
}

/* How far apart the points of failure are: all of them where they are few. Where everything fails
 * from some point on, neighbouring points tell the same. */
static unsigned find_stride(void (*once)(struct tally *), bool with_rest)
{
    struct tally unused = {0};

    nth = 0;
    once(&unused);
    return 1 + seen / (with_rest ? POINTS_MAX / 4 : POINTS_MAX);
}

static void run_all(const char *name, void (*once)(struct tally *), enum fault kind, bool with_rest)
{
    struct tally tally = {0};

    fault = kind;
    rest = with_rest;
    const unsigned stride = find_stride(once, with_rest);
    for (nth = 1;; nth += stride) {
        once(&tally);
        if (seen < nth)
            break;
    }
    const char *how = with_rest ? "and all later ones" : "alone";
    ok(tally.unearned == 0 && tally.half == 0 && tally.leaked == 0,
       "%s: %u failures of %s %s: nobody in without a code, nothing half active", name, nth - 1,
       fault_name(kind), how);
    if (!ok(tally.stuck == 0 && tally.let_in > 0, "%s: and each next login worked", name))
        tap_note("stuck %u", tally.stuck);
    tap_note("every %u. of %u; %u of %u were let in all the same", stride, seen, tally.let_in,
             tally.runs);
    if (tally.unearned + tally.half + tally.leaked > 0)
        tap_note("unearned %u, half %u, leaked %u", tally.unearned, tally.half, tally.leaked);
}

int main(void)
{
    static const enum fault kinds[] = {FAULT_ALLOCATION, FAULT_RANDOM, FAULT_WRITE, FAULT_SYNC,
                                       FAULT_SOCKET};

    host_make(NULL);
    host_configure("enroll_qr = none");
    host_service("test", "unenrolled=enroll grace=1h", NULL);
    /* Warm: libcrypto never recovers from an allocation that failed while it set itself up. */
    login = (struct login){.user = USER, .answer = answer};
    login_whole(&login);
    ok(login.result == PAM_SUCCESS, "an enrolment without faults");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        /* Where the service cannot be asked, it is done here. */
        redirect_forbid(service_is_way() && kinds[i] < FAULT_LOOK);
        for (int all = 0; all < 2; all++) {
            run_all("enrolment", enroll_once, kinds[i], all != 0);
            run_all("grace", grace_once, kinds[i], all != 0);
        }
    }
    redirect_forbid(service_is_way());
    return host_done();
}
