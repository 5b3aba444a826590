#include "tests/bench/ort.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/bench/bench.h"

extern char **environ;

struct bench_ort {
    pid_t pid;
    FILE *ask, *answer;
    char *vectors; /* path */
    char about[512];
};

static void write_sets(const char *folder, const bench_texts *sets, size_t n)
{
    IMR_AUTOBUF imr_buf b = {0};
    imr_error err;
    char *path = imr_path_join(folder, "sets.json");
    for (size_t s = 0; s < n; s++) {
        imr_buf_printf(&b, "%s\"%s\":[", s ? "," : "{", sets[s].name);
        for (size_t i = 0; i < sets[s].n; i++) {
            imr_buf_str(&b, i ? ",[" : "[");
            for (size_t k = sets[s].starts[i]; k < sets[s].starts[i + 1]; k++)
                imr_buf_printf(&b, "%s%u", k > sets[s].starts[i] ? "," : "", sets[s].ids[k]);
            imr_buf_char(&b, ']');
        }
        imr_buf_char(&b, ']');
    }
    imr_buf_char(&b, '}');
    bench_need(imr_buf_check(&b, &err), &err);
    bench_need(imr_file_write(path, b.data, b.len, &err), &err);
    imr_free(path);
}

/* Starts node with a pipe to and one from it. */
static bool start(bench_ort *o, const char *folder, int threads)
{
    int to[2], from[2];
    char count[16];
    posix_spawn_file_actions_t actions;
    snprintf(count, sizeof count, "%d", threads);
    char *const argv[] = {(char *)"node", (char *)(IMRNN_BENCH_SOURCE "/ort.mjs"), (char *)folder,
                          count, NULL};
    if (pipe(to) != 0 || pipe(from) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        posix_spawn_file_actions_addclose(&actions, to[i]);
        posix_spawn_file_actions_addclose(&actions, from[i]);
    }
    const bool started = posix_spawnp(&o->pid, "node", &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    o->ask = fdopen(to[1], "w");
    o->answer = fdopen(from[0], "r");
    if (!started)
        o->pid = 0;
    return started && o->ask && o->answer;
}

static bool read_line(bench_ort *o, char *line, int size)
{
    if (!fgets(line, size, o->answer))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

bench_ort *bench_ort_open(const char *folder, const bench_texts *sets, size_t n, int threads)
{
    char line[512];
    bench_ort *o = bench_alloc(1, sizeof *o);
    signal(SIGPIPE, SIG_IGN);
    write_sets(folder, sets, n);
    o->vectors = imr_path_join(folder, "vectors");
    if (start(o, folder, threads) && read_line(o, line, sizeof line) &&
        strncmp(line, "ready ", 6) == 0) {
        memcpy(o->about, line + 6, sizeof line - 6);
        return o;
    }
    printf("  skipped: ONNX Runtime is not here (%s). To compare: npm install --ignore-scripts "
           "--prefix DIR onnxruntime-node, then IMRNN_BENCH_ORT=DIR\n",
           o->pid ? "node has no module onnxruntime-node" : "no node");
    bench_ort_close(o);
    return NULL;
}

void bench_ort_close(bench_ort *o)
{
    if (!o)
        return;
    if (o->ask)
        fclose(o->ask);
    if (o->answer)
        fclose(o->answer);
    if (o->pid)
        waitpid(o->pid, NULL, 0);
    imr_free(o->vectors);
    imr_free(o);
}

const char *bench_ort_about(const bench_ort *o)
{
    return o->about;
}

static void ask(bench_ort *o, char *line, int size)
{
    imr_error err;
    fflush(o->ask);
    if (!read_line(o, line, size))
        bench_need(imr_fail(&err, IMR_E_IO, "ONNX Runtime stopped; its words stand above"), &err);
    /* Its threads go on looking for work a while. */
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

void bench_ort_again(bench_ort *o)
{
    char line[128];
    fprintf(o->ask, "again\n");
    ask(o, line, sizeof line);
}

void bench_ort_time(bench_ort *o, const bench_texts *set, bool sorted, int times, double *best,
                    double *median)
{
    char line[128], *end;
    fprintf(o->ask, "time %s %s %d\n", set->name, sorted ? "sorted" : "file", times);
    ask(o, line, sizeof line);
    *best = strtod(line, &end);
    *median = strtod(end, NULL);
}

void bench_ort_vectors(bench_ort *o, const bench_texts *set, float *out)
{
    char line[128];
    imr_error err;
    imr_file file;
    fprintf(o->ask, "vectors %s %s\n", set->name, o->vectors);
    ask(o, line, sizeof line);
    bench_need(imr_file_map(&file, o->vectors, &err), &err);
    if (file.len != set->n * MODEL_HIDDEN * sizeof *out)
        bench_need(imr_fail(&err, IMR_E_SHAPE, "%zu bytes of vectors", file.len), &err);
    memcpy(out, file.data, file.len);
    imr_file_unmap(&file);
}
