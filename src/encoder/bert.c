#include "encoder/bert.h"

static const imr_encoder_ops ops = {.kind = "bert",
                                    .read = imr_transformer_read,
                                    .encode_many = imr_transformer_encode,
                                    .encode_tokens = imr_transformer_encode_tokens};

const imr_transformer_family imr_bert_family = {
    .ops = &ops,
    .model_type = "bert",
    .architecture = "Bert",
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .out = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .types = true,
};
