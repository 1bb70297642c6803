# shellcheck shell=bash
# Sourced by the jobs. Runs refusal; when Slurm announces the end of the time limit (USR1) or ends the job (TERM), lets
# it save its progress and puts the job back into the queue, where it goes on by itself.

# until_done ARGUMENTS-OF-REFUSAL...
until_done() {
  local child='' rc
  trap '[ -z "$child" ] || kill -TERM "$child" 2>/dev/null' USR1 TERM
  scripts/refusal "$@" &
  child=$!
  wait "$child"
  rc=$?
  while kill -0 "$child" 2>/dev/null; do # a signal ended the waiting, not the child
    wait "$child"
    rc=$?
  done
  if [ "$rc" -gt 128 ]; then # what wait said last may be the signal; the child's own status is kept
    wait "$child"
    rc=$?
  fi
  if [ "$rc" -eq 75 ] && [ -n "${SLURM_JOB_ID:-}" ]; then
    echo "refusal: interrupted; job $SLURM_JOB_ID goes back into the queue (it may wait two minutes there)" >&2
    scontrol requeue "$SLURM_JOB_ID"
  fi
  return "$rc"
}
