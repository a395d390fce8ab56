/** The env files that entries name: read together with the configuration, and checked for changes with it. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { VariableSource } from "./ConfigVariables.ts"
import type { ConfigEntry } from "./McpConfig.ts"
import * as ServerDefinition from "./ServerDefinition.ts"
import * as ConfigText from "../dialects/ConfigText.ts"
import * as EnvFile from "./EnvFile.ts"

export interface EnvFiles {
  readonly of: (entry: ConfigEntry) => ServerDefinition.EnvFileText | undefined
  /** By path, a stamp that changes with the file. */
  readonly stamps: ReadonlyMap<string, string | undefined>
}

/**
 * An unusable file is a problem of its entry only. A relative path is resolved in the working folder, like a project's
 * `.env`.
 */
export const read = Effect.fnUntraced(function* (
  machine: { readonly fileSystem: FileSystem.FileSystem; readonly path: Path.Path; readonly cwd: string },
  entries: ReadonlyArray<ConfigEntry>,
  variables: VariableSource
): Effect.fn.Return<EnvFiles> {
  const { cwd, fileSystem, path } = machine
  const pathOf = (entry: ConfigEntry) => {
    const named = ServerDefinition.envFileOf(entry, variables)
    return named === undefined ? undefined : path.resolve(cwd, named)
  }
  const paths = new Set(entries.flatMap((entry) => pathOf(entry) ?? []))
  const texts = new Map<string, ServerDefinition.EnvFileText>()
  const stamps = new Map<string, string | undefined>()
  for (const file of paths) {
    stamps.set(file, yield* stampAt(fileSystem, file))
    texts.set(file, yield* one(fileSystem, file))
  }
  return {
    stamps,
    of: (entry) => {
      const file = pathOf(entry)
      return file === undefined ? undefined : texts.get(file)
    }
  }
})

/**
 * A stamp that changes whenever an editor writes the file in place or replaces it by renaming another over it.
 * Undefined when there is no file.
 */
export const stampAt = (fileSystem: FileSystem.FileSystem, path: string): Effect.Effect<string | undefined> =>
  fileSystem.stat(path).pipe(
    Effect.map(stampOf),
    Effect.orElseSucceed(() => undefined)
  )

export const stampOf = (info: FileSystem.File.Info): string =>
  [
    Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.getTime() }),
    info.size,
    Option.getOrElse(info.ino, () => 0)
  ].join(" ")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const one = (fileSystem: FileSystem.FileSystem, file: string): Effect.Effect<ServerDefinition.EnvFileText> =>
  fileSystem.readFile(file).pipe(
    Effect.match({
      onFailure: (error) =>
        Either.left(
          error._tag === "SystemError" && error.reason === "NotFound"
            ? `Its "envFile" ${file} does not exist. Create it, or correct its path.`
            : `Its "envFile" ${file} cannot be read.`
        ),
      onSuccess: (bytes) =>
        Either.mapLeft(
          EnvFile.parse(ConfigText.decode(bytes).text),
          (line) => `Its "envFile" ${file} has an invalid line ${line}. Write it as NAME=value.`
        )
    })
  )
