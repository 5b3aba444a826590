/* cli/output.c - standard output or a file published whole. */
#include "cli/output.h"

#include <errno.h>
#include <string.h>

imr_status imr_output_open(imr_output *o, const char *path, imr_error *err)
{
    imr_output fresh = {0};
    if (path && strcmp(path, "-") != 0) {
        IMR_TRY(imr_writer_open_named(&fresh.writer, path, err));
        fresh.to_file = true;
    } else {
        fresh.stream = stdout;
    }
    *o = fresh;
    return IMR_OK;
}

void imr_output_add(imr_output *o, const void *bytes, size_t n)
{
    if (o->to_file)
        imr_writer_add(&o->writer, bytes, n);
    else if (!o->failure && n && fwrite(bytes, 1, n, o->stream) != n)
        o->failure = errno ? errno : EIO;
}

imr_status imr_output_close(imr_output *o, imr_error *err)
{
    if (o->to_file) {
        o->to_file = false;
        return imr_writer_commit(&o->writer, err);
    }
    if (!o->stream)
        return IMR_OK;
    if (fflush(o->stream) != 0 && !o->failure)
        o->failure = errno ? errno : EIO;
    o->stream = NULL;
    if (o->failure)
        return imr_fail_errno(err, IMR_E_IO, o->failure, "cannot write to standard output");
    return IMR_OK;
}

void imr_output_drop(imr_output *o)
{
    if (o->to_file)
        imr_writer_done(&o->writer);
    *o = (imr_output){0};
}
