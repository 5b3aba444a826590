/*
 * ui/backend.h - what the explorer asks of the engine, as a table of functions.
 *
 * ui/ui.c fills it with session/async.h; tests with an engine of their own that answers from
 * made-up traces. Every function returns at once; results arrive through the deliver function the
 * backend was made with, inside reap.
 */
#ifndef UI_BACKEND_H
#define UI_BACKEND_H

#include "session/async.h"

typedef struct ui_backend {
    void *self;
    imr_status (*query)(void *self, const imr_request *request, imr_error *err);
    imr_status (*detail)(void *self, const imr_trace *trace, size_t place, imr_error *err);
    imr_status (*suggest)(void *self, const char *text, uint64_t serial, imr_error *err);
    imr_status (*export_to)(void *self, const imr_trace *trace, const char *format,
                            const char *path, imr_error *err);
    imr_status (*write_to)(void *self, const char *path, const void *bytes, size_t n,
                           imr_error *err);
    void (*cancel)(void *self);
    int (*fd)(void *self); /* readable when there is something to reap; -1: never */
    void (*reap)(void *self);
    int (*pending)(void *self);
    bool (*progress)(void *self, imr_async_progress *out);
    imr_suggestion (*cached)(void *self, imr_session *session, size_t i);
} ui_backend;

#endif
