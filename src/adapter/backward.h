/*
 * adapter/backward.h - gradients of every weight for one batch: the chain rule, backwards.
 *
 * All forms. gradient has the shape of w and is overwritten. Checked against
 * PyTorch's gradients and against finite differences of a plain double forward pass.
 */
#ifndef IMR_ADAPTER_BACKWARD_H
#define IMR_ADAPTER_BACKWARD_H

#include "adapter/loss.h"
#include "adapter/pass.h"

/* After imr_pass_forward with the same w and dropout. Returns the batch's loss. */
double imr_backward(imr_weights *gradient, imr_pass *p, const imr_weights *w, const imr_loss *loss,
                    double dropout);

#endif
