/*
 * adapter/project.h - encoder vectors into the working space.
 *
 * Formula:  diagonal, mean  unit(P x + c), unit(y) = y/max(|y|, 1e-12)
 *           full            P x                                      method.md section 1
 * Shapes:   base [rows,n], out [rows,m] without gaps; out may not overlap base
 * Errors:   IMR_E_SHAPE when base has another n (both named, with the usual cause);
 *           IMR_E_NUMERIC names the first row that is not finite. out is then unspecified.
 * Any number of rows; no allocation.
 */
#ifndef IMR_ADAPTER_PROJECT_H
#define IMR_ADAPTER_PROJECT_H

#include "adapter/weights.h"

imr_status imr_weights_project(const imr_weights *w, imr_view base, float *out,
                               imr_error *err) IMR_NODISCARD;

#endif
