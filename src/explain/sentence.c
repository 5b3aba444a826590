#include "explain/sentence.h"

#include <math.h>

#define LITTLE 0.3 /* sd */
enum { MOST_NAMED = 3 };

const char *imr_sentence_sd(imr_number text, double value)
{
    snprintf(text, sizeof(imr_number), "%+.2f", value);
    if (text[1] == '0')
        memmove(text + 1, text + 2, strlen(text + 1));
    return text;
}

/* .62, 1.00 */
static const char *part_text(imr_number text, double value)
{
    snprintf(text, sizeof(imr_number), "%.2f", value);
    return text + (text[0] == '0');
}

const char *imr_sentence_rank(imr_number text, uint32_t rank)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    const uint32_t last = rank / 10 % 10 == 1 || rank % 10 > 3 ? 0 : rank % 10;
    snprintf(text, sizeof(imr_number), "%u%s", rank, endings[last]);
    return text;
}

void imr_sentence_plain(imr_buf *out, const char *sentence)
{
    for (; *sentence; sentence++)
        if (*sentence != '*')
            imr_buf_char(out, *sentence);
}

void imr_sentence_named(imr_buf *out, const char *before, const char *word, const char *other)
{
    imr_buf_printf(out, "%s*", before);
    imr_sentence_plain(out, word);
    if (other) {
        imr_buf_str(out, " ~ ");
        imr_sentence_plain(out, other);
    }
    imr_buf_char(out, '*');
}

static void put_ranks(imr_buf *out, const imr_sentence_facts *f)
{
    const uint32_t encoder = f->rank[IMR_STAGE_ENCODER], before = f->rank[IMR_STAGE_BEFORE];
    const uint32_t after = f->rank[IMR_STAGE_AFTER];
    const bool same = encoder == before && before == after;
    const bool projected = before && before != encoder && before != after;
    imr_number a, b, c;
    imr_buf_printf(out, f->alone ? "cosine %s for the encoder" : "%s for the encoder",
                   f->alone ? part_text(a, (double)f->alone[IMR_STAGE_ENCODER])
                            : imr_sentence_rank(a, encoder));
    if (f->adapter && f->alone)
        imr_buf_printf(out, ", %s now", part_text(b, (double)f->alone[IMR_STAGE_AFTER]));
    else if (f->adapter && same)
        imr_buf_str(out, ", projected and now");
    else if (f->adapter)
        imr_buf_printf(out, ", %s%s%s now", projected ? imr_sentence_rank(b, before) : "",
                       projected ? " projected, " : "", imr_sentence_rank(c, after));
}

/* ---- what the adapter did ---- */

/* both: the other step is told, too; else what they come to, where that differs. */
static void put_step(imr_buf *out, const char *step, double part, double total, bool both)
{
    imr_number a, b;
    const bool whole = !both && strcmp(imr_sentence_sd(a, part), imr_sentence_sd(b, total)) != 0;
    imr_buf_printf(out, "the %s %s it%s (%s sd%s%s)", step, part > 0 ? "lifted" : "lowered",
                   fabs(part) < LITTLE ? " a little" : "", imr_sentence_sd(a, part),
                   whole ? ", in all " : "", whole ? b : "");
}

/* Rank and standing went different ways. */
static void put_contradiction(imr_buf *out, const imr_sentence_facts *f, int64_t move)
{
    const double total = f->why->lift.total;
    const uint64_t ranks = (uint64_t)(move > 0 ? move : -move);
    imr_number a;
    imr_buf_printf(out, "; it %s %llu rank%s although its own standing %s (%s sd)",
                   move > 0 ? "rose" : "fell", (unsigned long long)ranks, ranks == 1 ? "" : "s",
                   fabs(total) < IMR_SENTENCE_LIFTED ? "hardly changed"
                   : total > 0                       ? "rose"
                                                     : "fell",
                   imr_sentence_sd(a, total));
    if (f->passed && fabs(total) >= IMR_SENTENCE_LIFTED)
        imr_buf_str(out,
                    move > 0 ? ": those it passed fell more" : ": those that passed it rose more");
    else if (!f->passed)
        imr_buf_str(out, move > 0 ? ": those above it left the list" : ": others entered the list");
}

/* True when it said something. */
static bool put_lift(imr_buf *out, const imr_sentence_facts *f)
{
    const imr_lift l = f->why->lift;
    const int64_t move = (int64_t)f->rank[IMR_STAGE_ENCODER] - (int64_t)f->rank[IMR_STAGE_AFTER];
    if (!f->adapter || isnan(l.total) ||
        (!move && f->rank[IMR_STAGE_BEFORE] == f->rank[IMR_STAGE_AFTER]))
        return false; /* of a document that stays the words are told */
    if (move && (fabs(l.total) < IMR_SENTENCE_LIFTED || (l.total > 0) != (move > 0))) {
        put_contradiction(out, f, move);
        return true;
    }
    const double parts[2] = {l.projector, l.modulation};
    const bool both = fabs(parts[0]) >= IMR_SENTENCE_LIFTED &&
                      fabs(parts[1]) >= IMR_SENTENCE_LIFTED && (parts[0] > 0) != (parts[1] > 0);
    const size_t first = fabs(parts[1]) > fabs(parts[0]);
    static const char *const steps[2] = {"projector", "modulation"};
    if (!both && (fabs(l.total) < IMR_SENTENCE_LIFTED || fabs(parts[first]) < IMR_SENTENCE_LIFTED))
        return false;
    imr_buf_str(out, "; ");
    if (both) {
        put_step(out, steps[0], parts[0], l.total, true);
        imr_buf_str(out, ", ");
    }
    put_step(out, steps[both ? 1 : first], parts[both ? 1 : first], l.total, both);
    return true;
}

/* ---- words ---- */

typedef struct named {
    const imr_strong_pair *v[MOST_NAMED];
    size_t n;
    double sum; /* in sd; in cosine units where there is no reference */
} named;

static imr_stage last_stage(const imr_sentence_facts *f)
{
    return f->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
}

static double in_sd(const imr_sentence_facts *f, imr_stage k, double value)
{
    return f->why->pairs.centred[k] ? value / f->why->pairs.reference[k].sd : value;
}

/* A pair's share, or what it lost. */
static double value_of(const imr_sentence_facts *f, const imr_strong_pair *s, bool losses)
{
    const imr_stage k = last_stage(f);
    return losses ? -s->change : in_sd(f, k, s->value[k]);
}

static bool has_word(const imr_sentence_facts *f, const named *n, const char *word)
{
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(f->why->pairs.query[n->v[i]->query].text, word) == 0 ||
            strcmp(f->why->pairs.document[n->v[i]->document].text, word) == 0)
            return true;
    return false;
}

/* The largest shares, or the largest losses. A pair of two words that were named is passed over. */
static named choose(const imr_sentence_facts *f, bool losses)
{
    named best = {0};
    double below = (double)INFINITY;
    while (best.n < MOST_NAMED) {
        const imr_strong_pair *next = NULL;
        double largest =
            f->why->pairs.centred[last_stage(f)] ? IMR_SENTENCE_NAMED : IMR_SENTENCE_NAMED_COSINE;
        for (size_t i = 0; i < f->why->n_strongest; i++) {
            const double value = value_of(f, &f->why->strongest[i], losses);
            if (value < below && value >= largest) {
                next = &f->why->strongest[i];
                largest = value;
            }
        }
        if (!next)
            break;
        below = largest;
        if (has_word(f, &best, f->why->pairs.query[next->query].text) &&
            has_word(f, &best, f->why->pairs.document[next->document].text))
            continue;
        best.v[best.n++] = next;
        best.sum += largest;
    }
    return best;
}

static void put_pairs(imr_buf *out, const imr_sentence_facts *f, const named *n)
{
    for (size_t i = 0; i < n->n; i++) {
        const char *query = f->why->pairs.query[n->v[i]->query].text;
        const char *document = f->why->pairs.document[n->v[i]->document].text;
        imr_sentence_named(out, i ? ", " : "", query, strcmp(query, document) ? document : NULL);
    }
}

/* What no word carries at a stage, in sd. */
static double biases(const imr_sentence_facts *f, imr_stage k)
{
    const imr_pairs *p = &f->why->pairs;
    const size_t last = (p->n_query + 1) * (p->n_document + 1) - 1;
    const double *v = p->centred[k] ? p->centred[k] : p->raw[k];
    return in_sd(f, k,
                 p->query[p->n_query].total[k] + p->document[p->n_document].total[k] - v[last]);
}

/* Whether the biases hold more than half of a lift or a standing. */
static bool is_biased(double whole, double part)
{
    return fabs(whole) >= IMR_SENTENCE_LIFTED && part / whole > 0.5;
}

static void put_biases(imr_buf *out, const char *what, double whole, double part)
{
    imr_number a, b, c;
    imr_buf_printf(out, "; %s %s sd: %s by the adapter's biases, %s by words", what,
                   imr_sentence_sd(a, whole), imr_sentence_sd(b, part),
                   imr_sentence_sd(c, whole - part));
}

/* The pairs that hold a standing, or that made it fall. */
static void put_words(imr_buf *out, const imr_sentence_facts *f, bool falls, bool first)
{
    const imr_stage k = last_stage(f);
    const double standing = f->why->standing[k];
    const double whole = falls ? -f->why->lift.total
                         : isfinite(standing)
                             ? standing
                             : f->why->pairs.similarity[k] - f->why->pairs.residual[k];
    named n = choose(f, falls);
    if (!n.n && falls) { /* spread over many */
        put_words(out, f, false, first);
        return;
    }
    if (!n.n) {
        imr_buf_str(out, "; no single pair of words stands out");
        return;
    }
    const bool most = n.sum > whole / 2 && whole > 0;
    if (falls)
        imr_buf_str(out, most ? "; what it lost is mostly " : "; what it lost: ");
    else if (whole <= 0)
        imr_buf_str(out, "; below the average candidate, what speaks for it: ");
    else if (first)
        imr_buf_str(out, most ? ", mostly for " : ": ");
    else
        imr_buf_str(out, most ? "; it is here mostly for " : "; it is here for ");
    put_pairs(out, f, &n);
    if (!most)
        imr_buf_str(out, ", among others");
}

static void put_why(imr_buf *out, const imr_sentence_facts *f)
{
    const bool words = !f->why->pairs.problem[0];
    const double lift = f->why->lift.total, standing = f->why->standing[last_stage(f)];
    const bool moved = f->adapter && f->rank[IMR_STAGE_ENCODER] != f->rank[IMR_STAGE_AFTER];
    const bool lifted = f->adapter && fabs(lift) >= IMR_SENTENCE_LIFTED; /* not where it is NaN */
    const double part =
        words && lifted ? biases(f, IMR_STAGE_AFTER) - biases(f, IMR_STAGE_ENCODER) : 0;
    const bool biased = words && moved && lifted && is_biased(lift, part);
    if (biased)
        put_biases(out, "its standing changed by", lift, part);
    const bool first = !biased && !put_lift(out, f);
    if (!words)
        return;
    if (f->adapter && isfinite(standing) && is_biased(standing, biases(f, IMR_STAGE_AFTER))) {
        if (!biased)
            put_biases(out, "its standing is", standing, biases(f, IMR_STAGE_AFTER));
        return;
    }
    const bool falls = moved && !biased && lift <= -IMR_SENTENCE_LIFTED &&
                       f->rank[IMR_STAGE_AFTER] > f->rank[IMR_STAGE_ENCODER];
    put_words(out, f, falls, first && !moved);
}

static void put_unread(imr_buf *out, const imr_sentence_facts *f)
{
    if (!f->why->n_unread)
        return;
    imr_buf_printf(out, " The encoder read %u of %u tokens; ", f->why->document_tokens.read,
                   f->why->document_tokens.total);
    const size_t n = f->why->n_unread < MOST_NAMED ? f->why->n_unread : MOST_NAMED;
    for (size_t i = 0; i < n; i++)
        imr_sentence_named(out, i ? ", " : "", f->why->unread[i], NULL);
    imr_buf_printf(out, "%s %s only after that.", n < f->why->n_unread ? " and others" : "",
                   f->why->n_unread == 1 ? "stands" : "stand");
}

void imr_sentence_document(imr_buf *out, const imr_sentence_facts *f)
{
    imr_number a;
    if (!f->rank[IMR_STAGE_ENCODER] && !f->alone) {
        imr_buf_str(out, "not among the candidates the engine gives");
    } else if (f->adapter && !f->rank[IMR_STAGE_AFTER]) {
        imr_buf_printf(out, "%s for the encoder, not among the adapter's candidates now",
                       imr_sentence_rank(a, f->rank[IMR_STAGE_ENCODER]));
    } else {
        put_ranks(out, f);
        put_why(out, f);
    }
    imr_buf_char(out, '.');
    put_unread(out, f);
}

void imr_sentence_deletion(imr_buf *out, const imr_pair_word *words, size_t n, imr_stage stage,
                           double sd)
{
    const imr_pair_word *most[MOST_NAMED];
    size_t found = 0;
    const double unit = sd > 0 ? sd : 1;
    for (size_t i = 0; i < n; i++) {
        if (!words[i].named || !(words[i].total[stage] / unit >= IMR_SENTENCE_NAMED))
            continue;
        size_t at = found < MOST_NAMED ? found++ : MOST_NAMED;
        for (; at > 0 && words[i].total[stage] > most[at - 1]->total[stage]; at--)
            if (at < MOST_NAMED)
                most[at] = most[at - 1];
        if (at < MOST_NAMED)
            most[at] = &words[i];
    }
    for (size_t i = 0; i < found; i++) {
        imr_number a;
        imr_sentence_named(out, i ? ", " : " Left out it would lose most by ", most[i]->text, NULL);
        imr_buf_printf(out, " (%s%s)", imr_sentence_sd(a, -most[i]->total[stage] / unit),
                       sd > 0 ? " sd" : "");
    }
    if (found)
        imr_buf_char(out, '.');
}

/* ---- a ranking ---- */

static void put_metric(imr_buf *out, const imr_sentence_ranking *f)
{
    imr_number a, b;
    if (f->metric)
        imr_buf_printf(out, "; %s %s", f->metric, part_text(a, f->metric_encoder));
    if (f->metric && f->adapter && fabs(f->metric_after - f->metric_encoder) < 0.005)
        imr_buf_str(out, " as before");
    else if (f->metric && f->adapter)
        imr_buf_printf(out, " -> %s", part_text(b, f->metric_after));
    imr_buf_char(out, '.');
}

void imr_sentence_query(imr_buf *out, const imr_sentence_ranking *f)
{
    static const char *const steps[] = {"modulation", "projector"};
    char figures[16];
    snprintf(figures, sizeof figures, "%u", f->moves);
    if (f->adapter)
        imr_buf_printf(out, "%zu of %zu moved against the encoder", f->moved, f->documents);
    else
        imr_buf_str(out, "Ranked by the encoder alone");
    put_metric(out, f);
    if (f->influential)
        imr_buf_printf(
            out,
            " Of the feedback documents %s moved the query most: without it %s of the first ten "
            "would stand elsewhere.",
            f->influential, f->moves ? figures : "none");
    if (!f->adapter || !f->moved || isnan(f->tau_projector) || isnan(f->tau_modulation))
        return;
    const bool projector = f->tau_projector < f->tau_modulation;
    const double tau = fmin(f->tau_projector, f->tau_modulation);
    imr_number a, b;
    imr_buf_printf(out, " The %s %s (tau %s, the %s %s).", steps[projector],
                   tau < 0 ? "turned the ranking around" : "changed the order more",
                   imr_sentence_sd(a, tau), steps[!projector],
                   imr_sentence_sd(b, fmax(f->tau_projector, f->tau_modulation)));
}
