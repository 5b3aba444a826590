/* Requests to Solr over HTTP: one connection that is kept, cancelled and timed out. */
#include <curl/curl.h>
#include <pthread.h>

#include "retrieval/solr_internal.h"
#include "text/utf8.h"

typedef struct imr_solr_http {
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    imr_buf answer, lifted; /* as it came, and without its vectors */
    char said[CURL_ERROR_SIZE];
} http;

static size_t receive(char *bytes, size_t size, size_t n, void *answer)
{
    imr_buf_add(answer, bytes, size * n);
    return ((imr_buf *)answer)->failed ? 0 : size * n;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

imr_status imr_solr_connect(imr_engine *e, imr_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    http *h = ((imr_solr *)e->state)->http = IMR_NEW(http);
    IMR_NEED(h && (h->easy = curl_easy_init()) && (h->multi = curl_multi_init()), err);
    IMR_NEED(h->headers = curl_slist_append(NULL, "Content-Type: application/json"), err);
    /* Large bodies are not announced: that waits a second for servers that do not answer to it. */
    IMR_NEED(curl_slist_append(h->headers, "Expect:"), err);
    h->answer.limit = IMR_ENGINE_BYTES;
    curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->easy, CURLOPT_NETRC,
                     (long)(e->options.netrc ? CURL_NETRC_OPTIONAL : CURL_NETRC_IGNORED));
    curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->said);
    curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, &h->answer);
    return IMR_OK;
}

void imr_solr_close(imr_engine *e)
{
    imr_solr *s = e->state;
    if (s && s->http) {
        curl_multi_cleanup(s->http->multi);
        curl_easy_cleanup(s->http->easy);
        curl_slist_free_all(s->http->headers);
        imr_buf_done(&s->http->answer);
        imr_buf_done(&s->http->lifted);
        IMR_FREE(s->vectors.v.v, s->vectors.ends.v);
        imr_free(s->http);
    }
    imr_free(s);
}

/* The first line of what others say, fit to be shown. */
static const char *line_of(imr_buf *out, const char *text)
{
    const size_t len = strcspn(text, "\r\n");
    imr_utf8_clean(out, text, len < 300 ? len : imr_utf8_prev(text, len, 300), IMR_CLEAN_LINE);
    return imr_buf_text(out);
}

static imr_status no_answer(const imr_solr *s, CURLcode code, double seconds, imr_error *err)
{
    IMR_AUTOBUF imr_buf said = {0};
    if (code == CURLE_OPERATION_TIMEDOUT)
        return imr_fail(err, IMR_E_IO,
                        "Solr at %s is slower than the %g s allowed (--store-timeout)", s->root,
                        seconds);
    if (code == CURLE_WRITE_ERROR)
        return s->http->answer.len < IMR_ENGINE_BYTES / 2
                   ? imr_fail_memory(err)
                   : imr_fail(err, IMR_E_LIMIT, "Solr at %s answers more than %zu bytes", s->root,
                              IMR_ENGINE_BYTES);
    line_of(&said, *s->http->said ? s->http->said : curl_easy_strerror(code));
    return imr_fail(err, code == CURLE_URL_MALFORMAT ? IMR_E_USAGE : IMR_E_IO,
                    "no Solr answers at %s (%s)%s", s->root, imr_buf_text(&said),
                    code == CURLE_COULDNT_CONNECT ? "; is it running?" : "");
}

static imr_status wait_for(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    for (;;) {
        if (!imr_progress_step(progress, "asking Solr", 0, 0))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
        CURLMcode code = curl_multi_perform(s->http->multi, &(int){0});
        const CURLMsg *message = curl_multi_info_read(s->http->multi, &(int){0});
        if (message)
            return message->data.result == CURLE_OK
                       ? IMR_OK
                       : no_answer(s, message->data.result, e->options.timeout, err);
        if (code == CURLM_OK)
            code = curl_multi_poll(s->http->multi, NULL, 0, 20, NULL);
        if (code != CURLM_OK)
            return imr_fail(err, IMR_E_IO, "asking Solr: %s", curl_multi_strerror(code));
    }
}

/* root: NULL when what came is no JSON. */
static imr_status refused(const imr_solr *s, const imr_json *root, imr_error *err)
{
    IMR_AUTOBUF imr_buf said = {0};
    const char *advice = s->code == 401   ? "it asks who you are; --netrc sends what ~/.netrc says"
                         : s->code == 403 ? "this user may not do that"
                         : s->code == 404 ? "there is no such collection"
                         : s->code / 100 == 3 ? "it has moved; redirects are not followed"
                                              : "is this the address of a Solr?";
    line_of(&said, imr_json_string_or(root, "error/msg", advice));
    return imr_fail(err, s->code == 404 ? IMR_E_NOT_FOUND : IMR_E_IO,
                    "Solr at %s/%s refuses (HTTP %ld): %s", s->root, s->collection, s->code,
                    imr_buf_text(&said));
}

imr_status imr_solr_ask(imr_json **out, imr_engine *e, const imr_buf *body,
                        const imr_progress *progress, imr_error *err, const char *where,
                        const char *what, const char *more)
{
    imr_solr *s = e->state;
    http *h = s->http;
    IMR_AUTOBUF imr_buf url = {0};
    IMR_AUTOJSON imr_json *root = NULL;
    imr_buf_printf(&url, "%s/%s%s%s", s->root, where, what, more);
    IMR_TRY(imr_buf_check(&url, err));
    IMR_TRY(body ? imr_buf_check(body, err) : IMR_OK);
    imr_buf_clear(&h->answer);
    imr_buf_clear(&h->lifted);
    s->vectors.v.n = s->vectors.ends.n = 0;
    h->said[0] = '\0';
    s->code = 0;
    curl_easy_setopt(h->easy, CURLOPT_URL, url.data);
    curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)(e->options.timeout * 1000) + 1);
    curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
    if (body) {
        curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, body->data);
    }
    IMR_NEED(curl_multi_add_handle(h->multi, h->easy) == CURLM_OK, err);
    imr_status status = wait_for(e, progress, err);
    curl_multi_remove_handle(h->multi, h->easy);
    IMR_TRY(status);
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &s->code);
    const char *name = "Solr's answer", *text = imr_buf_text(&h->answer);
    status = imr_json_check(&(size_t){0}, text, h->answer.len, name, 1, err);
    if (status == IMR_OK) {
        imr_json_lift(&h->lifted, &s->vectors, text, s->vector ? s->vector : "");
        IMR_TRY(imr_buf_check(&h->lifted, err));
        status = imr_json_parse(&root, h->lifted.data, h->lifted.len, name, err);
    }
    if (s->code != 200 || imr_json_at(root, "error"))
        return refused(s, root, err);
    IMR_TRY(status);
    if (imr_json_bool_or(root, "responseHeader/partialResults", false))
        return imr_fail(err, IMR_E_IO,
                        "Solr at %s/%s answers for a part of the collection alone "
                        "(partialResults): a shard is down or too slow",
                        s->root, s->collection);
    return IMR_GIVE(out, root);
}
