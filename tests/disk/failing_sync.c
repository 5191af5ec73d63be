/* A disk whose syncs fail when a test says so, put before a program with LD_PRELOAD.
 *
 * It plays what Linux does: after a sync that failed, the pages that it should have written count as
 * clean, and later syncs do not write them again. What a power cut would leave is kept in a second
 * directory, the platter: a sync that succeeds copies there all pages but those that are lost.
 *
 *   FAILING_SYNC_SWITCH   syncs fail while this file is there
 *   FAILING_SYNC_TABLE    the beginning of the paths that it is about: <directory>/kiisrv.db
 *   FAILING_SYNC_PLATTER  the directory of what a power cut leaves
 *
 * What is known of each page is in a file on the platter, so that it outlives a process that is killed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 65536

enum { CLEAN, DIRTY, LOST };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The name of the table's file that this is, or NULL where it is another file. */
static const char *name_of(int fd, char *path, size_t size) {
    const char *table = getenv("FAILING_SYNC_TABLE");
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (!table || length < 0) return NULL;
    path[length] = 0;
    if (strncmp(path, table, strlen(table)) || strstr(path, "-shm")) return NULL;
    return strrchr(path, '/') + 1;
}

static int on_platter(const char *name, const char *end) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", getenv("FAILING_SYNC_PLATTER"), name, end);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

/* What is known of a file's pages. */
static unsigned char *pages_of(const char *name) {
    static struct { char name[64]; unsigned char *pages; } known[8];
    int at = 0;
    while (at < 7 && known[at].pages && strcmp(known[at].name, name)) at++;
    if (!known[at].pages) {
        int fd = on_platter(name, ".pages");
        if (ftruncate(fd, PAGES)) abort();
        known[at].pages = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (known[at].pages == MAP_FAILED) abort();
        snprintf(known[at].name, sizeof known[at].name, "%s", name);
        close(fd);
    }
    return known[at].pages;
}

static void dirty(int fd, off_t from, ssize_t length) {
    char path[4096];
    const char *name = length > 0 ? name_of(fd, path, sizeof path) : NULL;
    if (!name) return;
    pthread_mutex_lock(&lock);
    off_t first = from / PAGE, last = (from + length - 1) / PAGE;
    if (last >= PAGES) abort();
    memset(pages_of(name) + first, DIRTY, last - first + 1);
    pthread_mutex_unlock(&lock);
}

static void copy(int fd, const char *name, unsigned char *pages) {
    struct stat status;
    char page[PAGE];
    int platter = on_platter(name, "");
    if (fstat(fd, &status) || ftruncate(platter, status.st_size)) abort();
    ssize_t (*real_pwrite)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
    for (off_t at = 0; at * PAGE < status.st_size; at++) {
        if (pages[at] == LOST) continue;
        ssize_t length = pread(fd, page, PAGE, at * PAGE);
        if (length < 0 || real_pwrite(platter, page, length, at * PAGE) != length) abort();
        pages[at] = CLEAN;
    }
    close(platter);
}

static int sync_by(int fd, const char *call) {
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    if (!name) {
        int (*real)(int) = dlsym(RTLD_NEXT, call);
        return real(fd);
    }
    pthread_mutex_lock(&lock);
    unsigned char *pages = pages_of(name);
    int fails = !access(getenv("FAILING_SYNC_SWITCH"), F_OK);
    if (fails) {
        for (int at = 0; at < PAGES; at++)
            if (pages[at] == DIRTY) pages[at] = LOST;
    } else {
        copy(fd, name, pages);
    }
    pthread_mutex_unlock(&lock);
    errno = EIO;
    return fails ? -1 : 0;
}

int fsync(int fd) { return sync_by(fd, "fsync"); }
int fdatasync(int fd) { return sync_by(fd, "fdatasync"); }

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    off_t from = lseek(fd, 0, SEEK_CUR);
    ssize_t written = real(fd, bytes, length);
    int why = errno;
    if (from >= 0) dirty(fd, from, written);
    errno = why;
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t from) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
    ssize_t written = real(fd, bytes, length, from);
    int why = errno;
    dirty(fd, from, written);
    errno = why;
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t from) {
    return pwrite(fd, bytes, length, from);
}
