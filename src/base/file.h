/*
 * base/file.h - reading files as memory and writing them whole or not at all.
 *
 * Reading: imr_file_map gives a read-only view (mmap; an ordinary read where mapping is refused).
 * The view does not follow later changes of the file's name. An empty file has len 0 and data "".
 * Errors:
 *   IMR_E_NOT_FOUND   the name does not exist, or is (told at once) a folder, pipe, device, socket
 *   IMR_E_FORMAT      what comes in place of a file that was to be fetched: a pointer of Git LFS, a
 *                     web page
 *   IMR_E_IO          otherwise
 *
 * Writing: an imr_writer writes to a new file "<path>.tmp-<random>" beside the target;
 * imr_writer_commit flushes, fsyncs, renames over the target and fsyncs the folder. Without commit
 * (imr_writer_done) the temporary file is removed, so a full disk never leaves half a file under
 * the real name. What a killed process left is removed by the next writer of that target: files
 * are locked while they are written. Failures stick and are reported by commit. A link in the
 * target's place is replaced, never followed: caches and their like may come from strangers.
 *
 * For a name the user gave (imr_writer_open_named) it is the other way round, as a shell's `>` has
 * it: links are followed, an existing file keeps its mode, and what is no regular file (a pipe,
 * a device) is written to as it is, without the rename. But nothing that exists is overwritten
 * without --overwrite, nor what appears while it is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/error.h"

typedef struct imr_file {
    const uint8_t *data;
    size_t len;
    void *mapped;    /* NULL when the bytes were read into memory */
    int descriptor;  /* of what is mapped */
    bool sequential; /* imr_file_sequential was asked for */
    void *owned;
} imr_file;

imr_status imr_file_map(imr_file *out, const char *path, imr_error *err);
enum {
    IMR_FILE_PIPE = 1, /* named by the user: a pipe is fine, up to IMR_MAX_JSON_BYTES */
    IMR_FILE_TEXT = 2  /* anybody's text: a web page is one */
};
imr_status imr_file_map_as(imr_file *out, const char *path, unsigned how, imr_error *err);
void imr_file_unmap(imr_file *f); /* {0} is fine */
/* Mapped memory that will be read from front to back: pages that are not there yet come in large
 * pieces (measured from a cold disk: 336 instead of 53 MB/s). Advice only; any memory is fine. */
void imr_file_read_ahead(const void *data, size_t len);
/* The same for all of a file; holds when it is forgotten, too. */
void imr_file_sequential(imr_file *f);

/* The mapped bytes need not stay in this process' memory; they are read again when used. */
void imr_file_forget(const imr_file *f);

/* Something that is no folder; whether it may be read, opening it says. */
bool imr_file_exists(const char *path);
bool imr_dir_exists(const char *path);
/* Before what is in a folder is called absent: IMR_E_IO where the system refuses to look into it;
 * a folder that is not there is fine. */
imr_status imr_dir_admits(const char *path, imr_error *err);
/* Creates the folder and its parents. An existing folder is fine. */
imr_status imr_dir_make(const char *path, imr_error *err);
/* The same for a folder inside one that may come from strangers: no link takes its place. */
imr_status imr_dir_make_own(const char *path, imr_error *err);
/* For what can be made again: IMR_E_IO unless it fits into half of what is free on the disk. */
imr_status imr_dir_room(const char *path, uint64_t bytes, imr_error *err);
/* Strings that go with it. */
typedef IMR_ARRAY(char *) imr_names;
void imr_names_done(imr_names *names); /* {0} is fine */
/* Names in a folder, byte order, without "." and ".."; {0} where that fails. */
imr_status imr_dir_list(imr_names *out, const char *path, imr_error *err);
/* Flushes the folder: a rename in it is durable only then. Some file systems refuse: fine. */
void imr_dir_sync(const char *path);

/* "dir/name" (or name when dir is empty or name is absolute). The caller's; NULL: out of memory. */
char *imr_path_join(const char *dir, const char *name);
/* The same as a value, for one call: imr_file_exists(imr_path_in(dir, "lock").s). What is longer
 * than any path the system takes is cut to a length it refuses. */
typedef struct imr_path {
    char s[4097];
} imr_path;
imr_path imr_path_in(const char *dir, const char *name);
/* The part after the last '/'; borrowed. */
const char *imr_path_base(const char *path);
/* The part before it, "." when there is none. The caller's; NULL when memory ran out. */
char *imr_path_dir(const char *path);

typedef struct imr_writer {
    FILE *file;
    char *path, *temporary; /* temporary NULL: written to directly */
    bool fresh;             /* takes nobody's place */
    int failure;            /* first errno, 0 while all is well */
} imr_writer;

imr_status imr_writer_open(imr_writer *w, const char *path, imr_error *err);
/* May a file of this name be written? IMR_E_IO, naming --overwrite, for a regular file that is
 * there; anything else is fine, and so is what /dev names. */
imr_status imr_file_vacant(const char *path, bool overwrite, imr_error *err);
imr_status imr_writer_open_named(imr_writer *w, const char *path, bool overwrite, imr_error *err);
void imr_writer_add(imr_writer *w, const void *bytes, size_t n);
void imr_writer_printf(imr_writer *w, const char *format, ...) IMR_PRINTF(2, 3);
/* Publishes the file; on failure nothing is left behind and the error names path and reason. */
imr_status imr_writer_commit(imr_writer *w, imr_error *err);
void imr_writer_done(imr_writer *w); /* drops an uncommitted file; fine after commit and on {0} */

/* One call: bytes -> path, atomically. */
imr_status imr_file_write(const char *path, const void *bytes, size_t n, imr_error *err);
/* The same; nobody else can read it: mode 0600. */
imr_status imr_file_write_private(const char *path, const void *bytes, size_t n, imr_error *err);
