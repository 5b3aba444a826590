/*
 * The most memory each command of the program ever holds (ru_maxrss: pages in memory, those of
 * mapped files too, as far as they were touched).
 *
 * A process begins with the figure of the one that started it, and a process learns only the
 * largest of its children, so each command is started by a small process of our own, `bench
 * memory-of`.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "retrieval/dataset.h"
#include "tests/bench/bench.h"
#include "tests/bench/model.h"

/* For sh, in a folder of their own; $D is the dataset, $Q its first query, $T the folder of a
 * transformer. */
static const struct command {
    const char *name, *line;
    bool terminal; /* wants one, and is ended by us */
} commands[] = {
    {"--version", "--version", false},
    {"encoder train", "encoder train --dataset \"$D\" --dim 384 -o encoder", false},
    {"encoder info", "encoder info --encoder encoder", false},
    {"encoder encode, all documents",
     "encoder encode --encoder encoder -i \"$D\"/corpus.jsonl -o v.npy", false},
    {"encoder encode, a MiniLM, the queries",
     "encoder encode --encoder \"$T\" -i \"$D\"/queries.jsonl -o q.npy", false},
    {"cache", "cache --dataset \"$D\" --encoder encoder --cache-dir cache", false},
    {"cache --dtype f16", "cache --dataset \"$D\" --encoder encoder --cache-dir half --dtype f16",
     false},
    {"cache --import", "cache --dataset \"$D\" --import cache --cache-dir imported", false},
    {"train", "train --cache-dir cache --epochs 2 --output-dir adapter", false},
    {"evaluate", "evaluate --cache-dir cache --checkpoint adapter/adapter.pt", false},
    {"explain --query", "explain --cache-dir cache --checkpoint adapter/adapter.pt --query \"$Q\"",
     false},
    {"explain --query --scope corpus",
     "explain --cache-dir cache --checkpoint adapter/adapter.pt --query \"$Q\" "
     "--scope corpus",
     false},
    {"explain --all",
     "explain --cache-dir cache --checkpoint adapter/adapter.pt --all -o all.json --format json",
     false},
    {"score, all documents",
     "score --checkpoint adapter/adapter.pt --encoder encoder --query \"$Q\" "
     "--documents \"$D\"/corpus.jsonl",
     false},
    {"run", "run --dataset \"$D\" --dim 384 --epochs 2 --output-dir run", false},
    {"inspect, adapter and cache", "inspect adapter/adapter.pt cache", false},
    {"explore", "explore cache --checkpoint adapter/adapter.pt", true},
    {"demo --prepare", "demo --prepare --output-dir demo", false},
};

/* ---- the process that starts one ---- */

static void become(const struct command *c, int terminal)
{
    char line[512];
    snprintf(line, sizeof line, "exec \"$IMRNN\" %s", c->line);
    if (c->terminal) {
        bench_terminal_take(terminal);
    } else {
        const int nothing = open("/dev/null", O_RDWR);
        const int said = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (nothing < 0 || said < 0)
            _exit(127);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(said, STDERR_FILENO);
    }
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

/* The explorer opens, gets a query, answers it, and is asked to stop. */
static void use_explorer(int master, pid_t pid, const char *query)
{
    (void)bench_terminal_frame(master);
    sleep(2);
    if (write(master, "i", 1) < 0 || write(master, query, strlen(query)) < 0)
        perror("bench");
    sleep(2);
    kill(pid, SIGTERM);
}

static void print_failure(void)
{
    char said[200] = "";
    FILE *f = fopen("stderr", "r");
    if (f && fgets(said, sizeof said, f))
        said[strcspn(said, "\n")] = '\0';
    if (f)
        fclose(f);
    printf("  failed: %s\n", said);
}

static void measure(const struct command *c, const char *query)
{
    int child = -1, status;
    struct rusage used;
    const int master = c->terminal ? bench_terminal_open(&child) : -1;
    const double start = imr_clock_seconds();
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        become(c, child);
    if (pid < 0)
        return;
    if (c->terminal)
        use_explorer(master, pid, query);
    waitpid(pid, &status, 0);
    getrusage(RUSAGE_CHILDREN, &used);
    printf("  %-44s%9.1f MB%9.2f s", c->name, (double)used.ru_maxrss / 1024,
           imr_clock_seconds() - start);
    if (!c->terminal && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        print_failure();
    else
        printf("\n");
    if (master >= 0) {
        close(master);
        close(child);
    }
}

int bench_memory_of(int argc, char **argv)
{
    const size_t i = argc == 5 ? (size_t)strtoul(argv[4], NULL, 10) : IMR_LEN(commands);
    if (i >= IMR_LEN(commands) || chdir(argv[0]) != 0)
        return 2;
    setenv("D", argv[1], 1);
    setenv("T", argv[2], 1);
    setenv("Q", argv[3], 1);
    setenv("IMRNN", IMRNN_PROGRAM, 1);
    measure(&commands[i], argv[3]);
    return 0;
}

/* ---- the part ---- */

static void run_one(const char *work, const char *dataset, const char *transformer,
                    const char *query, size_t i)
{
    char self[4096], number[16];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    snprintf(number, sizeof number, "%zu", i);
    fflush(stdout);
    const pid_t pid = n > 0 ? fork() : -1;
    if (pid == 0) {
        self[n] = '\0';
        execl(self, "bench", "memory-of", work, dataset, transformer, query, number, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void run_all(const char *dataset)
{
    imr_error err;
    imr_dataset *d;
    char *work = bench_file("memory"), *transformer = bench_file("transformer");
    bench_remove(work);
    bench_need(imr_dir_make(work, &err), &err);
    bench_model_write(transformer);
    bench_need(imr_dataset_open(&d, dataset, NULL, &err), &err);
    char *query = imr_strdup(d->query_texts[0]);
    imr_dataset_free(d);
    if (!query)
        bench_need(imr_fail_memory(&err), &err);
    for (size_t i = 0; i < IMR_LEN(commands); i++)
        run_one(work, dataset, transformer, query, i);
    imr_free(query);
    imr_free(work);
    imr_free(transformer);
}

/* The made-up dataset has judgements for one split; training wants its own. */
static void add_train_split(const char *dataset)
{
    imr_error err;
    imr_file test;
    char *from = imr_path_join(dataset, "qrels/test.tsv"),
         *to = imr_path_join(dataset, "qrels/train.tsv");
    bench_need(imr_file_map(&test, from, &err), &err);
    bench_need(imr_file_write(to, test.data, test.len, &err), &err);
    imr_file_unmap(&test);
    imr_free(from);
    imr_free(to);
}

static int run_made_up(const char *documents)
{
    char size[32], dimension[] = "384", dtype[] = "f32";
    char *dir = bench_file("made-up"), *dataset = imr_path_join(dir, "dataset");
    snprintf(size, sizeof size, "%s", documents);
    const int status = bench_make_cache(4, (char *[]){dir, size, dimension, dtype});
    if (status == 0) {
        add_train_split(dataset);
        run_all(dataset);
    }
    imr_free(dir);
    imr_free(dataset);
    return status;
}

void bench_memory(void)
{
    char size[32];
    char *scifact = bench_shared("datasets/scifact");
    snprintf(size, sizeof size, "%d", BENCH_DOCUMENTS);
    if (scifact)
        run_all(scifact);
    else
        (void)run_made_up(size);
    imr_free(scifact);
}

int bench_memory_at(int argc, char **argv)
{
    const int status = argc == 1 ? run_made_up(argv[0]) : 2;
    bench_corpus_remove();
    return status;
}
