/* SPDX-License-Identifier: BSD-2-Clause */
/* What a change is worth telling, to whom, and the outbox it is put in. */
#include "config.h"

#include "err.h"
#include "notice.h"
#include "option.h"
#include "sample.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS "alice@example.org"
#define OTHER "al@example.net"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool no_memory;

void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory ? NULL : __real_calloc(count, size);
}

static struct account before, after;

static void copy(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

/* Alice, with an address, a phone, a token in a drawer that is disabled, and three backup tokens.
 */
static void start(void)
{
    before = sample_account(DEVICE_TOTP, 6);
    copy(before.email, sizeof(before.email), ADDRESS);
    copy(before.full_name, sizeof(before.full_name), "Alice Liddell");
    copy(before.password, sizeof(before.password), "$y$old");
    before.devices[1] = sample_device(8, DEVICE_HOTP, 6);
    copy(before.devices[1].label, ACCOUNT_LABEL_SIZE, "drawer");
    before.devices[1].state = DEVICE_DISABLED;
    before.device_count = 2;
    before.token_count = before.tokens_issued = 3;
    for (size_t i = 0; i < 3; i++)
        before.tokens[i] = (struct token){.key_id = "k1", .digest = {(uint8_t)(i + 1)}};
    after = before;
}

static void add(int64_t id, const char *label, enum device_state state)
{
    struct device *device = &after.devices[after.device_count++];

    *device = sample_device(id, DEVICE_TOTP, 6);
    copy(device->label, sizeof(device->label), label);
    device->state = state;
}

/* --- each change alone ------------------------------------------------------------------------ */

static void nothing(void)
{
}

static void add_active(void)
{
    add(9, "new", DEVICE_ACTIVE);
}

static void add_pending(void)
{
    add(9, "new", DEVICE_PENDING);
}

static void activate(void)
{
    before.devices[1].state = DEVICE_PENDING;
    after.devices[1].state = DEVICE_ACTIVE;
}

static void activate_with_tokens(void)
{
    activate();
    after.tokens[0].digest[0] = 77;
}

static void switch_on(void)
{
    after.devices[1].state = DEVICE_ACTIVE;
}

static void replace(void)
{
    account_remove_device(&after, 0);
    add(9, "phone", DEVICE_ACTIVE);
}

static void replace_pending(void)
{
    before.devices[1].state = DEVICE_PENDING;
    account_remove_device(&after, 1);
    add(9, "drawer", DEVICE_PENDING);
}

static void remove_active(void)
{
    account_remove_device(&after, 0);
}

static void remove_disabled(void)
{
    account_remove_device(&after, 1);
}

static void remove_pending(void)
{
    before.devices[1].state = DEVICE_PENDING;
    account_remove_device(&after, 1);
}

static void remove_beside_pending(void)
{
    account_remove_device(&after, 0);
    add(9, "phone", DEVICE_PENDING);
}

static void remove_with_tokens(void)
{
    account_remove_device(&after, 0);
    after.token_count = after.tokens_issued = 0;
}

static void disable_device(void)
{
    after.devices[0].state = DEVICE_DISABLED;
}

static void remove_last(void)
{
    account_remove_device(&before, 1);
    after = before;
    remove_with_tokens();
}

static void remove_last_without_tokens(void)
{
    remove_last();
    before.token_count = 0;
}

static void remove_of_two(void)
{
    before.devices[1].state = after.devices[1].state = DEVICE_ACTIVE;
    remove_active();
}

static void disable_of_two(void)
{
    before.devices[1].state = after.devices[1].state = DEVICE_ACTIVE;
    disable_device();
}

static void disable_account(void)
{
    after.enabled = false;
}

static void enable_account(void)
{
    before.enabled = false;
}

static void use_device(void)
{
    after.devices[0].last_step = 10000;
    after.devices[0].last_used = SAMPLE_NOW;
    after.devices[0].drift = 4;
    after.codes[MAIL_LOGIN] = (struct mail_code){.sent = SAMPLE_NOW, .expires = SAMPLE_NOW + 600};
}

static void use_token(void)
{
    account_remove_token(&after, 1);
}

static void use_last_token(void)
{
    before.token_count = after.token_count = 1;
    account_remove_token(&after, 0);
}

static void renew_tokens(void)
{
    for (size_t i = 0; i < 3; i++)
        after.tokens[i].digest[0] += 100;
}

static void renew_fewer(void)
{
    renew_tokens();
    after.token_count = after.tokens_issued = 1;
}

static void renew_after_none(void)
{
    before.token_count = 0;
}

static void revoke_tokens(void)
{
    after.token_count = after.tokens_issued = 0;
}

static void revoke_last(void)
{
    before.token_count = 1;
    revoke_tokens();
}

static void revoke_used_up(void)
{
    before.token_count = 0;
    revoke_tokens();
}

static void fail(void)
{
    after.failures = 2;
}

static void lock(void)
{
    after.failures = 5;
    after.locked_until = SAMPLE_NOW + 60;
}

static void lock_again(void)
{
    lock();
    before.locked_until = SAMPLE_NOW - 100;
}

static void lock_for_ever(void)
{
    lock_again();
    after.locked_until = ACCOUNT_LOCKED_FOR_EVER;
}

static void lock_for_ever_again(void)
{
    lock_for_ever();
    before.locked_until = ACCOUNT_LOCKED_FOR_EVER;
    after.failures++;
}

static void succeed(void)
{
    before.failures = 5;
    before.locked_until = SAMPLE_NOW - 100;
}

static void close_account(void)
{
    after.closed = true;
}

static void keep_closed(void)
{
    before.closed = after.closed = true;
    after.locked_until = SAMPLE_NOW;
}

static void open_account(void)
{
    before.closed = true;
}

static void change_password(void)
{
    copy(after.password, sizeof(after.password), "$y$new");
}

static void set_password(void)
{
    change_password();
    before.password[0] = '\0';
}

static void clear_password(void)
{
    after.password[0] = '\0';
}

static void expire_password(void)
{
    after.password_expired = true;
}

static void change_address(void)
{
    copy(after.email, sizeof(after.email), OTHER);
}

static void change_address_of(bool password, size_t devices, enum device_state state)
{
    change_address();
    if (!password)
        before.password[0] = after.password[0] = '\0';
    before.device_count = after.device_count = devices;
    for (size_t i = 0; i < devices; i++)
        before.devices[i].state = after.devices[i].state = state;
}

static void change_address_unproven(void)
{
    change_address_of(false, 0, DEVICE_PENDING);
}

static void change_address_while_pending(void)
{
    change_address_of(false, 2, DEVICE_PENDING);
}

static void change_address_with_password(void)
{
    change_address_of(true, 2, DEVICE_PENDING);
}

static void change_address_with_device(void)
{
    change_address_of(false, 1, DEVICE_ACTIVE);
}

static void change_address_with_disabled(void)
{
    change_address_of(false, 2, DEVICE_PENDING);
    before.devices[1].state = after.devices[1].state = DEVICE_DISABLED;
}

static void clear_address(void)
{
    after.email[0] = '\0';
}

static void set_address(void)
{
    before.email[0] = '\0';
}

static void change_name(void)
{
    copy(after.full_name, sizeof(after.full_name), "A. L.");
    after.role = ROLE_ADMIN;
}

static void make_account(void)
{
    change_password();
    add_active();
    before.id = 0;
}

/* One notice, or none (NOTICE_COUNT). */
static const struct change {
    const char *name;
    void (*make)(void);
    enum notice_kind kind;
    const char *device;
    int64_t until, left;
} changes[] = {
    {"nothing", nothing, NOTICE_COUNT, "", 0, 0},
    {"a device in use from the start", add_active, NOTICE_DEVICE_ADDED, "new", 0, 0},
    {"a pending device", add_pending, NOTICE_COUNT, "", 0, 0},
    {"a pending device that is confirmed", activate, NOTICE_DEVICE_ADDED, "drawer", 0, 0},
    {"one confirmed with new tokens", activate_with_tokens, NOTICE_DEVICE_ADDED, "drawer", 0, 0},
    {"a device that is switched on again", switch_on, NOTICE_COUNT, "", 0, 0},
    {"a device that replaces another", replace, NOTICE_DEVICE_ADDED, "phone", 0, 0},
    {"a pending device that replaces another", replace_pending, NOTICE_COUNT, "", 0, 0},
    {"a device removed", remove_active, NOTICE_DEVICE_REMOVED, "phone", 0, 0},
    {"a disabled device removed", remove_disabled, NOTICE_DEVICE_REMOVED, "drawer", 0, 1},
    {"a pending device removed", remove_pending, NOTICE_COUNT, "", 0, 0},
    {"a device removed, and one of its label waits", remove_beside_pending, NOTICE_DEVICE_REMOVED,
     "phone", 0, 0},
    {"a device removed with the tokens", remove_with_tokens, NOTICE_DEVICE_REMOVED, "phone", 0,
     NOTICE_NO_TOKENS},
    {"the only device removed with the tokens", remove_last, NOTICE_DEVICE_REMOVED, "phone", 0,
     NOTICE_NO_TOKENS},
    {"the only device of an account without tokens", remove_last_without_tokens,
     NOTICE_DEVICE_REMOVED, "phone", 0, 0},
    {"one of two devices removed", remove_of_two, NOTICE_DEVICE_REMOVED, "phone", 0, 1},
    {"a device switched off", disable_device, NOTICE_DEVICE_DISABLED, "phone", 0, 0},
    {"one of two devices switched off", disable_of_two, NOTICE_DEVICE_DISABLED, "phone", 0, 1},
    {"the account switched off", disable_account, NOTICE_ACCOUNT_DISABLED, "", 0, 0},
    {"the account switched on", enable_account, NOTICE_COUNT, "", 0, 0},
    {"a device that was used, and a code sent", use_device, NOTICE_COUNT, "", 0, 0},
    {"a token used", use_token, NOTICE_TOKEN_USED, "", 0, 2},
    {"the last token used", use_last_token, NOTICE_TOKEN_USED, "", 0, 0},
    {"tokens renewed", renew_tokens, NOTICE_TOKENS_RENEWED, "", 0, 3},
    {"fewer than there were", renew_fewer, NOTICE_TOKENS_RENEWED, "", 0, 1},
    {"tokens where none was left", renew_after_none, NOTICE_TOKENS_RENEWED, "", 0, 3},
    {"tokens revoked", revoke_tokens, NOTICE_TOKENS_RENEWED, "", 0, 0},
    {"the only token revoked", revoke_last, NOTICE_TOKENS_RENEWED, "", 0, 0},
    {"tokens revoked that were used up", revoke_used_up, NOTICE_TOKENS_RENEWED, "", 0, 0},
    {"a failure", fail, NOTICE_COUNT, "", 0, 0},
    {"the first lock", lock, NOTICE_LOCKED, "", SAMPLE_NOW + 60, 0},
    {"the next lock", lock_again, NOTICE_COUNT, "", 0, 0},
    {"the lock that stays", lock_for_ever, NOTICE_LOCKED, "", ACCOUNT_LOCKED_FOR_EVER, 0},
    {"a failure while that stays", lock_for_ever_again, NOTICE_COUNT, "", 0, 0},
    {"a success after a lock", succeed, NOTICE_COUNT, "", 0, 0},
    {"a closed account", close_account, NOTICE_LOCKED, "", ACCOUNT_LOCKED_FOR_EVER, 0},
    {"one that stays closed", keep_closed, NOTICE_COUNT, "", 0, 0},
    {"an opened account", open_account, NOTICE_COUNT, "", 0, 0},
    {"another password", change_password, NOTICE_PASSWORD, "", 0, 1},
    {"a first password", set_password, NOTICE_PASSWORD, "", 0, 1},
    {"a password cleared", clear_password, NOTICE_PASSWORD, "", 0, 0},
    {"a password that expires", expire_password, NOTICE_COUNT, "", 0, 0},
    {"another address", change_address, NOTICE_ADDRESS, "", 0, 0},
    {"another address, and there is nothing to protect", change_address_unproven, NOTICE_COUNT, "",
     0, 0},
    {"another address, and no device has shown a code", change_address_while_pending, NOTICE_COUNT,
     "", 0, 0},
    {"another address, and a password alone", change_address_with_password, NOTICE_ADDRESS, "", 0,
     0},
    {"another address, and a device alone", change_address_with_device, NOTICE_ADDRESS, "", 0, 0},
    {"another address, and a device that is off", change_address_with_disabled, NOTICE_ADDRESS, "",
     0, 0},
    {"an address cleared", clear_address, NOTICE_ADDRESS, "", 0, 0},
    {"a first address", set_address, NOTICE_COUNT, "", 0, 0},
    {"another name and role", change_name, NOTICE_COUNT, "", 0, 0},
    {"a new account", make_account, NOTICE_COUNT, "", 0, 0},
};

static bool is_told(const struct notice *notice, const struct change *change)
{
    return notice->kind == change->kind && strcmp(notice->to, ADDRESS) == 0 &&
           strcmp(notice->full_name, "Alice Liddell") == 0 && strcmp(notice->user, "alice") == 0 &&
           strcmp(notice->device, change->device) == 0 && notice->until == change->until &&
           notice->left == change->left && notice->text[0] == '\0';
}

static void test_changes(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        const struct change *change = &changes[i];
        struct outbox outbox CLEANUP(outbox_clear) = {0};
        const bool silent = change->kind == NOTICE_COUNT;
        start();
        change->make();
        int r = notice_of_change(&before, &after, &outbox);
        ok(r == 0 && outbox.count == (silent ? 0 : 1) &&
               (silent || is_told(&outbox.notices[0], change)),
           "of %s: %s", change->name, silent ? "nothing" : notice_name(change->kind));
    }
}

/* The same where there is no address, and where what stands there is none. */
static void test_nobody_to_tell(void)
{
    static const char *const addresses[] = {"",      "alice", "a@b,c@d", "a@b\nBcc: c@d",
                                            "<a@b>", "a b@c"};

    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        bool silent = true;
        for (size_t j = 0; j < ARRAY_SIZE(changes); j++) {
            struct outbox outbox CLEANUP(outbox_clear) = {0};
            start();
            changes[j].make();
            copy(before.email, sizeof(before.email), addresses[i]);
            copy(after.email, sizeof(after.email), addresses[i]);
            silent = silent && notice_of_change(&before, &after, &outbox) == 0 &&
                     outbox.count == 0 && outbox.notices == NULL;
        }
        ok(silent, "without an address nobody is told of any of it: row %zu", i);
    }
}

/* Several at once: in their order, all to the address there was. */
static void test_together(void)
{
    static const enum notice_kind kinds[] = {NOTICE_DEVICE_ADDED,     NOTICE_DEVICE_REMOVED,
                                             NOTICE_ACCOUNT_DISABLED, NOTICE_LOCKED,
                                             NOTICE_PASSWORD,         NOTICE_ADDRESS};
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    bool good = true;

    start();
    remove_active();
    add_active();
    disable_account();
    close_account();
    change_password();
    change_address();
    ok(notice_of_change(&before, &after, &outbox) == 0 && outbox.count == ARRAY_SIZE(kinds),
       "of many changes many notices");
    for (size_t i = 0; i < outbox.count; i++)
        good = good && outbox.notices[i].kind == kinds[i] &&
               strcmp(outbox.notices[i].to, ADDRESS) == 0;
    ok(good, "in their order, and each to the old address");
    outbox_cut(&outbox, 0);
    start();
    set_address();
    change_password();
    ok(notice_of_change(&before, &after, &outbox) == 0 && outbox.count == 1 &&
           outbox.notices[0].kind == NOTICE_PASSWORD && strcmp(outbox.notices[0].to, ADDRESS) == 0,
       "where there was none it is the new one, which is not told of itself");
    outbox_cut(&outbox, 0);
    start();
    disable_device();
    after.devices[1].state = DEVICE_PENDING;
    use_token();
    lock();
    ok(notice_of_change(&before, &after, &outbox) == 0 && outbox.count == 2 &&
           outbox.notices[0].kind == NOTICE_DEVICE_DISABLED &&
           outbox.notices[1].kind == NOTICE_LOCKED,
       "tokens that go with a device are told of with it, a lock is not");
}

static void test_start(void)
{
    struct notice notice;

    start();
    memset(&notice, 'x', sizeof(notice));
    ok(notice_start(&notice, NOTICE_CODE, &before) && notice.kind == NOTICE_CODE &&
           strcmp(notice.to, ADDRESS) == 0 && strcmp(notice.user, "alice") == 0 &&
           strcmp(notice.full_name, "Alice Liddell") == 0 && notice.device[0] == '\0' &&
           notice.service[0] == '\0' && notice.rhost[0] == '\0' && notice.actor[0] == '\0' &&
           notice.time == 0 && notice.until == 0 && notice.left == 0 && notice.text[0] == '\0',
       "a notice starts with who is written to, and nothing else");
    before.email[0] = '\0';
    memset(&notice, 'x', sizeof(notice));
    ok(!notice_start(&notice, NOTICE_CODE, &before) && notice.to[0] == '\0' &&
           notice.text[0] == '\0',
       "without an address it does not start");
}

/* --- outbox ----------------------------------------------------------------------------------- */

static struct notice numbered(int64_t number)
{
    struct notice notice = {.kind = NOTICE_CODE, .left = number, .text = "12345678"};

    return notice;
}

static bool is_wiped(const struct notice *notice)
{
    static const struct notice zero;

    return memcmp(notice, &zero, sizeof(zero)) == 0;
}

static void test_outbox(void)
{
    struct outbox outbox = {0};
    bool good = true;

    for (int64_t i = 0; i < 100; i++) {
        const struct notice notice = numbered(i);
        good = good && outbox_add(&outbox, &notice) == 0;
    }
    for (size_t i = 0; i < outbox.count; i++)
        good = good && outbox.notices[i].left == (int64_t)i &&
               strcmp(outbox.notices[i].text, "12345678") == 0;
    ok(good && outbox.count == 100 && outbox.room >= 100, "a hundred notices stay in order");
    outbox_cut(&outbox, 200);
    ok(outbox.count == 100, "cut beyond the end nothing is lost");
    outbox_cut(&outbox, 40);
    for (size_t i = 40; i < 100; i++)
        good = good && is_wiped(&outbox.notices[i]);
    ok(good && outbox.count == 40 && outbox.notices[39].left == 39, "what is cut off is wiped");
    const struct notice notice = numbered(7);
    ok(outbox_add(&outbox, &notice) == 0 && outbox.count == 41 && outbox.notices[40].left == 7,
       "the next one stands where it was cut");
    outbox_clear(&outbox);
    ok(outbox.count == 0 && outbox.room == 0 && outbox.notices == NULL, "nothing is left of it");
    outbox_clear(&outbox);
    outbox_cut(&outbox, 0);
    ok(outbox.notices == NULL, "that may be said twice");
}

static void test_no_memory(void)
{
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    const struct notice notice = numbered(1);

    no_memory = true;
    int r = outbox_add(&outbox, &notice);
    no_memory = false;
    ok(r == ERR_NOMEM && outbox.count == 0 && outbox.notices == NULL,
       "without memory for the first nothing is put in");
    while (outbox_add(&outbox, &notice) == 0 && outbox.count < outbox.room)
        continue;
    const size_t full = outbox.count;
    const struct notice *kept = outbox.notices;
    no_memory = true;
    r = outbox_add(&outbox, &notice);
    no_memory = false;
    ok(r == ERR_NOMEM && outbox.count == full && outbox.notices == kept &&
           outbox.notices[full - 1].left == 1,
       "without memory for more what stands there stays");
    start();
    change_password();
    change_address();
    no_memory = true;
    r = notice_of_change(&before, &after, &outbox);
    no_memory = false;
    ok(r == ERR_NOMEM && outbox.count == full, "nor is a change told of");
    ok(notice_of_change(&before, &after, &outbox) == 0 && outbox.count == full + 2,
       "but with memory it is");
}

/* What a login may have to tell takes no more memory than one that has nothing to. */
static void test_reserve(void)
{
    struct outbox outbox CLEANUP(outbox_clear) = {0};

    no_memory = true;
    int r = outbox_reserve(&outbox);
    no_memory = false;
    ok(r == ERR_NOMEM && outbox.count == 0 && outbox.notices == NULL, "without memory no room");
    ok(outbox_reserve(&outbox) == 0 && outbox.count == 0, "room for a few");
    start();
    before.failures = 4;
    after.failures = 5;
    after.locked_until = 300000;
    change_password();
    change_address();
    no_memory = true;
    r = notice_of_change(&before, &after, &outbox);
    for (int i = 0; r == 0 && i < 1; i++) {
        const struct notice notice = numbered(i);
        r = outbox_add(&outbox, &notice);
    }
    no_memory = false;
    ok(r == 0 && outbox.count == 4 && outbox.notices[0].kind == NOTICE_LOCKED,
       "in which what a change is worth finds its place without any more");
}

/* --- words ------------------------------------------------------------------------------------ */

static bool is_wish(const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = CONF_NOTICES; (at = strstr(at, word)) != NULL; at += length)
        if ((at == &CONF_NOTICES[0] || at[-1] == '|') && (at[length] == '|' || at[length] == '\0'))
            return true;
    return false;
}

static void test_words(void)
{
    for (unsigned i = 0; i < NOTICE_COUNT; i++) {
        const char *wish = notice_wish(i);
        bool alone = notice_name(i)[0] != '\0';
        for (unsigned j = 0; j < i; j++)
            alone = alone && strcmp(notice_name(i), notice_name(j)) != 0;
        ok(alone && (wish == NULL) == (i <= NOTICE_TOKENS) && (wish == NULL || is_wish(wish)),
           "%s is sent %s%s", notice_name(i), wish == NULL ? "because it was asked for" : "by ",
           wish == NULL ? "" : wish);
    }
}

int main(void)
{
    test_changes();
    test_nobody_to_tell();
    test_together();
    test_start();
    test_outbox();
    test_no_memory();
    test_reserve();
    test_words();
    account_clear(&before);
    account_clear(&after);
    return tap_done();
}
