/** Whether the program of an entry is there, as far as can be known without starting it. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { CurrentOperatingSystem } from "../../machine/OperatingSystem.ts"
import { McpServerUnavailable } from "../McpError.ts"
import type { Launch } from "../config/Launch.ts"
import type { ServerDefinition } from "../config/ServerDefinition.ts"

type Program = Extract<Launch, { readonly _tag: "Stdio" }>

/** Why a program cannot be started. */
export interface Missing {
  readonly reason: "CommandNotFound" | "Spawn"
  readonly detail: string
}

/** The sentence for each of the definitions whose program is missing. Each is looked for at most once a second. */
export const make = Effect.fnUntraced(function* (
  inherited: Effect.Effect<(name: string) => string | undefined>
): Effect.fn.Return<
  (definitions: ReadonlyArray<ServerDefinition>) => Effect.Effect<ReadonlyMap<ServerDefinition, string>>,
  never,
  FileSystem.FileSystem | Path.Path
> {
  const look = yield* makeLook
  const known = new WeakMap<ServerDefinition, { readonly at: number; readonly problem: string | undefined }>()
  return Effect.fnUntraced(function* (definitions) {
    const now = yield* Clock.currentTimeMillis
    const isRecent = (definition: ServerDefinition) => now - (known.get(definition)?.at ?? -Infinity) < recently
    const old = definitions.filter((definition) => !isRecent(definition))
    if (old.length > 0) {
      const variables = yield* inherited
      for (const definition of old) known.set(definition, { at: now, problem: yield* look(definition, variables) })
    }
    return new Map(
      definitions.flatMap((definition) => {
        const problem = known.get(definition)?.problem
        return problem === undefined ? [] : [[definition, problem] as const]
      })
    )
  })
})

/** The words for a command that is nowhere, or not at its path. */
export const commandNotFound = (command: string): Missing => {
  const from = comesWith.get(command)
  return {
    reason: "CommandNotFound",
    detail:
      from === undefined
        ? `Install "${command}", or write its full path into the entry.`
        : // a preset has no entry
          `Install ${from}, which has "${command}", or add the folder of "${command}" to PATH where lms-bridge is started.`
  }
}

export const notExecutable = (command: string): Missing => ({
  reason: "Spawn",
  detail: `"${command}" is not executable.`
})

export const noFolder = (folder: string): Missing => ({
  reason: "Spawn",
  detail: `Its working directory ${folder} does not exist.`
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Milliseconds. */
const recently = 1000

/** Programs that are installed under another name. */
const comesWith: ReadonlyMap<string, string> = new Map([
  ["npx", "Node.js (https://nodejs.org)"],
  ["uvx", "uv (https://docs.astral.sh/uv)"]
])

const makeLook = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const windows = (yield* CurrentOperatingSystem) === "win32"

  /** Undefined where nothing is; what cannot be looked at counts as there. */
  const seen = (file: string) =>
    fileSystem.stat(file).pipe(
      Effect.catchAll((error) =>
        Effect.succeed(error._tag === "SystemError" && error.reason === "NotFound" ? undefined : hidden)
      ),
      Effect.orElseSucceed(() => hidden)
    )
  const mayRun = ({ mode, type }: typeof hidden) => type === "File" && (windows || (mode & 0o111) !== 0)

  const command = Effect.fnUntraced(function* (
    { command, env }: Program,
    folder: string,
    inherited: (name: string) => string | undefined
  ) {
    const variable = (wanted: string) => {
      const own = Object.keys(env).find((name) => (windows ? name.toUpperCase() === wanted : name === wanted))
      const value = own === undefined ? undefined : env[own]
      return value === undefined ? inherited(wanted) : Redacted.value(value)
    }
    const named = windows ? /[\\/]|^[A-Za-z]:/.test(command) : command.includes("/")
    const search = variable("PATH")
    if (!named && search === undefined) return undefined
    const folders = named ? [""] : [...(windows ? [""] : []), ...(search ?? "").split(windows ? ";" : ":")]
    const endings = windows ? ["", ...(variable("PATHEXT") ?? usualEndings).split(";")] : [""]
    let found = false
    for (const one of folders) {
      for (const ending of endings) {
        const file = yield* seen(path.resolve(folder, one, `${command}${ending}`))
        if (file !== undefined && mayRun(file)) return undefined
        found ||= file?.type === "File"
      }
    }
    return found ? notExecutable(command) : commandNotFound(command)
  })

  /** Only where the first argument can be nothing else: `node server.js`, not `node --import x server.js`. */
  const script = Effect.fnUntraced(function* ({ args: [first = ""], command }: Program, folder: string) {
    const [, interpreter] = /(?:^|[\\/])(node|python)[\d.]*(?:\.exe)?$/i.exec(command) ?? []
    if (interpreter === undefined || !/^[^-].*[\\/.]/.test(first) || /^\w{2,}:/.test(first)) return undefined
    const endings = interpreter.toLowerCase() === "node" ? ["", ".js", ".json", ".node"] : [""]
    for (const ending of endings) {
      if ((yield* seen(path.resolve(folder, `${first}${ending}`))) !== undefined) return undefined
    }
    return { reason: "Spawn", detail: `Its script "${first}" does not exist.` } satisfies Missing
  })

  return Effect.fnUntraced(function* (
    { launch, name: server }: ServerDefinition,
    inherited: (name: string) => string | undefined
  ) {
    if (Either.isLeft(launch) || launch.right._tag !== "Stdio") return undefined
    const program = launch.right
    const folder = path.resolve(program.cwd ?? ".")
    const missing =
      program.cwd !== undefined && (yield* seen(folder)) === undefined
        ? noFolder(program.cwd)
        : ((yield* command(program, folder, inherited)) ?? (yield* script(program, folder)))
    return missing === undefined ? undefined : new McpServerUnavailable({ server, ...missing, stderrTail: "" }).message
  })
})

/** What cannot be looked at. */
const hidden: Pick<FileSystem.File.Info, "mode" | "type"> = { type: "File", mode: 0o777 }

const usualEndings = ".COM;.EXE;.BAT;.CMD"
