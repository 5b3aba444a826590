/* retrieval/derived.c - what a cache holds that can be made again. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retrieval/store.h"

const char *const imr_derived_names[IMR_DERIVED] = {"projected", "pseudo", "tokens",
                                                    IMR_STORE_UNPACKED};

/* Links are neither followed nor counted. */
static uint64_t walk(int at, const char *name, bool remove)
{
    const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    uint64_t sum = 0;
    struct stat st;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            sum += walk(fd, e->d_name, remove);
        else if ((!remove || unlinkat(fd, e->d_name, 0) == 0) && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    if (d)
        closedir(d);
    if (remove)
        (void)unlinkat(at, name, AT_REMOVEDIR);
    return sum;
}

uint64_t imr_derived_bytes(const char *dir, const char *name, bool remove)
{
    return walk(AT_FDCWD, imr_path_in(dir, name).s, remove);
}
