/*
 * encoder/forward.h - tokens through the layers of a transformer.
 *
 * One batch of sequences, packed into [tokens, hidden] without padding, passed through all layers
 * by a team of one thread or more. A team shares a batch in one of two ways:
 *   few rows    each thread makes some columns of every product, so that the weights, most of the
 *               time then, are read once
 *   many rows   each thread takes some rows through all products but the attention, some rows at a
 *               time, so that what they become stays in its second-level cache
 * A team of one thread makes a head's queries, keys and values when their turn comes, for the same
 * reason.
 *
 * Threads: the room of a call is the caller's. For src/encoder only.
 */
#ifndef IMR_ENCODER_FORWARD_H
#define IMR_ENCODER_FORWARD_H

#include "base/team.h"
#include "encoder/transformer.h"

/* The tokens of one text. */
typedef struct imr_sequence {
    const uint32_t *ids, *places; /* [n]: rows of the word and of the position table */
    size_t n;
    size_t text; /* for the caller */
} imr_sequence;

/* The working memory of a team. */
typedef struct imr_forward_room {
    float *x; /* [tokens, hidden] with a stride: the last layer's rows after imr_forward */
    size_t stride;
    size_t *starts; /* [sequences + 1]: first row of each in x */
    bool few;       /* rows: threads share columns */
    size_t heads;   /* whose queries, keys and values qkv holds at a time */
    /* within the same memory */
    float *context, *qkv, *inner, *scratch;
    size_t qkv_stride, inner_stride, scratch_each;
    uint32_t *pairs; /* a thread's rows rounded to bfloat16 */
    size_t pairs_each;
} imr_forward_room;

typedef struct imr_forward_pass {
    const imr_encoder *e;
    const imr_sequence *sequences;
    size_t count, tokens; /* of all sequences together */
    imr_forward_room *room;
    imr_team *team;
    atomic_bool *stop; /* set when the pass is to stop or has; what x holds then means nothing */
    /* Called by the team's first thread several times in each layer; false stops the pass. */
    bool (*watch)(void *user);
    void *user;
} imr_forward_pass;

/* For up to so many tokens, sequences and rows of the longest. */
imr_status imr_forward_room_init(imr_forward_room *room, const imr_encoder *e, size_t tokens,
                                 size_t sequences, size_t longest, size_t threads,
                                 imr_error *err) IMR_NODISCARD;
void imr_forward_room_done(imr_forward_room *room); /* {0} is fine */

/* The part of thread `me` of a team of `threads`, at most as many as the room is for; all of them
 * call it with the same pass. When it returns in one, all rows are ready. */
void imr_forward(const imr_forward_pass *p, size_t me, size_t threads);

/* Multiplications of one token's dense products. */
size_t imr_forward_work(const imr_transformer_config *c);

#endif
