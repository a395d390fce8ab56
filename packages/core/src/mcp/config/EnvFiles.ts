/** The files of variables that entries name: read beside the configuration, and looked at again with it. */
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
  /** By path, how to tell whether the file has changed. */
  readonly stamps: ReadonlyMap<string, string | undefined>
}

/**
 * A file that cannot be used is one entry's problem. A relative path starts in the working folder, as that of a project's
 * `.env` does.
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
 * Tells whether a file has changed: whenever an editor writes in place or replaces the file by renaming another over it.
 * Undefined when there is none.
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
          (line) => `Its "envFile" ${file} is wrong in line ${line}, which is not of the form NAME=value.`
        )
    })
  )
