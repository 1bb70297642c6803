# shellcheck shell=bash
# source environment/setup.sh
# Finds a JDK 17 and keeps caches off the home quota. Changes only this shell.
_refusal_java() { "$1" -version 2>&1 | head -n 1 | grep -qE '"(17|18|19|2[0-9])'; }

if [ -n "${JAVA_HOME:-}" ] && _refusal_java "$JAVA_HOME/bin/java"; then
  :
elif command -v java >/dev/null && _refusal_java "$(command -v java)"; then
  JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
elif command -v module >/dev/null && module load openjdk/17.0 2>/dev/null && _refusal_java "$(command -v java)"; then
  JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
else
  echo "refusal: no JDK 17 found; see environment/README.md" >&2
  unset -f _refusal_java
  # shellcheck disable=SC2317
  return 1 2>/dev/null || exit 1
fi
export JAVA_HOME

if [ -n "${SCRATCH:-}" ] && [ -d "$SCRATCH" ]; then
  export HF_HOME=${HF_HOME:-$SCRATCH/huggingface}
  export DJL_CACHE_DIR=${DJL_CACHE_DIR:-$SCRATCH/djl}
fi
unset -f _refusal_java
echo "refusal: JAVA_HOME=$JAVA_HOME HF_HOME=${HF_HOME:-default}" >&2
