/** All services of lms-bridge, wired once. An executable adds only its platform. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentLoop } from "./agent/AgentLoop.ts"
import { Skills } from "./skills/Skills.ts"
import { UserPolicies } from "./agent/policy/PolicyFile.ts"
import { Presets } from "./agent/presets/Presets.ts"
import { RunJournal } from "./runs/RunJournal.ts"
import * as RunObserver from "./runs/RunObserver.ts"
import { SemanticRank } from "./agent/tools/SemanticRank.ts"
import { StoredVectors } from "./agent/tools/StoredVectors.ts"
import { WorkingFolders } from "./machine/WorkingFolders.ts"
import { Settings, type SettingsInvalid } from "./configuration/Settings.ts"
import { LmStudioApi } from "./lmstudio/LmStudioApi.ts"
import { LmsCli } from "./lmstudio/LmsCli.ts"
import { McpRegistry } from "./mcp/McpRegistry.ts"
import { Images } from "./images/Images.ts"
import { Downloader } from "./models/catalog/Downloader.ts"
import { Embedder } from "./models/catalog/Embedder.ts"
import { ModelLifecycle } from "./models/ModelLifecycle.ts"
import { ModelRegistry } from "./registry/ModelRegistry.ts"
import { Suitability } from "./registry/Suitability.ts"
import * as RoutedLifecycle from "./registry/RoutedLifecycle.ts"
import { Resilience } from "./resilience/Resilience.ts"

export type Services =
  | AgentLoop
  | RunJournal
  | Presets
  | WorkingFolders
  | Images
  | Embedder
  | Downloader
  | McpRegistry
  | ModelLifecycle
  | ModelRegistry
  | LmStudioApi
  | LmsCli
  | Resilience

/** What the executable must provide: `NodeContext.layer` and `NodeHttpClient.layer` in Node. */
export type Platform = HttpClient.HttpClient | CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path

const oneServer = ModelLifecycle.layer.pipe(
  Layer.provideMerge(Layer.merge(LmStudioApi.layer, LmsCli.layer)),
  Layer.provideMerge(Resilience.layer)
)

/** LM Studio, or several of them; what that needs is loaded only then, because most machines have one. */
const servers = Layer.unwrapEffect(
  Effect.flatMap(Settings, ({ hosts }) =>
    hosts.length === 0
      ? Effect.succeed(oneServer)
      : Effect.map(
          Effect.promise(() => import("./models/hosts/HostedServices.ts")),
          ({ layer }) => layer
        )
  )
)

/**
 * The services over given settings and a journal of the caller's: whoever keeps runs elsewhere than in the data folder
 * gives it here.
 */
export const layerOver = <E, R>(
  journal: Layer.Layer<RunJournal, E, R>
): Layer.Layer<Services, E, R | Platform | Settings> =>
  Layer.mergeAll(
    AgentLoop.layerNoDeps.pipe(
      Layer.provide(SemanticRank.layer),
      Layer.provide(Layer.merge(Embedder.layer, StoredVectors.layer))
    ),
    Presets.layer,
    Images.layer,
    Embedder.layer,
    Downloader.layer
  ).pipe(
    Layer.provideMerge(
      Layer.mergeAll(ModelRegistry.forms, ModelRegistry.evidence, Suitability.layer, RunObserver.layer).pipe(
        Layer.provideMerge(ModelRegistry.layer),
        Layer.provide(RunObserver.past)
      )
    ),
    Layer.provideMerge(
      Layer.mergeAll(journal, UserPolicies.layer, McpRegistry.layer, WorkingFolders.layer, Skills.layer)
    ),
    Layer.provideMerge(RoutedLifecycle.layer.pipe(Layer.provideMerge(servers)))
  )

/** The services over given settings. */
export const layerNoDeps: Layer.Layer<Services, never, Platform | Settings> = layerOver(RunJournal.layer)

/** The services over settings from the environment; building fails when a setting is invalid. */
export const layer: Layer.Layer<Services | Settings, SettingsInvalid, Platform> = layerNoDeps.pipe(
  Layer.provideMerge(Settings.layer)
)
