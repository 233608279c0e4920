/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "exempt.h"
#include "option.h"
#include "tap.h"

#include <string.h>

static void set(struct conf *conf, const char *name, const char *value)
{
    struct err err = {0};

    if (option_set(conf, option_find(name), value, &err) != 0)
        ok(false, "%s", err.what);
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void test_lists(void)
{
    static const struct {
        const char *user, *group, *rhost, *by;
    } rows[] = {
        {"root", NULL, NULL, "user"},
        {"backup", "", "", "user"},
        {"DOM\\carol", NULL, NULL, "user"},
        {"alice", NULL, NULL, NULL},
        {"roo", NULL, NULL, NULL},
        {"roott", NULL, NULL, NULL},
        {"Root", NULL, NULL, NULL},
        {"root,", NULL, NULL, NULL},
        {"root , backup", NULL, NULL, NULL},
        {" root", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
        {"wheel", NULL, NULL, NULL}, /* a group's name is no user's */
        {"192.0.2.7", NULL, NULL, NULL},
        {"alice", "wheel", NULL, "group"},
        {"alice", "domain users", NULL, "group"},
        {"alice", "domain", NULL, NULL},
        {"alice", "users", NULL, NULL},
        {"alice", "root", NULL, NULL},
        {"alice", "", NULL, NULL},
        {"alice", "games", NULL, NULL}, /* whoever says so */
        {"alice", NULL, "192.0.2.7", "network"},
        {"alice", NULL, "::ffff:192.0.2.7", "network"},
        {"alice", NULL, "192.0.3.7", NULL},
        {"alice", NULL, "198.51.100.1", "network"},
        {"alice", NULL, "2001:db8:1::1", "network"},
        {"alice", NULL, "2001:db8:2::1", NULL},
        {"alice", NULL, "203.0.113.77", "network"}, /* within ::ffff:203.0.113.0/120 */
        {"alice", NULL, "fe80::1%eth0", NULL},
        {"alice", NULL, "gate.example.net", NULL},
        {"alice", NULL, "192.0.2.7.example.net", NULL},
        {"alice", NULL, "192.0.2.7 ", NULL},
        {"alice", NULL, "192.0.2.0/24", NULL},
        {"alice", NULL, "0300.0.2.7", NULL},
        {"alice", NULL, "localhost", NULL},
        {"alice", NULL, "", NULL},
        {"root", "wheel", "192.0.2.7", "user"},
        {"alice", "wheel", "192.0.2.7", "group"},
    };
    struct conf conf = {0};

    set(&conf, "exempt_users", "root ,backup,\tDOM\\carol");
    set(&conf, "exempt_groups", "wheel, domain users");
    set(&conf, "exempt_networks",
        "192.0.2.0/24 , 198.51.100.1,2001:db8:1::/48, ::ffff:203.0.113.0/120");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *by = exempt_find(&conf, rows[i].user, rows[i].group, rows[i].rhost);

        ok(is_same(by, rows[i].by), "%s, group %s, from %s: %s", rows[i].user,
           rows[i].group == NULL ? "none" : rows[i].group,
           rows[i].rhost == NULL ? "here" : rows[i].rhost, by == NULL ? "not exempt" : by);
    }
}

/* Without the option nobody is; nor is anybody by the empty item of an empty list. */
static void test_nobody(void)
{
    static const char *const names[] = {"", "root", "0.0.0.0", "::", "127.0.0.1"};
    struct conf conf = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (size_t j = 0; j < ARRAY_SIZE(names); j++)
            wrong += exempt_find(&conf, names[i], names[j], names[j]) != NULL;
    ok(wrong == 0, "empty lists exempt nobody");
}

/* Lists that option_set would have refused. */
static void test_not_accepted(void)
{
    struct conf conf = {0};

    memset(conf.exempt_users, 'x', 300);
    strcat(conf.exempt_users, ",root");
    strcat(conf.exempt_groups, "a,,b,");
    strcat(conf.exempt_networks, "gate.example.net,10.0.0.1/8,127.0.0.1/0");
    ok(exempt_find(&conf, "root", "", "10.0.0.1") == NULL &&
           exempt_find(&conf, "root", NULL, "127.0.0.1") == NULL,
       "no item that is no user, group or network exempts anybody");
    strcat(conf.exempt_networks, ",192.0.2.1");
    ok(is_same(exempt_find(&conf, "", "b", ""), "group") &&
           is_same(exempt_find(&conf, "", "", "192.0.2.1"), "network"),
       "the others do");
}

int main(void)
{
    test_lists();
    test_nobody();
    test_not_accepted();
    return tap_done();
}
