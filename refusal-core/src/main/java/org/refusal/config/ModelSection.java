package org.refusal.config;

import java.util.List;

/** {@code model:} which checkpoint, where, and which activations. */
public record ModelSection(
    @Key(
            doc = "Hub name (meta-llama/Llama-2-7b-chat-hf), looked up in the Hugging Face cache, or a checkpoint folder.",
            options = {"--model", "--model-name"})
        String name,
    @Key(doc = "Where to run: cpu, cuda or cuda:N; auto is the first GPU in a build for GPUs, else the CPU.", def = "auto", options = "--device", neutral = true)
        String device,
    @Key(
            doc = "Type of weights and activations; auto is float32 on CPUs and the checkpoint's own type on GPUs.",
            def = "auto",
            choices = {"auto", "float32", "float16", "bfloat16", "float64"})
        String torchDtype,
    @Key(doc = "Must be false: nothing that a checkpoint brings is ever executed.", def = "false")
        boolean trustRemoteCode,
    @Key(
            doc = "Folder of the Hugging Face cache; default $HF_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub.",
            def = Key.EMPTY,
            options = "--cache-dir",
            neutral = true)
        String cacheDir,
    @Key(
            doc = "Hook points whose activations are captured, in forward order: residuals_N, residuals_mid_N (between attention and MLP), mlp_N, attention_N, ranges (residuals_21-31), residuals_all, all (every residuals_N).",
            def = "[]")
        List<String> activationLayers) {}
