/* Preloaded into a process: counts what it does to the files of one folder, and at the k-th such
   operation kills the process or lets the operation fail. Unarmed, it only passes calls on. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, KILL, TEAR, FAIL_ONCE, FAIL_ON };

static char folder[PATH_MAX];
static size_t folder_length;
static atomic_long counted, fired;
static long at;
static int mode, code, out = -1;

/* From now on: the `which`-th operation on a file under `path` is met with `how`; failures say
   `error`. Each operation that is met leaves a line in the file `log`. */
void disk_arm(const char *path, long which, int how, int error, const char *log) {
    snprintf(folder, sizeof folder, "%s", path);
    at = which;
    mode = how;
    code = error;
    atomic_store(&counted, 0);
    atomic_store(&fired, 0);
    out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    folder_length = strlen(folder);
}

long disk_counted(void) { return atomic_load(&counted); }

long disk_fired(void) { return atomic_load(&fired); }

static void note(const char *what, const char *path) {
    char line[PATH_MAX + 32];
    int length = snprintf(line, sizeof line, "%s %s\n", what, path + folder_length);
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    if (out >= 0) real(out, line, (size_t)length);
}

/* 0: go on. 1: fail with errno. 2: do half of it, then die. */
static int meet(const char *what, const char *path) {
    if (strncmp(path, folder, folder_length) != 0) return 0;
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (mode == COUNT) note(what, path);
    if (mode == COUNT || number < at || (mode != FAIL_ON && number > at)) return 0;
    if (atomic_fetch_add(&fired, 1) == 0) note(what, path);
    if (mode == KILL) kill(getpid(), SIGKILL);
    if (mode == TEAR) return 2;
    errno = code;
    return 1;
}

static int meet_fd(const char *what, int fd) {
    char link[32], path[PATH_MAX];
    if (!folder_length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return meet(what, path);
}

static int meet_path(const char *what, const char *path) {
    return folder_length ? meet(what, path) : 0;
}

static void die(void) { kill(getpid(), SIGKILL); }

#define NEXT(name, type, ...)                             \
    static type (*real)(__VA_ARGS__);                     \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
    NEXT("write", ssize_t, int, const void *, size_t);
    int met = meet_fd("write", fd);
    if (met == 1) return -1;
    if (met == 2) { real(fd, data, size / 2); die(); }
    return real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    NEXT("pwrite", ssize_t, int, const void *, size_t, off_t);
    int met = meet_fd("write", fd);
    if (met == 1) return -1;
    if (met == 2) { real(fd, data, size / 2, offset); die(); }
    return real(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    NEXT("pwrite64", ssize_t, int, const void *, size_t, off64_t);
    int met = meet_fd("write", fd);
    if (met == 1) return -1;
    if (met == 2) { real(fd, data, size / 2, offset); die(); }
    return real(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT("writev", ssize_t, int, const struct iovec *, int);
    int met = meet_fd("write", fd);
    if (met == 1) return -1;
    if (met == 2) die();
    return real(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    NEXT("pwritev", ssize_t, int, const struct iovec *, int, off_t);
    int met = meet_fd("write", fd);
    if (met == 1) return -1;
    if (met == 2) die();
    return real(fd, parts, count, offset);
}

int fsync(int fd) {
    NEXT("fsync", int, int);
    int met = meet_fd("sync", fd);
    if (met == 2) die();
    return met ? -1 : real(fd);
}

int fdatasync(int fd) {
    NEXT("fdatasync", int, int);
    int met = meet_fd("sync", fd);
    if (met == 2) die();
    return met ? -1 : real(fd);
}

int ftruncate(int fd, off_t size) {
    NEXT("ftruncate", int, int, off_t);
    int met = meet_fd("truncate", fd);
    if (met == 2) die();
    return met ? -1 : real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    NEXT("ftruncate64", int, int, off64_t);
    int met = meet_fd("truncate", fd);
    if (met == 2) die();
    return met ? -1 : real(fd, size);
}

int rename(const char *from, const char *to) {
    NEXT("rename", int, const char *, const char *);
    int met = meet_path("rename", to);
    if (met == 2) die();
    return met ? -1 : real(from, to);
}

int unlink(const char *path) {
    NEXT("unlink", int, const char *);
    int met = meet_path("unlink", path);
    if (met == 2) die();
    return met ? -1 : real(path);
}

int mkdir(const char *path, mode_t bits) {
    NEXT("mkdir", int, const char *, mode_t);
    int met = meet_path("mkdir", path);
    if (met == 2) die();
    return met ? -1 : real(path, bits);
}

static int create(const char *path, int flags) {
    return (flags & O_CREAT) && access(path, F_OK) != 0 ? meet_path("create", path) : 0;
}

#define MODE(flags)                                       \
    mode_t bits = 0;                                      \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {              \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        bits = va_arg(rest, mode_t);                      \
        va_end(rest);                                     \
    }

int open(const char *path, int flags, ...) {
    NEXT("open", int, const char *, int, ...);
    MODE(flags)
    int met = create(path, flags);
    if (met == 2) die();
    return met ? -1 : real(path, flags, bits);
}

int open64(const char *path, int flags, ...) {
    NEXT("open64", int, const char *, int, ...);
    MODE(flags)
    int met = create(path, flags);
    if (met == 2) die();
    return met ? -1 : real(path, flags, bits);
}
