#!/usr/bin/env bash
# The stages as jobs of their own, each waiting for the one before; a GPU only where one is used.
#   scripts/slurm/chain.sh llama
set -euo pipefail
model=${1:?usage: chain.sh llama|mistral}
case $model in
  llama) collect=configs/models/llama2_7b.yaml ;;
  mistral) collect=configs/models/mistral_7b.yaml ;;
  *) echo "unknown model: $model (llama or mistral)" >&2; exit 2 ;;
esac
sae=configs/sae/sae_balanced_$model.yaml
circuits=configs/circuits/discovery_separate_safe_toxic_$model.yaml
name=$(awk '$1 == "name:" {print $2; exit}' "$collect")
before=
submit() {
  local resources=$1
  shift
  local after=()
  [ -n "$before" ] && after=(--dependency="afterok:$before" --kill-on-invalid-dep=yes)
  # shellcheck disable=SC2086
  before=$(sbatch --parsable --job-name="refusal-$1" $resources "${after[@]}" \
    --wrap "source environment/setup.sh && scripts/refusal $*")
  echo "$1: job $before"
}
cpu="--cpus-per-task=4 --mem=32G --time=01:00:00"
gpu="--gres=gpu:1 --cpus-per-task=8 --mem=64G --time=12:00:00"
submit "$cpu" analyze-data --config configs/data/orbench_analysis.yaml
submit "$gpu" collect --config "$collect"
submit "--cpus-per-task=16 --mem=64G --time=12:00:00" train-saes --config "$sae"
submit "$gpu" discover --config "$circuits"
submit "$cpu" analyze --config "$circuits"
submit "$gpu" evaluate --model "$name"
submit "$cpu" stats --model "$name"
submit "$cpu" report --model "$name"
