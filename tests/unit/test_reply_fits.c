/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service that is broken, or none, cannot make of a call. */
#include "config.h"

#include "reply.h"
#include "tap.h"

#include <string.h>

#define ENROLL_NOW .enroll = true, .outcome = {.verdict = VERDICT_UNENROLLED}

/* A reply that this call cannot have. */
static void test_fits(void)
{
    static const struct call check = {.method = CALL_CHECK, .code = "123456"};
    static const struct call tail = {
        .method = CALL_CHECK, .shape = AUTH_TAIL, .password = "secret123456"};
    static const struct call begin = {.method = CALL_BEGIN},
                             account_call = {.method = CALL_ACCOUNT},
                             confirm = {.method = CALL_CONFIRM};
    static const struct {
        const char *name;
        const struct call *call;
        struct reply reply;
        bool fits;
    } cases[] = {
        {"no", &check, {.ask = false}, true},
        {"yes", &check, {.outcome = {.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES}}, true},
        {"wrong, and yes",
         &check,
         {.outcome = {.verdict = VERDICT_WRONG, .admit = ADMIT_YES}},
         false},
        {"locked, and no say",
         &check,
         {.outcome = {.verdict = VERDICT_LOCKED, .admit = ADMIT_IGNORE}},
         false},
        {"not enrolled, and yes",
         &begin,
         {.outcome = {.verdict = VERDICT_UNENROLLED, .admit = ADMIT_YES}},
         true},
        {"a question back", &check, {.ask = true}, false},
        {"a question back to begin with", &begin, {.ask = true}, true},
        {"a question back for a password", &tail, {.ask = true}, true},
        {"a question, and yes",
         &tail,
         {.ask = true, .outcome = {.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES}},
         false},
        {"exempt, and yes",
         &check,
         {.outcome = {.verdict = VERDICT_EXEMPT, .admit = ADMIT_YES}},
         true},
        {"exempt, and no say",
         &begin,
         {.outcome = {.verdict = VERDICT_EXEMPT, .admit = ADMIT_IGNORE}},
         true},
        {"exempt, and no", &check, {.outcome = {.verdict = VERDICT_EXEMPT}}, true},
        {"grace, and yes",
         &begin,
         {.outcome = {.verdict = VERDICT_GRACE, .admit = ADMIT_YES}},
         true},
        {"grace, and no say",
         &begin,
         {.outcome = {.verdict = VERDICT_GRACE, .admit = ADMIT_IGNORE}},
         false},
        {"grace, and no", &check, {.outcome = {.verdict = VERDICT_GRACE}}, true},
        {"enrolment to begin with", &begin, {ENROLL_NOW}, true},
        {"enrolment, and a question", &begin, {ENROLL_NOW, .ask = true}, false},
        {"enrolment, and yes",
         &begin,
         {.enroll = true, .outcome = {.verdict = VERDICT_UNENROLLED, .admit = ADMIT_YES}},
         false},
        {"enrolment, and no say",
         &begin,
         {.enroll = true, .outcome = {.verdict = VERDICT_UNENROLLED, .admit = ADMIT_IGNORE}},
         false},
        {"enrolment of who is wrong", &begin, {.enroll = true}, false},
        {"enrolment of who is locked",
         &begin,
         {.enroll = true, .outcome = {.verdict = VERDICT_LOCKED}},
         false},
        {"enrolment after a password", &tail, {ENROLL_NOW, .password_length = 12}, true},
        {"enrolment after a code", &check, {ENROLL_NOW}, false},
        {"enrolment at another time", &account_call, {ENROLL_NOW}, false},
        {"enrolment by enrolment", &confirm, {ENROLL_NOW}, false},
        {"tokens due to who has come in",
         &check,
         {.tokens_due = true, .outcome = {.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES}},
         true},
        {"tokens due to who has not", &check, {.tokens_due = true}, false},
        {"tokens due to who is spared the code",
         &check,
         {.tokens_due = true, .outcome = {.verdict = VERDICT_GRACE, .admit = ADMIT_YES}},
         false},
        {"tokens due to begin with",
         &begin,
         {.tokens_due = true, .outcome = {.verdict = VERDICT_UNENROLLED, .admit = ADMIT_YES}},
         false},
        {"a password as long as what was sent", &tail, {.password_length = 12}, true},
        {"a longer one", &tail, {.password_length = 13}, false},
        {"one where none was sent", &check, {.password_length = 1}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        ok(reply_fits(&cases[i].reply, cases[i].call) == cases[i].fits, "%s: %s", cases[i].name,
           cases[i].fits ? "it can be" : "it cannot be");
}

/* Of all verdicts with all admissions, those that can be, as letters: n no, i ignore, y yes. */
static void test_combinations(void)
{
    static const struct call check = {.method = CALL_CHECK, .code = "123456"};
    static const char *const may[VERDICTS] = {
        [VERDICT_WRONG] = "n",     [VERDICT_REPLAYED] = "n",     [VERDICT_MALFORMED] = "n",
        [VERDICT_LOCKED] = "n",    [VERDICT_UNENROLLED] = "niy", [VERDICT_DISABLED] = "niy",
        [VERDICT_ACCEPTED] = "ny", [VERDICT_EXEMPT] = "niy",     [VERDICT_GRACE] = "ny",
    };

    for (unsigned i = 0; i < VERDICTS * 4; i++) {
        const char letter = "niyx"[i / VERDICTS];
        const struct reply reply = {.outcome = {.verdict = i % VERDICTS, .admit = i / VERDICTS}};
        ok(reply_fits(&reply, &check) == (strchr(may[i % VERDICTS], letter) != NULL), "%s and %c",
           verdict_name(i % VERDICTS), letter);
    }
}

int main(void)
{
    test_fits();
    test_combinations();
    return tap_done();
}
