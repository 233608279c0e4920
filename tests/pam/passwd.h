/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of a change of password share: alice, whose password is in the store, and a stack for
 * her. */
#ifndef TOTP_TESTS_PASSWD_H
#define TOTP_TESTS_PASSWD_H

#include "login.h"

#define OLD "correct horse"
#define NEW "battery staple"

/* Writes the service "test": account management, auth and password stacks of ours with these
 * options, lines before and behind ours in the last; of the helper module, "HELPER WORD...".
 * control is ours, "required" or another. */
struct stack {
    const char *auth, *control, *options;
    const char *before, *behind; /* one line each, or NULL */
};
void passwd_stack(const struct stack *stack);

/* alice, bob: one device, OLD in the store, at TIME_GA. */
void passwd_person(const char *name, struct account *account);
void passwd_reset(bool expired);

/* What the store says. */
bool passwd_is(const char *name, const char *password);
bool passwd_has_expired(const char *name);

/* As login_run, of pam_chauthtok by a person who is not root, in a process that is, as passwd(1)
 * is; by root; and in a process that the module takes to have these ids. */
void passwd_change(struct login *login);
void passwd_change_as_root(struct login *login);
void passwd_change_with(struct login *login, uid_t real, uid_t effective);

/* For login_manage: pam_chauthtok with the ids of the last of those; at first a person's. */
int passwd_chauthtok(pam_handle_t *handle, int flags);

/* Runs passwd_change and tests result, number of prompts, number of lines in the log, that nothing
 * leaked, what alice's password is then, and what is handed on to the next module: "<none>", or
 * NULL: it is not asked. */
void passwd_expect(struct login *login, int result, unsigned prompts, const char *password,
                   const char *handed, const char *name);

#endif
