/** The real service over the real `LmStudioApi` and `LmsCli`, over a simulated LM Studio and files in memory. */
import { Effect, Fiber, Layer, Option, TestClock } from "effect"
import { Settings, type Values } from "@lms-bridge/core/configuration/Settings"
import { LmStudioApi } from "@lms-bridge/core/lmstudio/LmStudioApi"
import { LmsCli } from "@lms-bridge/core/lmstudio/LmsCli"
import { ModelCatalog } from "@lms-bridge/core/models/ModelCatalog"
import { ModelLifecycle } from "@lms-bridge/core/models/ModelLifecycle"
import { Resilience } from "@lms-bridge/core/resilience/Resilience"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import * as SimulatorLayers from "@lms-bridge/testing/simulator/SimulatorLayers"

export interface Options {
  readonly simulator?: SimulatorLayers.LayerOptions
  readonly settings?: Partial<Values>
  /** Whether there is an `lms`; true unless said otherwise. */
  readonly lms?: boolean
  readonly files?: MemoryFileSystem.Options
}

/** What a process of lms-bridge has for itself, over a machine that it may share with another. */
export const bridge = ({ lms = true, settings = {} }: Options = {}) =>
  ModelLifecycle.layerNoDeps.pipe(
    Layer.provideMerge(ModelCatalog.layer),
    Layer.provideMerge(Layer.merge(LmStudioApi.layer, LmsCli.layer)),
    Layer.provide(Resilience.layer),
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

/** Runs while the clock goes on by itself, a step at a time, as it would for a person who waits. */
export const inTime = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  step: `${number} millis` | `${number} seconds` = "50 millis"
) =>
  Effect.flatMap(Effect.fork(self), (fiber) =>
    Effect.flatMap(Effect.fork(Effect.forever(TestClock.adjust(step))), (clock) =>
      Effect.ensuring(Fiber.join(fiber), Fiber.interrupt(clock))
    )
  )

export const qwen = "qwen/qwen3-4b-2507"
export const oss = "openai/gpt-oss-20b"
export const qwen8 = "qwen/qwen3-8b"
export const llama = "llama-3.2-3b-instruct"
export const nomic = "text-embedding-nomic-embed-text-v1.5"
