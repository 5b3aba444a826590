#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/file.h"

#define PIECE ((size_t)16 << 20) /* of a file, between two times its pages are given back */

void imr_sha256_init(imr_sha256 *s)
{
    s->context = EVP_MD_CTX_new();
    if (s->context && EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) != 1)
        imr_sha256_done(s);
}

void imr_sha256_add(imr_sha256 *s, const void *data, size_t len)
{
    if (s->context && EVP_DigestUpdate(s->context, data, len) != 1)
        imr_sha256_done(s);
}

imr_status imr_sha256_hex(imr_sha256 *s, char out[IMR_SHA256_HEX], imr_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    const bool good = s->context && EVP_DigestFinal_ex(s->context, digest, NULL) == 1;
    imr_sha256_done(s);
    if (!good)
        return imr_fail(err, IMR_E_IO,
                        "libcrypto computes no SHA-256: there is no memory left, or the file of "
                        "OpenSSL's settings (OPENSSL_CONF) leaves it out");
    for (int i = 0; i < IMR_SHA256_HEX - 1; i++)
        out[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[IMR_SHA256_HEX - 1] = '\0';
    return IMR_OK;
}

void imr_sha256_done(imr_sha256 *s)
{
    EVP_MD_CTX_free(s->context);
    s->context = NULL;
}

imr_status imr_sha256_memory(const void *data, size_t len, char out[IMR_SHA256_HEX], imr_error *err)
{
    imr_sha256 s;
    imr_sha256_init(&s);
    imr_sha256_add(&s, data, len);
    return imr_sha256_hex(&s, out, err);
}

imr_status imr_sha256_file(const char *path, char out[IMR_SHA256_HEX], imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file map = {0};
    imr_sha256 s;
    IMR_TRY(imr_file_map_as(&map, path, IMR_FILE_TEXT, err));
    imr_file_sequential(&map);
    imr_sha256_init(&s);
    for (size_t at = 0; at < map.len; at += PIECE) {
        imr_sha256_add(&s, map.data + at, map.len - at < PIECE ? map.len - at : PIECE);
        imr_file_forget(&map);
    }
    return imr_sha256_hex(&s, out, err);
}
