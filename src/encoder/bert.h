/*
 * encoder/bert.h - BERT (Devlin et al. 2018): MiniLM, E5, BGE and GTE are BERTs of other weights.
 *
 * Positions from 0, token type 0, names as Hugging Face writes them. For src/encoder only.
 */
#ifndef IMR_ENCODER_BERT_H
#define IMR_ENCODER_BERT_H

#include "encoder/transformer.h"

extern const imr_transformer_family imr_bert_family;

#endif
