/** `lms ps` and `lms ls` (contract F3, F4): tables and JSON, with the fields of this version of `lms`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { model, type ModelOnDisk } from "../state/Catalogue.ts"
import * as Json from "../internal/json.ts"
import type { Instance, Machine } from "../state/LmStudioState.ts"
import type { Command, Session } from "./Session.ts"
import { connect, fail } from "./Session.ts"
import { hostOptions, logOptions } from "./Usage.ts"
import * as Words from "./Words.ts"

export const ps: Command = {
  shape: { name: "ps", options: [{ long: "--json" }, ...hostOptions, ...logOptions] },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    yield* connect(session)
    const machine = yield* session.world.state.get
    const now = yield* Clock.currentTimeMillis
    const { cliSince } = session.settings
    // LLMs first, then embeddings.
    const instances = machine.instances.toSorted((left, right) => rank(left) - rank(right))
    if (session.parsed.flags.has("--json")) {
      yield* session.out(
        Json.stringify([
          ...instances.map((instance) => psEntry(machine, instance, cliSince)),
          ...linked(session, ({ loaded }) => loaded).map((entry) => ({
            ...entry,
            identifier: entry["modelKey"] ?? null
          }))
        ])
      )
      return 0
    }
    if (instances.length === 0) {
      yield* session.err("No models are currently loaded.\n\nTo load a model, run:\n\n    lms load")
      return 0
    }
    const rows = instances.map((instance) => [
      instance.id,
      instance.key,
      instance.status.toUpperCase(),
      Words.size(modelOf(machine, instance.key)?.sizeBytes ?? 0, cliSince),
      String(instance.contextLength),
      String(instance.type === "embedding" ? "" : instance.parallel),
      "Local",
      ttlText(instance, now)
    ])
    yield* session.out(
      Words.table([["IDENTIFIER", "MODEL", "STATUS", "SIZE", "CONTEXT", "PARALLEL", "DEVICE", "TTL"], ...rows])
    )
    return 0
  })
}

export const ls: Command = {
  shape: {
    name: "ls",
    argument: { name: "modelKey", required: false },
    options: [
      { long: "--llm" },
      { long: "--embedding" },
      { long: "--detailed" },
      { long: "--variants", since: 202510 },
      { long: "--json" },
      ...hostOptions,
      ...logOptions
    ]
  },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const { argument, flags } = session.parsed
    if (argument !== undefined && flags.has("--variants")) {
      return yield* fail(session, "Error: The --variants flag cannot be used together with a model key.")
    }
    yield* connect(session)
    const machine = yield* session.world.state.get
    if (argument !== undefined) return yield* variantsOf(session, machine, argument)
    if (flags.has("--detailed")) yield* session.err("W The --detailed flag is deprecated.")
    const wanted = machine.models.filter(
      (model) =>
        (flags.has("--llm") === flags.has("--embedding") || flags.has("--llm") === (model.type === "llm")) &&
        (!flags.has("--variants") || model.variants !== undefined)
    )
    return flags.has("--json") ? yield* listJson(session, wanted) : yield* listText(session, machine, wanted)
  })
}

/** One model as `lms` describes it, in the fields of this version. */
export const modelInfo = (model: ModelOnDisk, cliSince: number): Json.JsonObject =>
  Json.compact({
    type: model.type,
    modelKey: model.key,
    format: model.format === "mlx" ? "safetensors" : "gguf",
    displayName: model.displayName,
    publisher: model.publisher,
    path: model.path,
    sizeBytes: model.sizeBytes,
    indexedModelIdentifier: model.path,
    deviceIdentifier: cliSince >= 202602 ? null : undefined,
    paramsString: model.paramsString ?? undefined,
    architecture: model.architecture,
    quantization: model.quantization,
    variants: cliSince >= 202510 ? model.variants : undefined,
    selectedVariant: cliSince >= 202510 ? model.selectedVariant : undefined,
    ...(model.type === "llm" ? { vision: model.vision, trainedForToolUse: model.trainedForToolUse } : {}),
    maxContextLength: model.maxContextLength
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const rank = (instance: Instance) => (instance.type === "llm" ? 0 : 1)

const modelOf = (machine: Machine, key: string) => machine.models.find((model) => model.key === key)

const psEntry = (machine: Machine, instance: Instance, cliSince: number) => {
  const model = modelOf(machine, instance.key)
  const { maxContextLength, trainedForToolUse, vision, ...facts } =
    model === undefined ? { modelKey: instance.key, type: instance.type } : modelInfo(model, cliSince)
  return Json.compact({
    ...facts,
    identifier: instance.id,
    ...(cliSince < 202508 ? { instanceReference: `ref-${instance.id}` } : {}),
    ttlMs: instance.ttlMs,
    lastUsedTime: instance.lastUsedTime,
    vision,
    trainedForToolUse,
    maxContextLength,
    contextLength: instance.contextLength,
    ...(cliSince >= 202509 ? { status: instance.status, queued: instance.queued } : {}),
    ...(cliSince >= 202603 ? { parallel: instance.type === "embedding" ? null : instance.parallel } : {})
  })
}

const ttlText = (instance: Instance, now: number): string =>
  instance.ttlMs === null
    ? ""
    : `${Words.remaining(instance.queued > 0 ? instance.ttlMs : instance.ttlMs - (now - instance.idleSince))} / ${Words.remaining(instance.ttlMs)}`

const variantInfo = (model: ModelOnDisk, variant: string, cliSince: number): Json.JsonObject => ({
  ...modelInfo(model, cliSince),
  modelKey: variant,
  quantization: { ...model.quantization, name: variant.slice(variant.indexOf("@") + 1).toUpperCase() }
})

const variantsOf = Effect.fnUntraced(function* (session: Session, machine: Machine, key: string) {
  const model = modelOf(machine, key)
  if (model?.variants === undefined) {
    return yield* fail(session, `Error: No variants found for model key "${key}".`)
  }
  const variants = model.variants.map((variant) => variantInfo(model, variant, session.settings.cliSince))
  yield* session.out(session.parsed.flags.has("--json") ? Json.stringify(variants) : model.variants.join("\n"))
  return 0
})

const listJson = Effect.fnUntraced(function* (session: Session, models: ReadonlyArray<ModelOnDisk>) {
  const { cliSince } = session.settings
  const rows = session.parsed.flags.has("--variants")
    ? models.map((model) => ({
        model: modelInfo(model, cliSince),
        variants: (model.variants ?? []).map((variant) => variantInfo(model, variant, cliSince))
      }))
    : models.map((model) => modelInfo(model, cliSince))
  yield* session.out(Json.stringify([...rows, ...linked(session)]))
  return 0
})

/** Those of other devices, which versions before LM Link do not know. */
const linked = (
  { settings }: Session,
  isWanted: (one: Session["settings"]["linked"][number]) => boolean = () => true
): ReadonlyArray<Json.JsonObject> =>
  settings.cliSince < 202602
    ? []
    : settings.linked
        .filter(isWanted)
        .map(({ device, model: key }) => ({ ...modelInfo(model(key), settings.cliSince), deviceIdentifier: device }))

const listText = Effect.fnUntraced(function* (session: Session, machine: Machine, models: ReadonlyArray<ModelOnDisk>) {
  if (models.length === 0) {
    yield* session.out("You have not downloaded any models yet.")
    return 0
  }
  const total = models.reduce((sum, model) => sum + model.sizeBytes, 0)
  yield* session.out(
    `\nYou have ${models.length} models, taking up ${Words.size(total, session.settings.cliSince)} of disk space.\n`
  )
  for (const type of ["llm", "embedding", "drafter", "transcription", "decision"] as const) {
    const rows = models
      .filter((model) => model.type === type)
      .map((model) => [
        model.key,
        model.paramsString ?? "",
        model.architecture,
        Words.size(model.sizeBytes, session.settings.cliSince),
        "Local",
        loadedMark(machine, model)
      ])
    if (rows.length > 0) {
      const heading = type.toUpperCase()
      yield* session.out(`${Words.table([[heading, "PARAMS", "ARCH", "SIZE", "DEVICE", ""], ...rows])}\n`)
    }
  }
  return 0
})

const loadedMark = (machine: Machine, model: ModelOnDisk): string => {
  const count = machine.instances.filter((instance) => instance.key === model.key).length
  return count === 0 ? "" : count === 1 ? "✓ LOADED" : `✓ LOADED (${count})`
}
