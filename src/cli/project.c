/* cli/project.c */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "cli/command.h"
#include "text/utf8.h"

#define PROJECT_FILE "./.imrnn"
#define MOST_BYTES   ((size_t)64 << 10)

char *imr_cli_state_folder(void)
{
    IMR_AUTOFREE char *folder = NULL;
    if (imr_cli_xdg(&folder, "XDG_STATE_HOME", "imrnn", ".local/state/imrnn") && folder &&
        imr_dir_make(folder, NULL) == IMR_OK) {
        chmod(folder, S_IRWXU); /* what was asked, copied, marked is nobody else's */
        return IMR_TAKE(folder);
    }
    return NULL;
}

/* The whole file. *mine: it and its folder belong to whoever runs this. Says why where it cannot be
 * used, and leaves out empty. */
static void read_project(imr_buf *out, bool *mine, imr_buf *said)
{
    struct stat file, folder;
    const int fd = open(PROJECT_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            imr_buf_printf(said, PROJECT_FILE " is left out: %s",
                           errno == ELOOP ? "it is a link" : strerror(errno));
        return;
    }
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || (size_t)file.st_size > MOST_BYTES) {
        imr_buf_str(said, PROJECT_FILE " is left out: it is no small regular file");
    } else {
        *mine = file.st_uid == geteuid() && stat(".", &folder) == 0 && folder.st_uid == geteuid();
        char *room = imr_buf_reserve(out, MOST_BYTES + 1);
        ssize_t n = 0;
        while (room && (n = read(fd, room + out->len, MOST_BYTES - out->len)) > 0)
            out->len += (size_t)n;
        if (n < 0)
            imr_buf_clear(out);
    }
    close(fd);
}

/* A line of the list of files that somebody said yes to. */
static imr_status key_of(char **out, const imr_buf *text, imr_error *err)
{
    char hex[IMR_SHA256_HEX];
    IMR_AUTOBUF imr_buf line = {0};
    char *real = realpath(PROJECT_FILE, NULL);
    imr_status status = imr_sha256_memory(imr_buf_text(text), text->len, hex, err);
    imr_buf_printf(&line, "%s  %s\n", hex, real ? real : "");
    free(real);
    IMR_TRY(status);
    IMR_TRY(imr_buf_check(&line, err));
    *out = imr_buf_take(&line);
    return IMR_OK;
}

static bool is_trusted(const char *list, const char *key)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    if (!imr_file_exists(list) || imr_file_map(&f, list, NULL) != IMR_OK)
        return false;
    const size_t n = strlen(key);
    bool found = false;
    for (size_t at = 0; !found && at + n <= f.len; at++) {
        found = memcmp(f.data + at, key, n) == 0;
        const void *stop = memchr(f.data + at, '\n', f.len - at);
        at = stop ? (size_t)((const uint8_t *)stop - f.data) : f.len;
    }
    return found;
}

static void trust(const char *list, const char *key)
{
    const int fd =
        open(list, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    const size_t n = strlen(key);
    if (fd >= 0 && write(fd, key, n) != (ssize_t)n)
        fprintf(stderr, "imrnn: %s cannot be written: it will be asked again\n", list);
    if (fd >= 0)
        close(fd);
}

static bool ask(const imr_buf *text, bool mine)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, imr_buf_text(text), text->len, IMR_CLEAN_NEWLINES);
    fprintf(stderr,
            "This folder has a project file %s, " PROJECT_FILE ":\n\n%s\n"
            "Use %s? %s [y/N] ",
            mine ? "that names a store" : "of another user", imr_buf_text(&clean),
            mine ? "its store and filter" : "its settings",
            mine ? "imrnn connects there, with your credentials for it."
                 : "They change what is shown and computed, and where imrnn connects if they name "
                   "a store, nothing else.");
    char answer[16];
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Did somebody say yes to the file of another user, or to the store in one's own? */
static imr_status vouched(bool *out, const imr_buf *text, bool mine, imr_buf *said, imr_error *err)
{
    IMR_AUTOFREE char *state = imr_cli_state_folder();
    IMR_AUTOFREE char *list = state ? imr_path_join(state, "trusted") : NULL;
    IMR_AUTOFREE char *key = NULL;
    IMR_TRY(key_of(&key, text, err));
    *out = list && is_trusted(list, key);
    if (*out)
        return IMR_OK;
    if (list && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && ask(text, mine)) {
        trust(list, key);
        *out = true;
        return IMR_OK;
    }
    imr_buf_str(said, mine ? "The store that " PROJECT_FILE " names is left out: name it on the "
                             "command line, or start imrnn in a terminal here, which asks, once"
                           : PROJECT_FILE " is left out: it, or its folder, belongs to another "
                                          "user (a terminal asks, once)");
    return IMR_OK;
}

/* Where it connects, and what is sent there, even of one's own file, which may have come with a
 * folder from anywhere: after a yes. */
static imr_status check_store(imr_config *c, const imr_buf *text, imr_buf *said, imr_error *err)
{
    const bool store = imr_config_from(c, IMR_OPT_STORE) == IMR_FROM_PROJECT_FILE,
               filter = imr_config_from(c, IMR_OPT_STORE_FILTER) == IMR_FROM_PROJECT_FILE;
    bool use = true;
    if (store || filter)
        IMR_TRY(vouched(&use, text, true, said, err));
    if (store && !use)
        imr_config_unset(c, IMR_OPT_STORE);
    if (filter && !use)
        imr_config_unset(c, IMR_OPT_STORE_FILTER);
    return IMR_OK;
}

imr_status imr_cli_project_file(imr_config *c, imr_buf *said, imr_error *err)
{
    IMR_AUTOBUF imr_buf text = {0};
    bool mine = false;
    read_project(&text, &mine, said);
    IMR_TRY(imr_buf_check(&text, err));
    bool use = mine;
    if (text.len && !mine)
        IMR_TRY(vouched(&use, &text, mine, said, err));
    if (!use)
        return imr_buf_check(said, err);
    IMR_TRY(imr_config_parse(c, imr_buf_text(&text), text.len, PROJECT_FILE, IMR_FROM_PROJECT_FILE,
                             err));
    if (mine)
        IMR_TRY(check_store(c, &text, said, err));
    IMR_AUTOBUF imr_buf set = {0};
    imr_config_project(&set, c);
    if (set.len) {
        imr_buf_str(said, said->len ? "; " PROJECT_FILE ": " : PROJECT_FILE ": ");
        imr_utf8_clean(said, set.data, set.len, IMR_CLEAN_LINE);
    }
    IMR_TRY(imr_buf_check(&set, err));
    return imr_buf_check(said, err);
}
