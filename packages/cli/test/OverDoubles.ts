/**
 * The command line over doubles of all services: what a test does not provide is a defect when it is used.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Cli from "#src/Cli.ts"
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { AgentLoop, Presets } from "@lms-bridge/core/AgentLoop"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import { Settings, type Values } from "@lms-bridge/core/Settings"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Known, ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import { type DataFolderUnwritable, WorkingFolders } from "@lms-bridge/core/Machine"
import { CircuitBreaker, Resilience, RetryPolicy } from "@lms-bridge/core/Resilience"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import * as UnusedServices from "@lms-bridge/testing/UnusedServices"
import { type Context, Effect, Layer, Option } from "effect"
import * as FakeScreen from "./FakeScreen.ts"

export interface Doubles {
  readonly loop?: ReadonlyArray<AgentLoopTest.Step>
  readonly agentLoop?: Context.Tag.Service<AgentLoop>
  readonly api?: Partial<Context.Tag.Service<LmStudioApi>>
  readonly lms?: Partial<Context.Tag.Service<LmsCli>>
  readonly lifecycle?: Partial<Context.Tag.Service<ModelLifecycle>>
  readonly registry?: Partial<Context.Tag.Service<ModelRegistry>>
  readonly mcp?: Partial<Context.Tag.Service<McpRegistry>>
  readonly presets?: Partial<Context.Tag.Service<Presets>>
  readonly settings?: Partial<Values>
  /** Runs that are kept, each with all its events. */
  readonly runs?: ReadonlyArray<ReadonlyArray<AgentEvent>>
  /** The one of them that is being carried out. */
  readonly running?: string
  /** Why runs are not kept. */
  readonly unkept?: DataFolderUnwritable
  readonly screen?: FakeScreen.Options
}

export const services = (doubles: Doubles) =>
  Layer.mergeAll(
    doubles.agentLoop === undefined
      ? AgentLoopTest.layerTest(doubles.loop ?? [])
      : Layer.succeed(AgentLoop, doubles.agentLoop),
    journal(doubles.runs ?? [], doubles.running, Option.fromNullable(doubles.unkept)),
    Layer.mock(LmStudioApi, doubles.api ?? {}),
    Layer.mock(LmsCli, doubles.lms ?? {}),
    Layer.mock(ModelLifecycle, {
      withModel: () => () => Effect.dieMessage("ModelLifecycle.withModel was called"),
      ...doubles.lifecycle
    }),
    Layer.mock(McpRegistry, {
      switchedOff: () => Effect.succeed(undefined),
      servers: Effect.succeed(servers),
      candidates: Effect.succeed(candidates),
      ...doubles.mcp
    }),
    Layer.mock(Resilience, {
      protect: () => (self) => self,
      protectUntil: () => (call) => call(Effect.void),
      guard: () => (self) => self,
      breakers: Effect.succeed([]),
      retryPolicy: RetryPolicy.standard,
      breakerPolicy: CircuitBreaker.standard
    }),
    UnusedServices.layer,
    Layer.mock(Presets, doubles.presets ?? {}),
    Layer.mock(ModelRegistry, {
      known: (models) => Effect.succeed(new Map(models.map((model) => [model.key, Known.of(model, undefined)]))),
      ...doubles.registry
    }),
    WorkingFolders.layer.pipe(Layer.provide(Settings.layerWith({})), Layer.provide(NodeContext.layer)),
    Settings.layerWith(doubles.settings ?? {})
  )

const journal = (
  runs: ReadonlyArray<ReadonlyArray<AgentEvent>>,
  running: string | undefined,
  unkept: Option.Option<DataFolderUnwritable>
) =>
  Layer.scoped(
    RunJournal,
    Effect.gen(function* () {
      const journal = yield* RunJournal
      for (const events of runs) {
        const [first] = events
        if (first === undefined) continue
        const written = Effect.flatMap(journal.open(first.runId), (write) => write(events))
        yield* first.runId === running ? written : Effect.scoped(written)
      }
      return { ...journal, unkept: Effect.succeed(unkept) }
    })
  ).pipe(Layer.provide(RunJournal.layerMemory))

const servers: ReadonlyArray<ServerSummary> = ["filesystem", "a", "b"].map((name) => ({
  name,
  transport: "stdio",
  target: name,
  envNames: [],
  source: "/home/me/mcp.json",
  state: "usable",
  connected: false
}))

const candidates = [{ path: "/home/me/mcp.json", origin: "home" as const, exists: true, used: true }]

/** Runs a command line over doubles: its exit code, and what it wrote. */
export const cli = Effect.fnUntraced(
  function* (args: ReadonlyArray<string>, doubles: Doubles = {}) {
    const code = yield* Cli.make(() => services(doubles))(args)
    const written = yield* FakeScreen.Written
    return {
      code,
      out: (yield* written.out).join("\n"),
      err: (yield* written.err).join("\n"),
      flowed: yield* written.flowed
    }
  },
  (effect, _, doubles) => Effect.provide(effect, Layer.merge(NodeContext.layer, FakeScreen.layer(doubles?.screen)))
)
