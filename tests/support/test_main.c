#include "tests/support/test.h"

#include <dirent.h>
#include <locale.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static test_case *first, **last = &first;
static jmp_buf out;
static int checks;
static char why[2048];
static char tmp_root[256];

void test_register(test_case *t)
{
    *last = t;
    last = &t->next;
}

void test_count(void)
{
    checks++;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    int n = snprintf(why, sizeof why, "%s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    vsnprintf(why + n, sizeof why - (size_t)n, format, args);
    va_end(args);
    longjmp(out, 1);
}

void test_skip(const char *reason)
{
    snprintf(why, sizeof why, "%s", reason);
    longjmp(out, 2);
}

void test_near_all(const char *file, int line, const char *what, const float *found,
                   const float *expected, size_t n, double tolerance, bool relative)
{
    double worst = 0;
    size_t place = 0;
    test_count();
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)expected[i]);
        if (relative)
            d /= fmax(1e-30, fmax(fabs((double)expected[i]), 1e-3));
        if (!(d <= worst)) {
            worst = d;
            place = i;
        }
    }
    if (!(worst <= tolerance))
        test_fail(file, line, "%s[%zu] is %.9g, expected %.9g: %s difference %.3g over %.3g", what,
                  place, (double)found[place], (double)expected[place],
                  relative ? "relative" : "largest", worst, tolerance);
}

static char *ring(void)
{
    static char buffers[8][1024];
    static unsigned turn;
    return buffers[turn++ % 8];
}

const char *test_path(const char *dir, const char *name)
{
    char *b = ring();
    snprintf(b, 1024, "%s/%s", dir, name);
    return b;
}

const char *test_golden(const char *name)
{
    const char *root = getenv("IMRNN_SOURCE");
    char *b = ring();
    snprintf(b, 1024, "%s/tests/golden/%s", root ? root : IMRNN_SOURCE_ROOT, name);
    return b;
}

const char *test_shared(const char *name)
{
    const char *shared = getenv("IMRNN_SHARED");
    char *b = ring();
    if (shared)
        snprintf(b, 1024, "%s/%s", shared, name);
    else
        snprintf(b, 1024, "%s/../shared/%s", IMRNN_SOURCE_ROOT, name);
    if (access(b, R_OK) != 0) {
        char text[1200];
        snprintf(text, sizeof text, "%s is absent (set IMRNN_SHARED)", b);
        test_skip(text);
    }
    return b;
}

const char *test_tmpdir(void)
{
    static int counter;
    if (!tmp_root[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(tmp_root, sizeof tmp_root, "%s/imrnn-test-XXXXXX",
                 base && base[0] ? base : "/tmp");
        if (!mkdtemp(tmp_root))
            test_fail(__FILE__, __LINE__, "cannot make a temporary folder");
    }
    char *b = ring();
    snprintf(b, 1024, "%s/%d", tmp_root, counter++);
    if (mkdir(b, 0700) != 0)
        test_fail(__FILE__, __LINE__, "cannot make %s", b);
    return b;
}

static void remove_tree(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        unlink(path);
        return;
    }
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char sub[2048];
        snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
        remove_tree(sub);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

char *test_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        test_fail(__FILE__, __LINE__, "cannot open %s", path);
    size_t n = 0, cap = 65536;
    char *data = malloc(cap + 1);
    for (size_t got; data && (got = fread(data + n, 1, cap - n, f)) > 0;) {
        n += got;
        if (n == cap)
            data = realloc(data, (cap *= 2) + 1);
    }
    fclose(f);
    if (!data)
        test_fail(__FILE__, __LINE__, "out of memory reading %s", path);
    data[n] = '\0';
    if (len)
        *len = n;
    return data;
}

int main(int argc, char **argv)
{
    static int passed, failed, skipped; /* static: they live across longjmp */
    setlocale(LC_ALL, "C.UTF-8");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (test_case *volatile t = first; t; t = t->next) {
        bool wanted = argc < 2;
        for (int i = 1; i < argc; i++)
            wanted |= strstr(t->name, argv[i]) != NULL || strstr(t->file, argv[i]) != NULL;
        if (!wanted)
            continue;
        checks = 0;
        why[0] = '\0';
        int how = setjmp(out);
        if (how == 0) {
            t->fn();
            if (checks == 0) {
                how = 1;
                snprintf(why, sizeof why, "%s:%d: the test checked nothing", t->file, t->line);
            }
        }
        if (how == 0)
            passed++;
        else if (how == 2)
            skipped++, printf("skipped: %s: %s\n", t->name, why);
        else
            failed++, printf("FAILED: %s\n    %s\n", t->name, why);
    }
    if (tmp_root[0])
        remove_tree(tmp_root);
    printf("# %d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed ? 1 : 0;
}
