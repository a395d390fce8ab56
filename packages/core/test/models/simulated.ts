/** The real service over the real `LmStudioApi` and `LmsCli`, over a simulated LM Studio and files in memory. */
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { ModelCatalog } from "#src/models/catalog/ModelCatalog.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import * as SimulatorLayers from "@lms-bridge/simulator/SimulatorLayers"

export interface Options {
  readonly simulator?: SimulatorLayers.LayerOptions
  readonly settings?: Partial<Values>
  /** Whether there is an `lms`; true by default. */
  readonly lms?: boolean
  readonly files?: MemoryFileSystem.Options
  /** Instead of the real `lms`. */
  readonly cli?: ReturnType<typeof misbehaving>
}

/** What an lms-bridge process has for itself, over a machine that it may share with another. */
export const bridge = ({ cli, lms = true, settings = {} }: Options = {}) =>
  ModelLifecycle.layerNoDeps.pipe(
    Layer.provideMerge(ModelCatalog.layer),
    Layer.provideMerge(Layer.merge(LmStudioApi.layer, cli ?? LmsCli.layer)),
    Layer.provideMerge(Resilience.layer),
    Layer.provide(
      Settings.layerWith({
        retries: 0,
        dataDir: Option.some("/data"),
        lmsBinary: Option.some(lms ? "/opt/lms" : "none"),
        ...settings
      })
    )
  )

/** The machine: a simulated LM Studio and a disk. */
export const machine = ({ files = {}, simulator = {} }: Options = {}) =>
  Layer.merge(
    SimulatorLayers.layer(simulator),
    MemoryFileSystem.layer({ ...files, files: { "/opt/lms": "", ...files.files } })
  )

export const layer = (options: Options = {}) => bridge(options).pipe(Layer.provideMerge(machine(options)))

/** Runs on that machine in virtual time, in which a load or an hour of idling takes no real time. */
export const onMachine =
  <R, E2, RIn>(machine: Layer.Layer<R, E2, RIn>) =>
  <A, E>(self: Effect.Effect<A, E, R | Scope.Scope>) =>
    inVirtualTime(Effect.provide(Effect.scoped(self), machine))

/**
 * An lms-bridge process on the machine. `end` makes it exit cleanly; `crash` leaves LM Studio and the disk as they are at
 * that moment, like kill -9.
 */
export const startProcess = Effect.fnUntraced(function* (options: Options = {}) {
  const files = yield* MemoryFileSystem.MemoryFiles
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const context = yield* Layer.buildWithScope(Layer.fresh(bridge(options)), scope)
  const end = Scope.close(scope, Exit.void)
  return {
    lifecycle: Context.get(context, ModelLifecycle),
    end,
    crash: Effect.gen(function* () {
      const before = yield* files.all
      yield* end
      for (const path of (yield* files.all).keys()) yield* files.remove(path)
      for (const [path, text] of before) yield* files.write(path, text)
    })
  }
})

/** `METHOD path` of every request since the last `clearSeen`. */
export const requests = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.seen, (seen) => seen.requests.map(({ method, path }) => `${method} ${path}`))
)

/** The arguments of every `lms` call since the last `clearSeen`. */
export const lmsCalls = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.seen, (seen) => seen.commands.map(({ argv }) => argv.join(" ")))
)

/** What is in memory according to the simulated machine itself. */
export const inMemory = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.snapshot, ({ instances }) => instances.map(({ id }) => id))
)

/** An `lms` that misbehaves where `changes` say so. */
export const misbehaving = (
  changes: (
    real: Context.Tag.Service<LmsCli>,
    control: Context.Tag.Service<SimulatorControl>
  ) => Partial<Context.Tag.Service<LmsCli>>
) =>
  Layer.effect(
    LmsCli,
    Effect.zipWith(LmsCli, SimulatorControl, (real, control) => ({ ...real, ...changes(real, control) }))
  ).pipe(Layer.provide(LmsCli.layer))

export const qwen = "qwen/qwen3-4b-2507"
export const oss = "openai/gpt-oss-20b"
export const qwen8 = "qwen/qwen3-8b"
export const llama = "llama-3.2-3b-instruct"
export const nomic = "text-embedding-nomic-embed-text-v1.5"
