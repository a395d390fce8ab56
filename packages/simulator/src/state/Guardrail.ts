/** The model loading guardrail: a memory estimate, whether it fits, and the text of the refusal. */
import type { ModelOnDisk } from "./Catalogue.ts"
import type { Machine } from "./Machine.ts"

/** Weights plus context, in bytes: what `--estimate-only` prints and the guardrail compares. */
export const bytesNeeded = (model: ModelOnDisk, contextLength: number): number =>
  model.sizeBytes + contextLength * model.contextBytesPerToken

/** The memory of loaded models and loads in flight. */
export const bytesInUse = (machine: Machine): number =>
  [...machine.instances, ...machine.loading].reduce((total, entry) => {
    const model = machine.models.find((candidate) => candidate.key === entry.key)
    return total + (model === undefined ? 0 : bytesNeeded(model, entry.contextLength))
  }, 0)

export const fits = (machine: Machine, needed: number): boolean =>
  machine.settings.memoryBudgetBytes === null || bytesInUse(machine) + needed <= machine.settings.memoryBudgetBytes

export const refusal = (needed: number): string =>
  `Model loading was stopped due to insufficient system resources. Under the current settings, this model requires approximately ${(
    needed / 1e9
  ).toFixed(
    2
  )} GB of memory, and continuing to load it would likely overload your system and cause it to freeze. If you think this is incorrect, you can adjust the model loading guardrails in settings.`
