/* Writes down what a process asks of the disk: every write, cut and sync of the files named in DISK_FILES.
 *
 * cc -shared -fPIC -o disk.so disk.c -ldl; LD_PRELOAD=disk.so DISK_FILES=part/of/the/path DISK_LOG=file program
 *
 * A record is a line "kind offset length path" and then so many bytes; kind is w(rite), t(runcate) or s(ync).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int watched(int fd, char *path) {
    char link[64];
    const char *part = getenv("DISK_FILES");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = part ? readlink(link, path, PATH_MAX - 1) : -1;
    if (size < 0) return 0;
    path[size] = 0;
    return strstr(path, part) && !strstr(path, "-shm");
}

static void note(char kind, int fd, off64_t offset, const void *data, size_t length) {
    static int file = -1;
    char path[PATH_MAX], head[PATH_MAX + 64];
    if (!watched(fd, path)) return;
    if (file < 0) file = open(getenv("DISK_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int size = snprintf(head, sizeof head, "%c %lld %zu %s\n", kind, (long long)offset, data ? length : 0, path);
    struct iovec parts[2] = {{head, size}, {(void *)data, data ? length : 0}};
    if (writev(file, parts, 2) < 0) abort();
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    REAL("pwrite64", ssize_t, int, const void *, size_t, off64_t);
    ssize_t written = real(fd, data, length, offset);
    if (written > 0) note('w', fd, offset, data, written);
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) {
    REAL("write", ssize_t, int, const void *, size_t);
    off64_t offset = lseek64(fd, 0, SEEK_CUR);
    ssize_t written = real(fd, data, length);
    if (written > 0) note('w', fd, offset, data, written);
    return written;
}

int ftruncate64(int fd, off64_t length) {
    REAL("ftruncate64", int, int, off64_t);
    int failed = real(fd, length);
    if (!failed) note('t', fd, length, NULL, 0);
    return failed;
}

int ftruncate(int fd, off_t length) {
    return ftruncate64(fd, length);
}

int fsync(int fd) {
    REAL("fsync", int, int);
    int failed = real(fd);
    if (!failed) note('s', fd, 0, NULL, 0);
    return failed;
}

int fdatasync(int fd) {
    REAL("fdatasync", int, int);
    int failed = real(fd);
    if (!failed) note('s', fd, 0, NULL, 0);
    return failed;
}
