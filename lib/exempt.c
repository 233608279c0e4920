/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "exempt.h"

#include "network.h"

#include <string.h>

static bool list_names(const char *list, const char *name)
{
    char item[CONF_ITEM_SIZE];

    if (name == NULL || name[0] == '\0')
        return false;
    while (option_next_item(&list, item, sizeof(item)) > 0)
        if (strcmp(item, name) == 0)
            return true;
    return false;
}

static bool list_holds(const char *list, const char *rhost)
{
    char item[CONF_ITEM_SIZE];
    struct address address;
    struct network network;

    if (rhost == NULL || address_parse(rhost, &address) != 0)
        return false;
    while (option_next_item(&list, item, sizeof(item)) > 0)
        if (network_parse(item, &network) == 0 && network_holds(&network, &address))
            return true;
    return false;
}

const char *exempt_find(const struct conf *conf, const char *user, const char *group,
                        const char *rhost)
{
    if (list_names(conf->exempt_users, user))
        return "user";
    if (list_names(conf->exempt_groups, group))
        return "group";
    if (list_holds(conf->exempt_networks, rhost))
        return "network";
    return NULL;
}
