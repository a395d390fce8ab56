// @effect-diagnostics strictEffectProvide:off
/** Where Node writes the log: stderr, and files, which are loaded only where one is configured. */
import { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

export const fileSystem: Effect.Effect<FileSystem> = Effect.flatMap(
  Effect.promise(() => import("@effect/platform-node/NodeFileSystem")),
  ({ layer }) => Effect.provide(FileSystem, layer)
)

/** Writes to stderr, in order and at once, as `console.error` does. Nobody may read it any more, which must not end the program. */
export const write = (text: string): void => {
  if (!isHeard) {
    isHeard = true
    process.stderr.on("error", () => undefined)
  }
  process.stderr.write(text)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

let isHeard = false
