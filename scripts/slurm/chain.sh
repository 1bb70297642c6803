#!/usr/bin/env bash
# The stages as jobs of their own, each waiting for the one before; a GPU only where one is used. Further options, such
# as --results-dir, go to every stage.
#   scripts/slurm/chain.sh llama [options of every stage]
set -euo pipefail
model=${1:?usage: chain.sh llama|mistral [options of every stage]}
shift
case $model in
  llama) collect=configs/models/llama2_7b.yaml ;;
  mistral) collect=configs/models/mistral_7b.yaml ;;
  *) echo "chain.sh: unknown model: $model (llama or mistral)" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
sae=configs/sae/sae_balanced_$model.yaml
circuits=configs/circuits/discovery_separate_safe_toxic_$model.yaml
name=$(awk '$1 == "name:" {print $2; exit}' "$collect")
options=("$@")
before=

# submit RESOURCES -- STAGE ARGUMENTS...
submit() {
  local resources=()
  while [ "$1" != -- ]; do
    resources+=("$1")
    shift
  done
  shift
  local after=()
  [ -z "$before" ] || after=(--dependency="afterok:$before" --kill-on-invalid-dep=yes)
  before=$(sbatch --parsable --job-name="refusal-$1" "${resources[@]}" "${after[@]+"${after[@]}"}" \
    scripts/slurm/stage.sbatch "$@" "${options[@]+"${options[@]}"}")
  echo "$1: job $before"
}
cpu=(--cpus-per-task=4 --mem=32G --time=01:00:00)
gpu=(--gres=gpu:1 --cpus-per-task=8 --mem=64G --time=12:00:00)
submit "${cpu[@]}" -- analyze-data --config configs/data/orbench_analysis.yaml
submit "${gpu[@]}" -- collect --config "$collect"
submit "${gpu[@]}" -- train-saes --config "$sae"
submit "${gpu[@]}" -- discover --config "$circuits"
submit "${cpu[@]}" -- analyze --config "$circuits"
submit "${gpu[@]}" -- evaluate --model "$name"
submit "${cpu[@]}" -- stats --model "$name"
submit "${cpu[@]}" -- report --model "$name"
