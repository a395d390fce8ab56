// @effect-diagnostics strictEffectProvide:off
/** Node's files for the log, loaded only where a log file is configured: a usual start does without. */
import { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

export const fileSystem: Effect.Effect<FileSystem> = Effect.flatMap(
  Effect.promise(() => import("@effect/platform-node/NodeFileSystem")),
  ({ layer }) => Effect.provide(FileSystem, layer)
)
