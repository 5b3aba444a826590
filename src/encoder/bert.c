#include "encoder/bert.h"

const imr_transformer_family imr_bert_family = {
    .model_type = "bert",
    .architecture = "Bert",
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .out = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .types = true,
};
