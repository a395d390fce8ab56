/** Merges the lists of the API, `lms ps` and `lms ls`: the API takes precedence, `lms` adds what it alone knows. */
import type { ApiModel, ModelInstance, ServerInfo } from "../../lmstudio/ApiModel.ts"
import type { LmsInstance, LmsModel } from "../../lmstudio/LmsModel.ts"
import type { Catalog, CatalogInstance, CatalogModel, FactSource } from "./CatalogModel.ts"
import { present } from "../../schema/Fields.ts"

export const apiOnly = (server: ServerInfo, models: ReadonlyArray<ApiModel>, why: string): Catalog => ({
  server,
  models: models.map((model) => ofApi(model, [])),
  lms: { used: false, why }
})

/**
 * Adds what `lms` knows to what the API lists. An instance that only `lms ps` lists counts only for the legacy dialect,
 * whose state lags and hides models behind identifiers (contract B). When the two have no instance in common, they
 * describe different machines, and `lms` is left out.
 */
export const merge = (
  server: ServerInfo,
  models: ReadonlyArray<ApiModel>,
  ps: ReadonlyArray<LmsInstance>,
  ls: ReadonlyArray<LmsModel>
): Catalog => {
  const listed = new Set(models.flatMap(({ instances }) => instances.map(({ id }) => id)))
  const here = ps.filter(isHere)
  const lags = server.dialect === "legacy-v0"
  const agree = here.some(({ identifier }) => listed.has(identifier))
  if (!agree && (listed.size > 0 || (here.length > 0 && !lags))) {
    return apiOnly(server, models, "`lms` lists none of the loaded models: it talks to another LM Studio")
  }
  // v0 lists an instance that has an identifier of its own as if it were a model
  const isAlias = ({ key }: ApiModel) =>
    lags && here.some(({ identifier, modelKey }) => identifier === key && modelKey !== key)
  const shown = models.filter((model) => !isAlias(model))
  const known = new Set(shown.map(({ key }) => key))
  const unlisted = (key: string, instances: ReadonlyArray<ModelInstance>) =>
    lags ? here.filter((entry) => entry.modelKey === key && !instances.some(({ id }) => id === entry.identifier)) : []
  const onDisk = [...ls, ...(lags ? here : [])].filter(
    (entry, index, all) =>
      !known.has(entry.modelKey) &&
      isHere(entry) &&
      all.findIndex(({ modelKey }) => modelKey === entry.modelKey) === index
  )
  return {
    server,
    models: [
      ...shown.map((model) =>
        withDisk(
          ofApi(model, here, unlisted(model.key, model.instances)),
          ls.find(({ modelKey }) => modelKey === model.key)
        )
      ),
      ...onDisk.map((entry) => ({
        ...ofDisk(entry),
        instances: unlisted(entry.modelKey, []).map((instance) => ofInstance(undefined, instance))
      }))
    ],
    lms: { used: true }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isHere = ({ deviceIdentifier }: LmsModel) => deviceIdentifier === undefined || deviceIdentifier === null

const ofApi = (
  model: ApiModel,
  ps: ReadonlyArray<LmsInstance>,
  unlisted: ReadonlyArray<LmsInstance> = []
): CatalogModel => ({
  ...model,
  instances: [
    ...model.instances.map((instance) =>
      ofInstance(
        instance,
        ps.find(({ identifier }) => identifier === instance.id)
      )
    ),
    ...unlisted.map((entry) => ofInstance(undefined, entry))
  ],
  from: ["api"],
  origin: {}
})

const ofInstance = (instance: ModelInstance | undefined, entry: LmsInstance | undefined): CatalogInstance => {
  const contextLength = instance?.contextLength ?? entry?.contextLength
  return {
    id: instance?.id ?? entry?.identifier ?? "",
    ...present({ contextLength }),
    ...present({ status: entry?.status ?? instance?.status }),
    ...(entry === undefined ? {} : { busy: entry.isBusy, ttlMillis: entry.ttlMs ?? null }),
    ...(typeof entry?.lastUsedTime === "number" ? { lastUsedAt: entry.lastUsedTime } : {}),
    from: [...(instance === undefined ? [] : ["api" as const]), ...(entry === undefined ? [] : ["lms ps" as const])]
  }
}

const factsOf = (entry: LmsModel) => ({
  publisher: entry.publisher,
  architecture: entry.architecture,
  sizeBytes: entry.sizeBytes,
  params: entry.paramsString,
  format: entry.format,
  maxContextLength: entry.maxContextLength,
  vision: entry.vision,
  toolUse: entry.trainedForToolUse,
  path: entry.path
})

/** Fills in what the API omits. The two name formats differently (contract 0.6), so the API's stays. */
const withDisk = (model: CatalogModel, entry: LmsModel | undefined): CatalogModel => {
  if (entry === undefined) return model
  const missing = Object.entries(factsOf(entry)).filter(
    ([field, value]) => value !== undefined && value !== null && (model as Record<string, unknown>)[field] === undefined
  )
  return {
    ...model,
    ...Object.fromEntries(missing),
    variants: model.variants.length > 0 ? model.variants : (entry.variants ?? []),
    from: [...model.from, "lms ls"],
    origin: { ...model.origin, ...Object.fromEntries(missing.map(([field]) => [field, "lms ls" as FactSource])) }
  }
}

const ofDisk = (entry: LmsModel): CatalogModel => {
  const facts = Object.entries(factsOf(entry)).filter(([, value]) => value !== undefined && value !== null)
  return {
    key: entry.modelKey,
    type: entry.type,
    displayName: entry.displayName ?? entry.modelKey,
    ...Object.fromEntries(facts),
    variants: entry.variants ?? [],
    instances: [],
    from: ["lms ls"],
    origin: Object.fromEntries(facts.map(([field]) => [field, "lms ls" as FactSource]))
  }
}
