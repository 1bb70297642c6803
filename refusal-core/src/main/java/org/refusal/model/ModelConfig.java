package org.refusal.model;

/** The sizes of a decoder, as config.json gives them. Extended by what the families need. */
public record ModelConfig(
    String name, String modelType, int layers, int dModel, int vocabSize, int maxPositions) {}
