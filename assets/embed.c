/*
 * assets/embed.c - build tool: files in, a C file with their bytes out.
 *
 *   embed OUT.c HEADER PREFIX ROOT NAME...
 *
 * For every NAME under ROOT ("qrels/train.tsv"): `const unsigned char PREFIX_qrels_train[]` (the
 * extension dropped, whatever is no letter or digit becomes '_', one zero byte after the last) and
 * `const size_t PREFIX_qrels_train_len`; at the end the table PREFIX_files of all of them, in the
 * order given. A plain C program, so that the build needs nothing but the compiler.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *name)
{
    fprintf(stderr, "embed: %s %s\n", what, name);
    exit(1);
}

static void print_symbol(FILE *out, const char *prefix, const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    size_t n = dot && dot > slash ? (size_t)(dot - name) : strlen(name);
    fprintf(out, "%s_", prefix);
    for (size_t i = 0; i < n; i++)
        fputc(isalnum((unsigned char)name[i]) ? name[i] : '_', out);
}

/* Decimal numbers, not string literals: C11 promises no literal longer than 4,095 bytes. */
static void print_bytes(FILE *out, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        die("cannot read", path);
    unsigned char chunk[4096];
    char text[5 * sizeof chunk];
    size_t got, column = 0;
    while ((got = fread(chunk, 1, sizeof chunk, in)) > 0) {
        size_t used = 0;
        for (size_t i = 0; i < got; i++) {
            unsigned b = chunk[i];
            if (b > 99)
                text[used++] = (char)('0' + b / 100);
            if (b > 9)
                text[used++] = (char)('0' + b / 10 % 10);
            text[used++] = (char)('0' + b % 10);
            text[used++] = ',';
            if (++column % 32 == 0)
                text[used++] = '\n';
        }
        fwrite(text, 1, used, out);
    }
    if (ferror(in))
        die("cannot read", path);
    fclose(in);
    fputs("0};\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        die("usage: embed OUT.c HEADER PREFIX ROOT NAME...", "");
    const char *prefix = argv[3], *root = argv[4];
    FILE *out = fopen(argv[1], "wb");
    if (!out)
        die("cannot write", argv[1]);
    fprintf(out, "/* Written by assets/embed.c. */\n#include \"%s\"\n", argv[2]);
    for (int i = 5; i < argc; i++) {
        char path[4096];
        if ((size_t)snprintf(path, sizeof path, "%s/%s", root, argv[i]) >= sizeof path)
            die("path too long:", argv[i]);
        fputs("const unsigned char ", out);
        print_symbol(out, prefix, argv[i]);
        fputs("[] = {\n", out);
        print_bytes(out, path);
        fputs("const size_t ", out);
        print_symbol(out, prefix, argv[i]);
        fputs("_len = sizeof ", out);
        print_symbol(out, prefix, argv[i]);
        fputs(" - 1;\n", out);
    }
    fprintf(out, "const imr_asset %s_files[] = {\n", prefix);
    for (int i = 5; i < argc; i++) {
        fprintf(out, "    {\"%s\", ", argv[i]);
        print_symbol(out, prefix, argv[i]);
        fputs(", sizeof ", out);
        print_symbol(out, prefix, argv[i]);
        fputs(" - 1},\n", out);
    }
    fprintf(out, "};\nconst size_t %s_files_count = %d;\n", prefix, argc - 5);
    if (fclose(out) != 0)
        die("cannot write", argv[1]);
    return 0;
}
