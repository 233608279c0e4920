/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk that is full or read-only: denied, with the store named in the log; nothing is half kept,
 * and once there is room again everything goes on. */
#include "config.h"

#include "login.h"
#include "service.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t step = STEP_GA;
static struct account alice;

/* The code of the next step, which is now. */
static void next_code(char code[static 9])
{
    person_next_code(&alice, &step, code);
}

/* Takes all the room there is at path. */
static void fill(const char *path)
{
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t written = 1;

    while (written > 0)
        written = write(fd, block, sizeof(block));
    close(fd);
}

static void expect_denied(const char *what)
{
    struct login login = {.user = "alice"};
    char code[9];

    next_code(code);
    login.answers[0] = code;
    login_expect(&login, PAM_AUTHINFO_UNAVAIL, 1, what);
    ok(*login_log("totp.db") != '\0', "%s: the log names the store", what);
}

static void test_disk(const char *disk)
{
    char filler[512], code[9];

    next_code(code);
    ok(login_as("alice", code) == PAM_SUCCESS, "a small disk");
    snprintf(filler, sizeof(filler), "%s/filler", disk);
    bool denied = false;
    /* The log has room of its own until it must grow. */
    fill(filler);
    for (int i = 0; i < 4000 && !denied; i++) {
        next_code(code);
        denied = login_as("alice", code) == PAM_AUTHINFO_UNAVAIL;
    }
    ok(denied, "full at last");
    expect_denied("a full disk");
    ok(unlink(filler) == 0, "room again");
    ok(login_as("alice", code) == PAM_SUCCESS, "the code that was denied was not consumed");
    next_code(code);
    ok(login_as("alice", code) == PAM_SUCCESS, "and the next login works");
    service_rest(); /* the kernel does not allow it below files that are open for writing */
    ok(mount("none", disk, "none", MS_REMOUNT | MS_RDONLY, NULL) == 0, "mounted read-only");
    service_wake();
    expect_denied("a read-only file system");
    ok(mount("none", disk, "none", MS_REMOUNT, NULL) == 0, "mounted for writing");
    ok(login_as("alice", code) == PAM_AUTH_ERR, "the code of the step before is gone");
    next_code(code);
    ok(login_as("alice", code) == PAM_SUCCESS, "the next login works");
}

/* In a mount name space of this process: nothing outlives it. */
static void make_disk(char *disk, size_t size)
{
    snprintf(disk, size, "%s/disk", tap_dir());
    if (mkdir(disk, 0700) != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", disk, "tmpfs", 0, "size=512k,mode=0700") != 0)
        disk[0] = '\0';
}

int main(void)
{
    char disk[400] = "";

    if (host_become_root())
        make_disk(disk, sizeof(disk));
    if (disk[0] == '\0') {
        tap_skip("a disk of its own needs root, or user name spaces");
        return tap_done();
    }
    host_make(disk);
    person_init(&alice, "alice", SECRET_GA);
    person_save(&alice, 1);
    test_disk(disk);
    service_rest();
    umount(disk);
    return host_done();
}
