#include "report/json_put.h"

#include "format/json.h"

static void key(imr_buf *out, const char *name)
{
    if (!name)
        return;
    imr_json_put_string(out, name);
    imr_buf_char(out, ':');
}

void imr_put_string(imr_buf *out, const char *name, const char *value)
{
    key(out, name);
    imr_json_put_string(out, value);
    imr_buf_char(out, ',');
}

void imr_put_optional(imr_buf *out, const char *name, const char *value)
{
    if (value && value[0])
        imr_put_string(out, name, value);
    else
        imr_put_null(out, name);
}

void imr_put_number(imr_buf *out, const char *name, double value)
{
    key(out, name);
    imr_json_put_number(out, value);
    imr_buf_char(out, ',');
}

void imr_put_int(imr_buf *out, const char *name, int64_t value)
{
    key(out, name);
    imr_json_put_int(out, value);
    imr_buf_char(out, ',');
}

void imr_put_rank(imr_buf *out, const char *name, uint32_t rank)
{
    if (rank)
        imr_put_int(out, name, rank);
    else
        imr_put_null(out, name);
}

void imr_put_bool(imr_buf *out, const char *name, bool value)
{
    key(out, name);
    imr_buf_str(out, value ? "true," : "false,");
}

void imr_put_null(imr_buf *out, const char *name)
{
    key(out, name);
    imr_buf_str(out, "null,");
}

void imr_put_open(imr_buf *out, const char *name, char bracket)
{
    key(out, name);
    imr_buf_char(out, bracket);
}

void imr_put_close(imr_buf *out, char bracket)
{
    if (!out->failed && out->len && out->data[out->len - 1] == ',')
        out->data[out->len - 1] = bracket;
    else
        imr_buf_char(out, bracket);
    imr_buf_char(out, ',');
}
