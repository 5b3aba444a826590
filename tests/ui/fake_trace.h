/*
 * tests/ui/fake_trace.h - made-up answers whose numbers agree with each other: ranks with
 * similarities, standings and lifts with the listed documents, pairs with the similarity they add
 * up to.
 */
#pragma once

#include "session/audit.h"

/* n documents for the text of a request; the same for the same. */
imr_trace *fake_trace(const imr_session_facts *facts, size_t n, const imr_request *request,
                      const char *text);
/* What each word does when it is left out, as for an encoder that is no sum. */
void fake_leave_out(imr_detail *d);
void fake_why_not(imr_detail *d);
imr_quality *fake_quality(void);
/* Of 30 queries, two thirds of which training saw, some hostile; one at a time. */
imr_audit *fake_audit(bool adapter);
void fake_audit_free(imr_audit *a); /* NULL is fine */
imr_detail *fake_detail(const imr_session_facts *facts, const imr_trace *t, size_t place);
imr_comparison *fake_comparison(const imr_session_facts *facts, const imr_trace *t,
                                const size_t place[2]);
