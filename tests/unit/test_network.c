/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "network.h"
#include "tap.h"

#include <string.h>

static const char *written(const char *text)
{
    static char out[NETWORK_TEXT_SIZE];
    struct address address;
    int result = address_parse(text, &address);

    if (result != 0)
        return result == ERR_INVALID ? "invalid" : "another error";
    address_format(&address, out);
    return out;
}

static void test_addresses(void)
{
    static const char *const rows[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:0DB8:0:0:0:0:0:0001", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"0:0:0:0:0:ffff:0:0", "0.0.0.0"},
        {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"},
        {"::fffe:192.0.2.1", "::fffe:c000:201"},
        {"1::ffff:192.0.2.1", "1::ffff:c000:201"},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ok(strcmp(written(rows[i][0]), rows[i][1]) == 0, "%s is %s", rows[i][0],
           written(rows[i][0]));
}

static void test_no_addresses(void)
{
    static const char *const rows[] = {
        "",
        " ",
        "localhost",
        "10.0.0.1.example",
        "10.0.0.1.",
        ".10.0.0.1",
        "dead.beef",
        "cafe",
        "beef:",
        "fe80::1%eth0",
        "fe80::1%",
        "fe80::1%1",
        "10.0.0.1%1",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1\n",
        "10.0 .0.1",
        " ::1",
        "::1 ",
        "010.0.0.1",
        "10.0.0.01",
        "10.0.0.00",
        "0x0a.0.0.1",
        "0xa000001",
        "012000000001",
        "167772161",
        "1",
        "10.1",
        "10.0.1",
        "10.0.0.256",
        "10.0.0.-1",
        "10.0.0.+1",
        "10.0.0.1.1",
        "10..0.1",
        "10.0.0.1/32",
        "10.0.0.1:22",
        "[::1]",
        "[::1]:22",
        ":",
        ":::",
        "::1::",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::g",
        "::ffff:10.0.0.01",
        "::ffff:10.0.0",
        "::ffff:10.0.0.256",
        "::10.0.0.1:1",
        "\xd9\xa1.0.0.1", /* a digit elsewhere */
        "11111111111111111111111111111111111111111111111111111111111111111111111111",
        "0000000000000000000000000000000000000000000000000000000000000000::1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ok(strcmp(written(rows[i]), "invalid") == 0, "\"%s\" is %s", rows[i], written(rows[i]));
}

static void test_untouched(void)
{
    struct address address = {.bytes = {1, 2, 3, 4}};
    struct network network = {.first = address, .bits = 32};

    ok(address_parse("10.0.0.x", &address) != 0 && address.bytes[0] == 1 &&
           network_parse("10.0.0.0/33", &network) != 0 && network.bits == 32 &&
           network.first.bytes[0] == 1,
       "what is refused changes nothing");
    memset(&address, 0xff, sizeof(address));
    address.v6 = true;
    ok(address_parse("192.0.2.1", &address) == 0 && !address.v6 && address.bytes[3] == 1 &&
           address.bytes[4] == 0 && address.bytes[15] == 0,
       "an address leaves nothing of what was there");
}

static void test_networks(void)
{
    static const struct {
        const char *text;
        int result;
        const char *first;
        unsigned bits;
    } rows[] = {
        {"192.0.2.0/24", 0, "192.0.2.0", 24},
        {"192.0.2.1", 0, "192.0.2.1", 32},
        {"192.0.2.1/32", 0, "192.0.2.1", 32},
        {"192.0.2.0/31", 0, "192.0.2.0", 31},
        {"192.0.2.128/25", 0, "192.0.2.128", 25},
        {"128.0.0.0/1", 0, "128.0.0.0", 1},
        {"0.0.0.0/0", 0, "0.0.0.0", 0},
        {"2001:db8::/32", 0, "2001:db8::", 32},
        {"2001:db8::1", 0, "2001:db8::1", 128},
        {"2001:db8::1/128", 0, "2001:db8::1", 128},
        {"8000::/1", 0, "8000::", 1},
        {"fe80::/10", 0, "fe80::", 10},
        {"::/0", 0, "::", 0},
        {"::ffff:192.0.2.0/120", 0, "192.0.2.0", 24},
        {"::ffff:192.0.2.1", 0, "192.0.2.1", 32},
        {"::ffff:0:0/96", 0, "0.0.0.0", 0},
        {"::fffe:0:0/95", 0, "::fffe:0:0", 95}, /* half of it is mapped, it itself is not */
        {"192.0.2.1/24", ERR_RANGE, NULL, 0},
        {"192.0.2.1/31", ERR_RANGE, NULL, 0},
        {"192.0.2.128/24", ERR_RANGE, NULL, 0},
        {"128.0.0.0/0", ERR_RANGE, NULL, 0},
        {"0.0.0.1/0", ERR_RANGE, NULL, 0},
        {"192.0.2.0/33", ERR_RANGE, NULL, 0},
        {"192.0.2.0/128", ERR_RANGE, NULL, 0},
        {"192.0.2.0/4294967320", ERR_RANGE, NULL, 0}, /* 24 in 32 bits */
        {"192.0.2.0/18446744073709551640", ERR_RANGE, NULL, 0},
        {"2001:db8::1/32", ERR_RANGE, NULL, 0},
        {"2001:db8::1/127", ERR_RANGE, NULL, 0},
        {"::/129", ERR_RANGE, NULL, 0},
        {"::1/0", ERR_RANGE, NULL, 0},
        {"::ffff:192.0.2.1/120", ERR_RANGE, NULL, 0},
        {"::ffff:192.0.2.0/24", ERR_RANGE, NULL, 0},
        {"::ffff:0:0/95", ERR_RANGE, NULL, 0},
        {"", ERR_INVALID, NULL, 0},
        {"/", ERR_INVALID, NULL, 0},
        {"/24", ERR_INVALID, NULL, 0},
        {"192.0.2.0/", ERR_INVALID, NULL, 0},
        {"192.0.2.0/ 24", ERR_INVALID, NULL, 0},
        {"192.0.2.0 /24", ERR_INVALID, NULL, 0},
        {"192.0.2.0/24 ", ERR_INVALID, NULL, 0},
        {" 192.0.2.0/24", ERR_INVALID, NULL, 0},
        {"192.0.2.0/+24", ERR_INVALID, NULL, 0},
        {"192.0.2.0/-1", ERR_INVALID, NULL, 0},
        {"192.0.2.0/024", ERR_INVALID, NULL, 0},
        {"0.0.0.0/00", ERR_INVALID, NULL, 0},
        {"192.0.2.0/0x18", ERR_INVALID, NULL, 0},
        {"192.0.2.0/255.255.255.0", ERR_INVALID, NULL, 0},
        {"192.0.2.0/24/24", ERR_INVALID, NULL, 0},
        {"192.0.2/24", ERR_INVALID, NULL, 0},
        {"192.0.2.", ERR_INVALID, NULL, 0},
        {"192.0.2.*", ERR_INVALID, NULL, 0},
        {"192.0.2.0-192.0.2.9", ERR_INVALID, NULL, 0},
        {"0300.0.2.0/24", ERR_INVALID, NULL, 0},
        {"fe80::%eth0/10", ERR_INVALID, NULL, 0},
        {"fe80::/10%eth0", ERR_INVALID, NULL, 0},
        {"localhost", ERR_INVALID, NULL, 0},
        {"example.net/24", ERR_INVALID, NULL, 0},
        {"000000000000000000000000000000000000000000000000000::/32", ERR_INVALID, NULL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network network = {.bits = 0};
        char first[NETWORK_TEXT_SIZE] = "";
        int result = network_parse(rows[i].text, &network);

        address_format(&network.first, first);
        ok(result == rows[i].result &&
               (result != 0 || (strcmp(first, rows[i].first) == 0 && network.bits == rows[i].bits)),
           "\"%s\": %d, %s/%u", rows[i].text, result, first, network.bits);
    }
}

static void test_holds(void)
{
    static const struct {
        const char *network, *address;
        bool holds;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0", true},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.1.255", false},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
        {"::ffff:192.0.2.0/120", "192.0.2.7", true},
        {"::ffff:192.0.2.0/120", "::ffff:192.0.2.7", true},
        {"::ffff:192.0.2.0/120", "::ffff:192.0.3.7", false},
        {"192.0.2.8/31", "192.0.2.9", true},
        {"192.0.2.8/31", "192.0.2.10", false},
        {"192.0.2.8", "192.0.2.8", true},
        {"192.0.2.8", "192.0.2.9", false},
        {"192.0.2.8/32", "193.0.2.8", false},
        {"0.0.0.0/0", "0.0.0.0", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::", false},
        {"0.0.0.0/0", "::1", false},
        {"0.0.0.0/1", "127.255.255.255", true},
        {"0.0.0.0/1", "128.0.0.0", false},
        {"::ffff:0:0/96", "203.0.113.9", true},
        {"::ffff:0:0/96", "::203.0.113.9", false},
        {"::/0", "::", true},
        {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"::/0", "192.0.2.1", false},
        {"::/0", "::ffff:192.0.2.1", false},
        {"::fffe:0:0/95", "192.0.2.1", false},
        {"::fffe:0:0/95", "::fffe:c000:201", true},
        {"c000:200::/24", "192.0.2.0", false},
        {"192.0.2.0/24", "c000:200::", false},
        {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::8/127", "2001:db8::9", true},
        {"2001:db8::8/127", "2001:db8::a", false},
        {"2001:db8::8/128", "2001:db8::8", true},
        {"2001:db8::8/128", "2001:db8::9", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct network network;
        struct address address;

        ok(network_parse(rows[i].network, &network) == 0 &&
               address_parse(rows[i].address, &address) == 0 &&
               network_holds(&network, &address) == rows[i].holds,
           "%s is %s %s", rows[i].address, rows[i].holds ? "in" : "not in", rows[i].network);
    }
}

/* Every length of prefix: the last address of the network is in it, the next one is not. */
static void test_every_prefix(void)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        unsigned width = v6 != 0 ? 128 : 32, wrong = 0;

        for (unsigned bits = 0; bits <= width; bits++) {
            struct network network = {.first = {.v6 = v6 != 0}, .bits = bits};
            struct address inside = network.first, outside;

            for (unsigned i = bits; i < width; i++)
                inside.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
            wrong += !network_holds(&network, &inside);
            for (unsigned i = 0; i < bits; i++) {
                outside = inside;
                outside.bytes[i / 8] ^= (uint8_t)(0x80 >> i % 8);
                wrong += network_holds(&network, &outside);
            }
        }
        ok(wrong == 0, "each bit of a prefix counts and no other, IPv%d", v6 != 0 ? 6 : 4);
    }
}

int main(void)
{
    test_addresses();
    test_no_addresses();
    test_untouched();
    test_networks();
    test_holds();
    test_every_prefix();
    return tap_done();
}
