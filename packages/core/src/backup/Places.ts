/** Where on this machine the files of a backup are: what is backed up, and what a restore may write. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { place as policyPlace } from "../agent/policy/PolicyFile.ts"
import { Settings } from "../configuration/Settings.ts"
import { SettingsFiles } from "../configuration/SettingsFile.ts"
import { homeFolder } from "../machine/HomeFolder.ts"
import * as StateDirectory from "../machine/StateDirectory.ts"
import { McpRegistry } from "../mcp/McpRegistry.ts"
import type { Kind } from "./Archive.ts"

export interface Place {
  readonly kind: Kind
  readonly name: string
  readonly file: string
}

/** The folders of the data folder that hold files of a kind. What only holds while processes live is not among them. */
const folders = {
  runs: "runs",
  aliases: "aliases",
  models: "registry",
  memory: "servers",
  logins: "logins"
} as const satisfies Partial<Record<Kind, string>>

const isFolder = (kind: Kind): kind is keyof typeof folders => Object.hasOwn(folders, kind)

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const settings = yield* Settings
  const files = yield* SettingsFiles
  const registry = yield* McpRegistry
  const state = yield* StateDirectory.makeWith("nothing can be restored")
  const home = yield* homeFolder
  const policy = yield* policyPlace

  const own = Option.fromNullable(files.find(({ scope }) => scope === "user")?.path)
  const isThere = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
  const inHome = (file: string) =>
    Option.match(home, {
      onNone: () => file,
      onSome: (folder) => (file.startsWith(`${folder}/`) ? `~${file.slice(folder.length)}` : file)
    })

  /** The configurations that lms-bridge reads on this machine, and the locks beside them, whether there or not. */
  const known = Effect.map(registry.candidates, (candidates) => {
    const sources = candidates.map((candidate) => ({ file: path.resolve(candidate.path), used: candidate.used }))
    const lockOf = (file: string) =>
      path.resolve(Option.getOrElse(settings.mcpLock, () => path.join(path.dirname(file), "mcp.lock")))
    return sources.flatMap(({ file, used }) => [
      { kind: "mcp" as const, name: inHome(file), file, used },
      { kind: "locks" as const, name: inHome(lockOf(file)), file: lockOf(file), used }
    ])
  })

  const inFolder = (kind: keyof typeof folders) =>
    Option.match(state.where(folders[kind]), {
      onNone: () => Effect.succeed<ReadonlyArray<Place>>([]),
      onSome: (folder) =>
        Effect.map(
          Effect.orElseSucceed(fs.readDirectory(folder), () => []),
          (names) =>
            names
              .filter(isName)
              .toSorted()
              .map((name): Place => ({ kind, name, file: path.join(folder, name) }))
        )
    })

  const single = (kind: Kind, name: string, file: Option.Option<string>): ReadonlyArray<Place> =>
    Option.match(file, { onNone: () => [], onSome: (found) => [{ kind, name, file: found }] })

  return {
    /** All that is there, each file once. */
    all: Effect.gen(function* () {
      const data = yield* Effect.forEach(
        Object.keys(folders).filter((kind) => isFolder(kind as Kind)),
        (kind) => inFolder(kind as keyof typeof folders) // the keys of the table itself
      )
      const used = (yield* known).filter((one) => one.used)
      const places = [
        ...data.flat(),
        ...single("settings", "config.json", own),
        ...single(
          "policy",
          "policy.json",
          Option.map(policy, (found) => found.path)
        ),
        ...used.map(({ file, kind, name }): Place => ({ kind, name, file }))
      ]
      const once = places.filter(({ file }, index) => places.findIndex((other) => other.file === file) === index)
      return yield* Effect.filter(once, ({ file }) => isThere(file))
    }),
    /** Where a file of an archive belongs on this machine; none for what this machine has no place for. */
    of: Effect.fnUntraced(function* (kind: Kind, name: string) {
      if (isFolder(kind)) {
        return isName(name)
          ? Option.map(state.where(folders[kind]), (folder) => path.join(folder, name))
          : Option.none()
      }
      if (kind === "settings") return own
      if (kind === "policy") return Option.map(policy, (found) => found.path)
      return Option.fromNullable((yield* known).find((one) => one.kind === kind && one.name === name)?.file)
    })
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A file's name, never a path; not one that is being written. */
const isName = (name: string) => /^[^/\\]{1,255}$/.test(name) && !name.startsWith(".") && /\.(?:jsonl?|txt)$/.test(name)
