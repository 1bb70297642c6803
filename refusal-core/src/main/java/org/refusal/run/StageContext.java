package org.refusal.run;

import java.nio.file.Path;
import org.refusal.base.Progress;

/**
 * What a running stage is given besides its config.
 *
 * @param work folder for progress inside the stage, bound to the stage key: what lies there was made from the same
 *     inputs, config and seed; removed when the stage has finished
 * @param threads CPU threads that the stage may use
 */
public record StageContext(Progress progress, Path work, int threads) {}
