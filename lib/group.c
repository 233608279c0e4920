/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "group.h"

#include "text.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SIZE 1024 /* where to begin; a group of thousands takes more */
#define RECORD_SIZE_MAX (1024 * 1024)
#define GROUPS 64
#define GROUPS_MAX 65536 /* what Linux lets a process have */

/* What a record of the user database lies in. */
struct room {
    char *bytes;
    size_t size;
};

struct gids {
    gid_t *all;
    int count;
};

static void room_free(struct room *room)
{
    free(room->bytes);
}

static void gids_free(struct gids *gids)
{
    free(gids->all);
}

/* Nothing in it is kept. */
static bool room_grow(struct room *room)
{
    size_t size = room->size == 0 ? RECORD_SIZE : room->size * 2;

    free(room->bytes);
    room->bytes = size <= RECORD_SIZE_MAX ? malloc(size) : NULL;
    room->size = room->bytes != NULL ? size : 0;
    return room->bytes != NULL;
}

/* getgrnam_r and getpwnam_r both answer 0 with no record where there is none; some modules of
 * nsswitch.conf use one of these instead. */
static bool is_absence(int error)
{
    return error == ENOENT || error == ESRCH;
}

/* The gid of a group. 1; 0 where there is no such group; -1 where that cannot be told. */
static int find_gid(const char *name, gid_t *gid)
{
    struct room room CLEANUP(room_free) = {.bytes = NULL};
    struct group group, *found = NULL;
    int error = ERANGE;

    while (error == ERANGE || error == EINTR) {
        if (error == ERANGE && !room_grow(&room))
            return -1;
        error = getgrnam_r(name, &group, room.bytes, room.size, &found);
    }
    if (error != 0)
        return is_absence(error) ? 0 : -1;
    if (found == NULL)
        return 0;
    *gid = found->gr_gid;
    return 1;
}

static bool find_gids_of(const struct passwd *known, struct gids *gids)
{
    int room = GROUPS;

    while (room > 0 && room <= GROUPS_MAX) {
        int count = room;

        free(gids->all);
        gids->all = calloc((size_t)room, sizeof(*gids->all));
        if (gids->all == NULL)
            return false;
        if (getgrouplist(known->pw_name, known->pw_gid, gids->all, &count) >= 0) {
            gids->count = count;
            return true;
        }
        /* The C library tells how many there are; one that does not has failed otherwise. */
        if (count <= room)
            return false;
        room = count;
    }
    return false;
}

static bool find_gids(const char *user, struct gids *gids)
{
    struct room room CLEANUP(room_free) = {.bytes = NULL};
    struct passwd record, *known = NULL;
    int error = ERANGE;

    while (error == ERANGE || error == EINTR) {
        if (error == ERANGE && !room_grow(&room))
            return false;
        error = getpwnam_r(user, &record, room.bytes, room.size, &known);
    }
    return error == 0 && known != NULL && find_gids_of(known, gids);
}

void group_find(const char *list, const char *user, char name[static GROUP_NAME_SIZE])
{
    struct gids gids CLEANUP(gids_free) = {.all = NULL};
    char item[GROUP_NAME_SIZE];
    gid_t gid = 0;
    int found;

    name[0] = '\0';
    if (list[0] == '\0' || !find_gids(user, &gids))
        return;
    while (option_next_item(&list, item, sizeof(item)) > 0) {
        found = find_gid(item, &gid);
        if (found < 0)
            return;
        for (int i = 0; i < gids.count && found > 0; i++)
            if (gids.all[i] == gid) {
                text_cut(name, GROUP_NAME_SIZE, item);
                return;
            }
    }
}
