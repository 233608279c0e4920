/* SPDX-License-Identifier: BSD-2-Clause */
/* Numeric addresses and networks of IPv4 (RFC 4632) and IPv6 (RFC 4291); floor 1. No name is ever
 * looked up. */
#ifndef TOTP_NETWORK_H
#define TOTP_NETWORK_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define NETWORK_TEXT_SIZE 50 /* of either, with its terminator */

/* In network order; an IPv4 address in the first four bytes. What is written as an IPv4-mapped IPv6
 * address (::ffff:192.0.2.1) is the IPv4 address. */
struct address {
    bool v6;
    uint8_t bytes[16];
};

struct network {
    struct address first;
    unsigned bits; /* of the prefix */
};

/* "192.0.2.1", "2001:db8::1". ERR_INVALID for all else: names, zones (fe80::1%eth0), blanks. */
int address_parse(const char *text, struct address *address) MUST_CHECK;

/* The one way we write it (RFC 5952). */
void address_format(const struct address *address, char out[static NETWORK_TEXT_SIZE]);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. A network inside ::ffff:0:0/96 is of IPv4.
 * ERR_INVALID; ERR_RANGE: bits are set after the prefix, or it is too long. */
int network_parse(const char *text, struct network *network) MUST_CHECK;

/* An IPv4 address is in no IPv6 network, ::/0 included, and the other way round. */
bool network_holds(const struct network *network, const struct address *address) MUST_CHECK;

#endif
