/**
 * The delegate beside the entry of `install` and `uninstall`: a skill and a subagent that say when and how to hand work to
 * the local model. Files that a person wrote or changed are theirs.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { ClientFiles, type ClientPlaces, ClientRules, Delegate } from "@lms-bridge/core/McpConfig"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { UsageError } from "../ExitCode.ts"

interface Asked extends ClientFiles.Target {
  readonly dryRun: boolean
}

/** The files that `install` writes. Fails where one of them is somebody else's, before anything is written. */
export const planned = Effect.fnUntraced(function* (machine: ClientPlaces.Machine, asked: Asked) {
  const found = yield* Delegate.look(Delegate.files(yield* Path.Path, machine, asked))
  const foreign = found.find(({ state }) => state === "foreign")
  if (foreign !== undefined && !asked.force) {
    return yield* new UsageError({
      problem: `${foreign.path} is not as lms-bridge writes it, so nothing was changed. Move it away, or replace it with --force, which keeps a copy.`
    })
  }
  return found
})

/** Writes them, and says so in lines. */
export const written = Effect.fnUntraced(function* ({ client, dryRun }: Asked, found: ReadonlyArray<Delegate.Found>) {
  const { title } = ClientRules.rules[client]
  if (found.length === 0) {
    return [`${title} reads no skills or subagents from files, so there is nothing to add beside the entry.`]
  }
  const lines = yield* Effect.forEach(found, (file) =>
    Effect.gen(function* () {
      if (file.state === "same") return [`The ${file.kind} is already there: ${file.path}`]
      if (dryRun)
        return [
          file.path,
          ...file.text
            .trimEnd()
            .split("\n")
            .map((line) => `+${line}`)
        ]
      const copy = file.state === "foreign" ? yield* copied(file.path) : undefined
      yield* Delegate.write(file)
      return [`Wrote the ${file.kind} ${file.path}${copy === undefined ? "" : `, a copy of the old file: ${copy}`}`]
    })
  )
  const rest = dryRun
    ? ["Nothing was written."]
    : found.every(({ state }) => state === "same")
      ? []
      : [`${title} uses them in a new session; \`lms-bridge uninstall ${client}\` takes them away with the entry.`]
  return [...lines.flat(), ...rest]
})

/** Removes what `install` wrote, and nothing that was changed since or that another client uses; says so in lines. */
export const removed = Effect.fnUntraced(function* (machine: ClientPlaces.Machine, asked: Asked) {
  const path = yield* Path.Path
  const found = (yield* Delegate.look(Delegate.files(path, machine, asked))).filter(({ state }) => state !== "absent")
  if (found.length === 0) return []
  const others = (yield* ClientFiles.found(machine, asked.scope)).filter(
    ({ client, entries }) => client !== asked.client && entries.some((name) => name === asked.name)
  )
  const lines = yield* Effect.forEach(found, (file) =>
    Effect.gen(function* () {
      if (file.state === "foreign") return `The ${file.kind} ${file.path} was changed, and stays.`
      const user = others.find(({ client }) =>
        Delegate.files(path, machine, { ...asked, client }).some((other) => other.path === file.path)
      )
      if (user !== undefined) {
        return `The ${file.kind} ${file.path} stays: ${ClientRules.rules[user.client].title} uses it, too.`
      }
      if (asked.dryRun) return `The ${file.kind} ${file.path} would be removed.`
      yield* Delegate.remove(file)
      return `Removed the ${file.kind} ${file.path}`
    })
  )
  return lines
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const copied = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const stamp = DateTime.formatIso(yield* DateTime.now)
    .replaceAll(/[^\d]/g, "")
    .slice(0, 17)
  const copy = `${file}.${stamp}.bak`
  yield* Effect.mapError(
    fs.copyFile(file, copy),
    ({ message }) => new UsageError({ problem: `${copy} cannot be written: ${message}. Nothing was changed.` })
  )
  return copy
})
